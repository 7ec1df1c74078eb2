import VoiceRealtime

/// Both sides of a live session for whoever records it: rings that the session writes and the recorder reads.
///
/// The original is what the microphone delivers, the converted what the speaker gets; each at its device's rate. While a
/// device is lost or stands still its side is silent, so that both stay within some tens of milliseconds of each other.
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
    private var originalClock: TapClock
    private var convertedClock: TapClock
    private let silence: UnsafeMutableBufferPointer<Float>
    private(set) var missing = 0

    init(
        original: consuming RingProducer<Float>, captureRate: Int, converted: consuming RingProducer<Float>,
        playbackRate: Int
    ) {
        self.original = original
        self.converted = converted
        originalClock = TapClock(rate: captureRate)
        convertedClock = TapClock(rate: playbackRate)
        silence = .allocate(capacity: 1_024)
        silence.initialize(repeating: 0)
    }

    deinit {
        silence.deallocate()
    }

    var isGone: Bool { original.isConsumerGone }

    func writeOriginal(_ samples: UnsafeBufferPointer<Float>) {
        originalClock.wrote(samples.count)
        missing += samples.count - original.write(samples)
    }

    func writeConverted(_ samples: UnsafeBufferPointer<Float>) {
        convertedClock.wrote(samples.count)
        missing += samples.count - converted.write(samples)
    }

    /// Writes silence for what neither device gave or took, after all that was there at `now`.
    ///
    /// - Parameters:
    ///   - capturePeriod: frames of the microphone that come at once.
    ///   - playbackPeriod: frames that the speaker takes at once.
    func fill(capturePeriod: Int, playbackPeriod: Int, now: MonotonicTime) {
        let time = Int64(bitPattern: now.nanoseconds)
        var lacking = originalClock.lacking(period: capturePeriod, now: time)
        while lacking > 0 {
            let part = UnsafeBufferPointer(rebasing: silence[..<min(lacking, silence.count)])
            missing += part.count - original.write(part)
            lacking -= part.count
        }
        lacking = convertedClock.lacking(period: playbackPeriod, now: time)
        while lacking > 0 {
            let part = UnsafeBufferPointer(rebasing: silence[..<min(lacking, silence.count)])
            missing += part.count - converted.write(part)
            lacking -= part.count
        }
    }
}
