import VoiceConversion
import VoiceRelay

/// What turns the sound of one session into another voice: 16 kHz, mono, full scale at ±1.
///
/// Made for one session and used by it alone, from one thread at a time. What it throws ends the session with
/// UPSTREAM_DISCONNECTED, and no other.
package protocol SessionConverter: AnyObject {
    /// Samples by which what it delivers lags what it was given.
    var delaySamples: Int { get }

    /// Another voice from here on.
    func setVoice(_ voice: Voice) throws

    /// Takes sound and delivers what is ready of the answer: any number of samples.
    func convert(_ input: UnsafeBufferPointer<Float>, _ deliver: (UnsafeBufferPointer<Float>) -> Void) throws

    /// No more sound comes: delivers what is left, or, elsewhere, asks for it; ``poll(_:)`` then delivers it.
    func flush(_ deliver: (UnsafeBufferPointer<Float>) -> Void) throws

    /// Whether sound may be given. What is elsewhere has to be reached first.
    var isReady: Bool { get }
    /// Whether the voice may change on the way.
    var changesVoice: Bool { get }
    /// Whether what became of a request for another voice comes later, through ``takeVoiceAnswers()``.
    var answersVoiceLater: Bool { get }
    /// What has become of requests since the last call, oldest first.
    func takeVoiceAnswers() -> [RelayVoiceAnswer]
    /// Delivers what has come since the last call, without waiting.
    func poll(_ deliver: (UnsafeBufferPointer<Float>) -> Void) throws
    /// Whether all has been delivered, after ``flush(_:)``.
    var isDrained: Bool { get }
}

/// On this machine a converter answers in the call.
extension SessionConverter {
    package var isReady: Bool { true }
    package var changesVoice: Bool { true }
    package var answersVoiceLater: Bool { false }
    package func takeVoiceAnswers() -> [RelayVoiceAnswer] { [] }
    package func poll(_ deliver: (UnsafeBufferPointer<Float>) -> Void) throws {}
    package var isDrained: Bool { true }
}

/// What is asked of a converter that is elsewhere.
package struct RemoteOrder: Sendable {
    package let sessionID: String
    /// As the client named it: only the other end knows its voices.
    package let voice: String
    /// How long the session may last, and so what the other end should reserve.
    package let secondsMax: Int
    /// To be called from any thread when there is something to poll for.
    package let onChange: @Sendable () -> Void
}

/// The other end does not do what this client asks: its own fault, and nobody's outage. The text is for the client.
package struct ConverterRefusal: Error {
    package let message: String

    package init(_ message: String) {
        self.message = message
    }
}

/// The voices of this machine. Reuses its buffer: after the first block of the largest size nothing is allocated.
final class LocalConverter: SessionConverter {
    private var converter: VoiceConverter
    private var output: [Float] = []

    init(voice: Voice) {
        converter = VoiceConverter(voice: voice)
    }

    var delaySamples: Int { converter.delaySamples }

    func setVoice(_ voice: Voice) {
        converter.setVoice(voice)
    }

    func convert(_ input: UnsafeBufferPointer<Float>, _ deliver: (UnsafeBufferPointer<Float>) -> Void) {
        if output.count < input.count { output = [Float](repeating: 0, count: input.count) }
        output.withUnsafeMutableBufferPointer { output in
            let room = UnsafeMutableBufferPointer(rebasing: output[..<input.count])
            converter.process(input, into: room)
            deliver(UnsafeBufferPointer(room))
        }
    }

    func flush(_ deliver: (UnsafeBufferPointer<Float>) -> Void) {
        [Float](repeating: 0, count: delaySamples).withUnsafeBufferPointer { convert($0, deliver) }
    }
}

/// Gives back what it is given: what a session costs without a conversion.
package final class EchoConverter: SessionConverter {
    package init() {}

    package var delaySamples: Int { 0 }
    package func setVoice(_ voice: Voice) {}
    package func convert(_ input: UnsafeBufferPointer<Float>, _ deliver: (UnsafeBufferPointer<Float>) -> Void) {
        deliver(input)
    }
    package func flush(_ deliver: (UnsafeBufferPointer<Float>) -> Void) {}
}
