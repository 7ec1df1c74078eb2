/// How long one stage of a session takes: a histogram of fixed size, from a microsecond to a minute.
///
/// 32 buckets an octave, so that a percentile is known within 2 % of itself. Nothing is forgotten. Allocates at `init`
/// only.
package struct StageTimes {
    private static let octaves = 26
    private static let steps = 32
    private static let shortest: UInt64 = 1_024

    private var counts = [UInt64](repeating: 0, count: Self.octaves * Self.steps)
    private var total: UInt64 = 0

    package init() {}

    package mutating func add(_ nanoseconds: Int64) {
        counts[Self.bucket(UInt64(max(0, nanoseconds)))] += 1
        total += 1
    }

    /// The time that this share of all did not exceed, in nanoseconds; nil before the first.
    package func percentile(_ share: Double) -> Int64? {
        guard total > 0 else { return nil }
        var rest = Int64((Double(total) * share).rounded(.up))
        for (index, count) in counts.enumerated() {
            rest -= Int64(count)
            if rest <= 0 { return Self.middle(of: index) }
        }
        return Self.middle(of: counts.count - 1)
    }

    private static func bucket(_ nanoseconds: UInt64) -> Int {
        let value = max(shortest, nanoseconds)
        let octave = UInt64.bitWidth - 1 - value.leadingZeroBitCount
        let step = Int(value >> UInt64(octave - 5)) % steps
        return min(octaves * steps - 1, (octave - 10) * steps + step)
    }

    private static func middle(of bucket: Int) -> Int64 {
        let width = Int64(1) << Int64(bucket / steps + 5)
        return width * Int64(steps + bucket % steps) + width / 2
    }
}

/// What a stage took in the middle, and one time in a hundred, in nanoseconds.
public struct StageFigures: Sendable, Hashable {
    public var median: Int64
    public var percentile99: Int64
}

/// How long the stages of a session took, since it began. nil where there is no such stage.
public struct LiveStages: Sendable, Hashable {
    /// From the microphone's wake-up until the socket had the bytes.
    public var captureToWire: StageFigures?
    /// From the recording of a packet's first sample until the socket had the packet, the packet's own length included.
    public var speechToWire: StageFigures?
    /// From the wake-up for an answer until the jitter buffer had it.
    public var wireToBuffer: StageFigures?
    /// From the microphone's wake-up until the ring to the speaker was filled, without a network.
    public var captureToRing: StageFigures?

    public init() {}
}

extension StageTimes {
    var figures: StageFigures? {
        guard let median = percentile(0.5), let late = percentile(0.99) else { return nil }
        return StageFigures(median: median, percentile99: late)
    }
}
