import ArgumentParser
import Foundation
import Synchronization
import VoiceALSADevice
import VoiceConversion
import VoiceKit
import VoiceRealtime
import VoiceVirtualMicrophone

struct LiveCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "live",
        abstract: "Speak in another voice: microphone to speaker, live.",
        discussion: """
            Without a key and without --relay, conversion happens on this machine, with the least delay.
            Use headphones: what the speaker plays comes back into the microphone.

            On a terminal: m mutes, b lets your own voice through, v and V change the voice, + and - the gain, \
            r records, q quits. With --push-to-talk the microphone is open while the space bar is held (a terminal \
            tells of no release, so it closes 0.4 s after the last repeat, and 0.8 s after a short press); for a hotkey \
            of the desktop there are quota-voice ctl talk on and talk off, for its press and its release. \
            Elsewhere a line of status every few seconds, or JSON events with --json. quota-voice ctl drives a \
            running session from anywhere.

            The gate hears ahead, so that no word loses its beginning: in this process within the converter's delay, \
            before a relay for 10 ms more delay. Opus on the wire (--wire opus) needs a tenth of the bandwidth and \
            takes some 25 ms more delay. Every stage of the delay is shown.

            Voices of this machine begin with the speaker of the last session: of your voice the median pitch, its \
            spread and the distance of the formants are kept, three numbers in $XDG_STATE_HOME/quota-voice/speaker.json.

            Exit codes: \(ExitStatus.summary)
            """)

    @Option(name: .shortAndLong, help: ArgumentHelp("The voice; see quota-voice voices.", valueName: "name"))
    var voice = "rachel"

    @Option(name: .shortAndLong, help: ArgumentHelp("The microphone; see quota-voice devices.", valueName: "device"))
    var input = "default"

    @Option(name: .shortAndLong, help: ArgumentHelp("The speaker; see quota-voice devices.", valueName: "device"))
    var output = "default"

    @Option(
        defaultAsFlag: VirtualMicrophone.defaultName,
        help: ArgumentHelp(
            "Be a microphone of this name for other programs, instead of playing to a speaker.", valueName: "name"))
    var virtualMic: String?

    @Option(
        defaultAsFlag: "default",
        help: ArgumentHelp(
            "Play the same on a second speaker: to hear yourself beside --virtual-mic.", valueName: "device"))
    var monitor: String?

    @Option(help: ArgumentHelp("low, balanced, safe, or what the devices may take in ms.", valueName: "latency"))
    var latency = LiveLatency(value: .balanced)

    @Option(
        help: ArgumentHelp(
            "Record both sides: NAME.original.wav and NAME.converted.wav for NAME.wav.", valueName: "file"),
        completion: .file())
    var record: String?

    @Flag(help: "Replace recordings that exist.")
    var force = false

    @Flag(help: "Begin with the own voice.")
    var bypass = false

    @Flag(help: "Somebody else speaks: begin without what is remembered of your voice, and leave that as it is.")
    var guest = false

    @Flag(help: "Begin muted.")
    var mute = false

    @Flag(help: "Be muted but while the space bar is held, or between quota-voice ctl talk on and off.")
    var pushToTalk = false

    @Option(parsing: .unconditional, help: ArgumentHelp("Gain of the microphone, -60 to 40.", valueName: "dB"))
    var gain = 0.0

    @Option(
        help: ArgumentHelp(
            "End after so many seconds, for whose credits a relay asks ahead; without it a relay's session is an hour.",
            valueName: "seconds"))
    var maxDuration: Int?

    @Flag(
        help: """
            Follow a relay's session that has reached its limit (--max-duration, or the hour) by another one, and end \
            never; without it the hour's end is exit code 81.
            """)
    var renew = false

    @Option(help: ArgumentHelp("What to hear while the relay is gone: silence or bypass.", valueName: "what"))
    var onLoss = LossChoice.silence

    @Flag(help: "Print JSON events on standard output, one a line.")
    var json = false

    @OptionGroup(title: "Voices of this machine")
    var tuning: VoiceOptions

    @OptionGroup(title: "Clean-up")
    var cleanUp: CleanUpOptions

    @OptionGroup(title: "Where to convert")
    var relay: RelayOptions

    func validate() throws {
        guard (-60...40).contains(gain) else { throw ValidationError("--gain takes -60 to 40 dB.") }
        if let maxDuration, !(1...86_400).contains(maxDuration) {
            throw ValidationError("--max-duration takes 1 to 86400 seconds.")
        }
    }

    func run() async throws {
        let library = VoiceLibrary()
        var options = try await options(library)
        // From here on there is something to take away at the end, and nothing of another session is touched.
        let running = RunningSession()
        let interrupt = Interrupt(secondsMax: virtualMic == nil ? Interrupt.cleanupSecondsMax : 8)
        await interrupt.start { running.stop() }
        let server = try ControlServer.claim()
        defer { server?.stop() }
        let microphone = try makeMicrophone(&options)
        defer { microphone?.remove() }
        if let microphone { running.hold(microphone) }
        let session: LiveSession
        do {
            session = try LiveSession(options)
        } catch {
            throw CommandFailure(status: .internalError, sentence: "\(error)")
        }
        let recorder = LiveRecorder(session: session, path: record, replaces: force)
        try recorder.checkNames()
        let controls = LiveControls(
            session: session, voices: library, isLocal: options.isLocal, recorder: recorder, start: options,
            tuning: tuning.tuning)
        server?.serve(controls)
        let view = LiveView(
            session: session, controls: controls, style: json ? .json : .automatic, isPushToTalk: pushToTalk,
            microphone: virtualMic)
        view.start(recordsAtOnce: record != nil)
        microphone?.watch { view.tell($0) }
        // After all that a signal has to end.
        running.begin(session)
        let outcome = await ConvertBatch.onThread { Result { try session.run() } }
        let problem = recorder.finish()
        view.finish()
        if !guest, let speaker = session.snapshot.heardSpeaker { SpeakerMemory().keep(speaker) }
        try conclude(outcome, problem: problem, interrupt: interrupt)
    }

    /// The virtual microphone that was asked for becomes the output.
    private func makeMicrophone(_ options: inout LiveOptions) throws -> VirtualMicrophone? {
        guard let virtualMic else {
            // What a crash has left would be listed beside the microphones that there are.
            VirtualMicrophone.removeLeftovers()
            return nil
        }
        do throws(VirtualMicrophoneError) {
            let microphone = try VirtualMicrophone.create(name: virtualMic)
            options.output = microphone.deviceOptions
            return microphone
        } catch {
            throw CommandFailure(status: ExitStatus(error.cause), sentence: error.description)
        }
    }

    private func conclude(
        _ outcome: Result<Void, any Error>, problem: CommandFailure?, interrupt: Interrupt
    ) throws {
        if case .failure(let error) = outcome {
            switch error {
            case let error as DeviceError:
                throw CommandFailure(status: ExitStatus(error.cause), sentence: error.description)
            case let error as ConversionError:
                throw CommandFailure(status: ExitStatus(error.cause), sentence: error.description)
            default: throw CommandFailure(status: .internalError, sentence: "\(error); please report this as a bug")
            }
        }
        if let problem { throw problem }
        if let status = interrupt.status { throw ExitCode(status.rawValue) }
    }

    private func options(_ library: VoiceLibrary) async throws -> LiveOptions {
        var options: LiveOptions
        if let remote = try await relay.resolveWithSignIn() {
            try tuning.refuseForRelay()
            var endpoint = RelayEndpoint(
                base: remote.url, token: remote.token, caFile: relay.caFile, allowsInsecure: relay.insecure)
            endpoint.tokens = remote.tokens
            options = LiveOptions(.relay(endpoint, voice: voice))
            options.wire = relay.wire
        } else {
            guard relay.wire == .pcm else {
                throw CommandFailure(
                    status: .usage, sentence: "--wire \(relay.wire.rawValue) is for a relay; give --relay URL")
            }
            let moved = try library.voice(named: voice).moved(by: tuning.tuning)
            options = LiveOptions(.local(moved, delay: tuning.delay ?? .ms15))
            options.mix = tuning.tuning.share
            if !guest { options.speaker = SpeakerMemory().speaker }
        }
        do throws(DeviceError) {
            options.input = DeviceOptions(name: try SoundDevices.resolve(input, .capture))
            if virtualMic == nil { options.output = DeviceOptions(name: try SoundDevices.resolve(output, .playback)) }
            if let monitor { options.monitor = DeviceOptions(name: try SoundDevices.resolve(monitor, .playback)) }
        } catch {
            throw CommandFailure(status: ExitStatus(error.cause), sentence: error.description)
        }
        if let monitor = options.monitor, virtualMic == nil, monitor.name == options.output.name {
            throw CommandFailure(
                status: .usage,
                sentence: "--monitor \(monitor.name) is the output already; give another speaker, or --virtual-mic")
        }
        options.latency = latency.value
        options.locksProcessMemory = true
        options.startsMuted = mute || pushToTalk
        // The first word must not wait for a device to start.
        options.restsWhileMuted = !pushToTalk
        options.startsBypassed = bypass
        options.gainDecibels = gain
        options.gateDecibels = cleanUp.gate
        options.cleanUp = cleanUp.settings
        options.maxDurationSeconds = maxDuration
        options.renews = renew
        options.playsOwnVoiceOnLoss = onLoss == .bypass
        return options
    }
}

