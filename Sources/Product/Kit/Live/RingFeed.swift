import VoiceALSADevice
import VoicePlayout
import VoiceRealtime

/// What the wire thread puts into a speaker's ring: how much, and in which portions.
///
/// A device that is opened anew, because it ran dry or was lost, may have another period; all follows it.
struct RingFeed {
    private let rate: Int
    private(set) var periodFrames = 0
    private var depth: RingDepth
    /// Frames that are rendered at once at the most.
    private(set) var portion: Int

    init(_ configuration: DeviceConfiguration) {
        rate = configuration.sampleRate
        depth = RingDepth(period: configuration.periodFrames, rate: rate)
        periodFrames = configuration.periodFrames
        portion = DevicePeriod(configuration).portion
    }

    /// - Returns: Whether the period is another one now.
    mutating func follow(_ configuration: DeviceConfiguration) -> Bool {
        guard configuration.periodFrames != periodFrames else { return false }
        self = RingFeed(configuration)
        return true
    }

    /// Frames that lack in the ring.
    mutating func missing(queued: Int, starved: UInt64, now: MonotonicTime) -> Int {
        depth.update(queued: queued, starved: starved, now: Int64(bitPattern: now.nanoseconds))
        return max(0, depth.frames - queued)
    }
}

/// How much sound a device moves at once.
struct DevicePeriod: Equatable {
    let frames: Int
    let nanoseconds: Int64
    /// Frames that are taken for one portion: a period, but not what queued up behind a thread that was late.
    let portion: Int

    init(_ configuration: DeviceConfiguration) {
        let rate = configuration.sampleRate
        frames = configuration.periodFrames
        nanoseconds = Int64(frames) * 1_000_000_000 / Int64(rate)
        portion = PeriodFrames.atOnce(nanoseconds, rate: rate)
    }

    /// Memory for a portion of any device at this rate.
    static func portionMax(rate: Int) -> Int { PeriodFrames.most(rate: rate) }
}
