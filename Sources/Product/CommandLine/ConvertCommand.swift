import ArgumentParser
import Foundation
import VoiceAudioFile
import VoiceConversion
import VoiceKit

struct ConvertCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "convert",
        abstract: "Convert recordings to another voice.",
        discussion: """
            Reads whatever libsndfile reads (WAV, RF64, FLAC, Ogg Vorbis and Opus, MP3, AIFF, …) and writes a mono \
            file of the same length and rate. Several channels are averaged into one before conversion. \
            Without a key and without --relay, conversion happens on this machine, inside this process; where input \
            and result have more than 16,000 Hz, it keeps what lies above 8 kHz.

            A result appears under its name only when it is whole; Ctrl-C leaves nothing behind.

            Exit codes: \(ExitStatus.summary)
            """)

    @Argument(
        help: ArgumentHelp("Sound files, folders of them, or - for standard input.", valueName: "input"),
        completion: .file())
    var inputs: [String]

    @Option(name: .shortAndLong, help: ArgumentHelp("The voice; see quota-voice voices.", valueName: "name"))
    var voice = "rachel"

    @Option(
        name: .shortAndLong,
        help: ArgumentHelp(
            "Result file, or folder for several. Default: INPUT.VOICE.wav beside the input.", valueName: "path"),
        completion: .file())
    var output: String?

    @Option(
        help: ArgumentHelp(
            "Format of the results: \(AudioFileFormat.names). Default: by the ending of -o, else wav.",
            valueName: "format"), completion: .list(AudioFileFormat.allCases.map(\.rawValue)))
    var format: AudioFileFormat?

    @Option(help: ArgumentHelp("Sample rate of the results. Default: the input's.", valueName: "hertz"))
    var rate: Int?

    @Flag(help: "Replace results that exist.")
    var force = false

    @Option(help: ArgumentHelp("Files converted at once.", valueName: "count"))
    var jobs = 2

    @Flag(help: "Print one JSON object a file on standard output.")
    var json = false

    @Flag(help: "Print errors only.")
    var quiet = false

    @OptionGroup(title: "Voices of this machine")
    var options: VoiceOptions

    @OptionGroup(title: "Clean-up in front")
    var cleanUp: CleanUpOptions

    @OptionGroup(title: "Where to convert")
    var relay: RelayOptions

    @Flag(
        help: """
            Convert by a relay inside this process, over a real WebSocket on loopback, as one far away would: 16 kHz.
            """)
    var loopback = false

    func validate() throws {
        if loopback, relay.local || relay.relay != nil {
            throw ValidationError("--loopback, --local and --relay exclude each other; give one.")
        }
        guard !inputs.isEmpty else { throw ValidationError("Give at least one sound file.") }
        guard inputs.count(where: { $0 == "-" }) <= 1 else {
            throw ValidationError("Standard input (-) can be read only once.")
        }
        guard (1...32).contains(jobs) else { throw ValidationError("--jobs takes 1 to 32.") }
        if let rate, !(4_000...384_000).contains(rate) {
            throw ValidationError("--rate takes 4000 to 384000 hertz.")
        }
    }

    /// Where conversion happens.
    private enum Place: Sendable {
        case here(Voice)
        case loopback(LocalRelay)
        case relay(RelayEndpoint)

        var isPaid: Bool {
            if case .relay = self { true } else { false }
        }
    }

    func run() async throws {
        let place = try await place()
        let plan = try ConvertPlan(
            inputs: inputs, output: output, format: format, voice: voice, voices: VoiceLibrary().all.map(\.name))
        let interrupt = Interrupt()
        let batch = ConvertBatch(
            items: plan.items,
            settings: ConvertJob.Settings(
                voice: voice, rate: rate, replaces: force, isPaid: place.isPaid, cleanUp: cleanUp.settings),
            jobs: jobs, view: makeView(count: plan.items.count, isLocal: !place.isPaid)
        ) { [voice, gate = cleanUp.gate, wire = relay.wire, share = options.tuning.share, delay = options.delay] in
            switch place {
            case .relay(let endpoint): RelayConversion(endpoint: endpoint, voice: voice, wire: wire)
            case .loopback(let local): RelayConversion(endpoint: local.endpoint, voice: voice, wire: wire)
            case .here(let voice):
                LocalConversion(voice: voice, gateDecibels: gate, mix: share, delay: delay ?? .ms15)
            }
        }
        await interrupt.start { batch.cancel() }
        var cost: BatchCost?
        if case .relay(let endpoint) = place, !quiet, !json {
            cost = await BatchCost.announce(plan.items, endpoint: endpoint)
        }
        let statuses = await batch.run()
        if case .loopback(let local) = place { await local.stop() }
        await cost?.conclude()
        if let status = interrupt.status { throw ExitCode(status.rawValue) }
        let failures = Set(statuses.filter { $0 != .success })
        guard let first = failures.first else { return }
        throw ExitCode((failures.count == 1 ? first : .several).rawValue)
    }

    private func place() async throws -> Place {
        guard !loopback, let remote = try await relay.resolveWithSignIn() else {
            var voice = try VoiceLibrary().voice(named: voice).moved(by: options.tuning)
            voice.name = self.voice.lowercased()
            if loopback {
                try options.refuseForLoopback()
                guard cleanUp.gate == nil else {
                    throw CommandFailure(status: .usage, sentence: "--gate goes with --local, not with --loopback")
                }
                return .loopback(try await LocalRelay.start(voice: voice, sessions: jobs))
            }
            guard relay.wire == .pcm else {
                throw CommandFailure(
                    status: .usage, sentence: "--wire \(relay.wire.rawValue) is for a relay; give --relay URL")
            }
            return .here(voice)
        }
        try options.refuseForRelay()
        guard cleanUp.gate == nil else {
            throw CommandFailure(
                status: .usage, sentence: "--gate is part of the voices of this machine; add --local")
        }
        return .relay(
            RelayEndpoint(
                base: remote.url, token: remote.token, caFile: relay.caFile, allowsInsecure: relay.insecure))
    }

    private func makeView(count: Int, isLocal: Bool) -> ConvertView {
        // Nobody asked for this machine: one line says that it is the default without a key.
        let remark =
            isLocal && !relay.local && !loopback
            ? "No API key: converted on this machine (--relay URL for a relay, --local to say so)." : nil
        return ConvertView(
            count: count, style: json ? .json : quiet ? .quiet : .people, remark: remark, wire: relay.wire)
    }
}

extension AudioFileFormat: ExpressibleByArgument {}
