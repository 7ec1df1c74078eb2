import VoiceRealtime

/// Both sides of a live session for whoever records it: rings that the session writes and the recorder reads.
///
/// The original is what the microphone delivers, the converted what the speaker gets; each at its device's rate.
public struct LiveTap: ~Copyable {
    public let captureRate: Int
    public let playbackRate: Int
    public var original: RingConsumer<Float>
    public var converted: RingConsumer<Float>
}

/// The session's ends of a tap. Made by any thread, used by the wire thread alone.
final class LiveTapEnds: @unchecked Sendable {
    private var original: RingProducer<Float>
    private var converted: RingProducer<Float>
    private(set) var missing = 0

    init(original: consuming RingProducer<Float>, converted: consuming RingProducer<Float>) {
        self.original = original
        self.converted = converted
    }

    var isGone: Bool { original.isConsumerGone }

    func writeOriginal(_ samples: UnsafeBufferPointer<Float>) {
        missing += samples.count - original.write(samples)
    }

    func writeConverted(_ samples: UnsafeBufferPointer<Float>) {
        missing += samples.count - converted.write(samples)
    }
}
