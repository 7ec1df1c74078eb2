import CRealtime
import Glibc
import VoiceALSADevice
import VoiceConversion
import VoiceRealtime
import VoiceSignal

/// A live session: microphone → converter → speaker, until it is stopped.
///
/// `run` blocks its thread, which is the wire thread, until the end; everything else may be called from any thread and
/// blocks nobody. Devices and connection recover by themselves; what happens is told by `takeEvents`. Use once.
public final class LiveSession: Sendable {
    public let options: LiveOptions
    private let board: LiveBoard

    public init(_ options: LiveOptions) throws {
        self.options = options
        board = try LiveBoard()
    }

    /// Opens the devices, converts until ``stop()`` or until it can't go on, and gives everything back.
    ///
    /// - Throws: `DeviceError` when a device can't be opened; ``ConversionError`` when conversion can't begin, or has
    ///   ended for a reason that trying again does not cure.
    public func run() throws {
        let engine = try LiveEngine(options, board: board)
        crt_thread_name("wire")
        // Below the devices' threads, above everybody else; without the right to it, as everybody else.
        Self.schedule(priority: 50)
        if let error = engine.run() { throw error }
    }

    /// Asks for this priority, or for one below what the user's limit leaves to the devices' threads.
    private static func schedule(priority: Int) {
        if crt_thread_realtime(pthread_self(), Int32(priority)) == 0 { return }
        let allowed = min(priority, Int(crt_realtime_limit()))
        guard allowed > 0 else { return }
        _ = crt_thread_realtime(pthread_self(), Int32(max(1, allowed - 1)))
    }

    /// Ends the session soon: says goodbye to the relay, gives the devices back.
    public func stop() { board.requestStop() }

    public func setMuted(_ muted: Bool) { board.send(.mute(muted)) }

    /// Lets the own voice be heard, aligned with the converted one; after a while without the converter's delay.
    public func setBypassed(_ bypassed: Bool) { board.send(.bypass(bypassed)) }

    /// Sets the microphone's gain, -60...40 dB.
    public func setGain(decibels: Double) { board.send(.gain(decibels: min(max(decibels, -60), 40))) }

    public func setGate(decibels: Double?) { board.send(.gate(decibels: decibels)) }

    /// Sets the share of the converted voice in this process, 0...1, within 20 ms and without a click.
    public func setMix(_ share: Double) { board.send(.mix(min(max(share, 0), 1))) }

    /// Moves the voice that is spoken in this process, without a gap: the same one with another pitch or other formants.
    /// No event tells of it.
    public func moveVoice(_ voice: Voice) {
        board.send(.move(LiveVoice(name: voice.name, prepared: PreparedVoice(voice))))
    }

    /// Changes the voice, without a gap. A relay takes the name; a converter of this process the voice itself. Where there
    /// is no such voice the old one goes on, which ``outcome(of:)`` and the events tell.
    @discardableResult
    public func setVoice(_ name: String, _ voice: Voice? = nil) -> LiveVoiceRequest {
        board.request(LiveVoice(name: name, prepared: voice.map { PreparedVoice($0) }))
    }

    /// What became of a request for a voice; nil while a relay has not answered, or is not there.
    public func outcome(of request: LiveVoiceRequest) -> LiveVoiceOutcome? { board.outcome(of: request) }

    /// How the session is; some 50 ms old at the most.
    public var snapshot: LiveSnapshot { board.snapshot }

    /// What has happened since the last call, oldest first.
    public func takeEvents() -> [LiveEvent] { board.takeEvents() }

    /// Begins to record both sides into rings of `seconds`, which the caller has to empty in time. One at a time: a new
    /// tap replaces the last. nil before the devices are open.
    public func startTap(seconds: Double) -> LiveTap? {
        let snapshot = board.snapshot
        guard let input = snapshot.input, let output = snapshot.output else { return nil }
        let (captureRate, playbackRate) = (input.configuration.sampleRate, output.configuration.sampleRate)
        let original = makeRing(of: Float.self, capacityMin: Int(seconds * Double(captureRate)))
        let converted = makeRing(of: Float.self, capacityMin: Int(seconds * Double(playbackRate)))
        board.attach(
            LiveTapEnds(
                original: original.producer, captureRate: captureRate, converted: converted.producer,
                playbackRate: playbackRate))
        return LiveTap(
            captureRate: captureRate, playbackRate: playbackRate, original: original.consumer,
            converted: converted.consumer)
    }

    /// Ends the recording; what is in its rings can still be read.
    public func stopTap() { board.attach(nil) }
}