/// What is heard while the relay is gone.
enum LossChoice: String, CaseIterable, ExpressibleByArgument {
    case silence, bypass
}

/// `low`, `balanced`, `safe`, or milliseconds.
struct LiveLatency: ExpressibleByArgument {
    let value: LiveOptions.Latency

    init(value: LiveOptions.Latency) {
        self.value = value
    }

    init?(argument: String) {
        switch argument {
        case "low": value = .low
        case "balanced": value = .balanced
        case "safe": value = .safe
        default:
            guard let count = Int(argument), (2...400).contains(count) else { return nil }
            value = .milliseconds(count)
        }
    }

    var defaultValueDescription: String { "balanced" }
}

extension LiveOptions {
    var isLocal: Bool {
        if case .local = backend { true } else { false }
    }
}

/// The session that a signal ends, whether it has begun by then or not.
private final class RunningSession: Sendable {
    private struct State {
        var session: LiveSession?
        var microphone: VirtualMicrophone?
        var isStopped = false
    }

    private static let patience = Duration.seconds(1)
    private let state = Mutex(State())

    /// What a signal takes away even while the devices don't end: a sound server that stood still may go on meanwhile.
    func hold(_ microphone: VirtualMicrophone) { state.withLock { $0.microphone = microphone } }

    func begin(_ session: LiveSession) {
        let isStopped = state.withLock { state in
            state.session = session
            return state.isStopped
        }
        if isStopped { session.stop() }
    }

    func stop() {
        let (session, microphone) = state.withLock { state in
            state.isStopped = true
            return (state.session, state.microphone)
        }
        session?.stop()
        guard let microphone else { return }
        Task.detached {
            try? await Task.sleep(for: Self.patience)
            microphone.remove()
        }
    }
}

extension ExitStatus {
    init(_ cause: VirtualMicrophoneError.Cause) {
        switch cause {
        case .invalidName: self = .usage
        case .nothingToUse: self = .noInput
        case .nameTaken, .refused: self = .cantCreate
        }
    }

    init(_ cause: DeviceError.Cause) {
        switch cause {
        case .busy, .outOfResources: self = .tryAgain
        case .notFound, .unplugged, .daemonGone, .unresponsive, .unsupported: self = .noInput
        case .noPermission: self = .noPermission
        case .invalidOptions: self = .usage
        default: self = .inputOutput
        }
    }
}
