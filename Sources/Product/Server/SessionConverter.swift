import VoiceConversion

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

    /// No more sound comes: delivers what is left.
    func flush(_ deliver: (UnsafeBufferPointer<Float>) -> Void) throws
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
