/// How much sound the ring to the speaker's thread holds: as little as seldom runs dry.
///
/// A device takes a period at a time, a sound server a quantum of its own, and the wire thread wakes up late now and
/// then. What lacks once is a moment's, and depth would be of no use after it; when it lacks again within some seconds
/// the depth grows by it. It shrinks by what was never used within some seconds.
package struct RingDepth {
    private static let windowNanoseconds: Int64 = 4_000_000_000
    /// What is missing within this time counts as one lack.
    private static let episodeNanoseconds: Int64 = 500_000_000
    private static let memoryNanoseconds: Int64 = 10_000_000_000
    /// While sound servers settle on their period, what was missing says nothing of what comes later.
    private static let settlingNanoseconds: Int64 = 1_000_000_000

    package private(set) var frames: Int
    private let framesMin: Int
    private let framesMax: Int
    private let guardFrames: Int
    private var starvedBefore: UInt64 = 0
    private var leastQueued = Int.max
    private var windowStart: Int64 = 0
    private var start: Int64?
    private var lackStart: Int64?
    /// The most that lacked at once in that moment.
    private var lackMost = 0

    /// - Parameters:
    ///   - period: frames between two wake-ups of the device.
    ///   - rate: frames per second.
    package init(period: Int, rate: Int) {
        framesMin = period
        framesMax = max(period * 2, rate / 10)
        guardFrames = max(8, rate / 4_000)
        frames = period + guardFrames
    }

    /// - Parameters:
    ///   - queued: frames in the ring now, before it is filled again.
    ///   - starved: frames that the device has missed since it was opened.
    package mutating func update(queued: Int, starved: UInt64, now: Int64) {
        let since = start ?? now
        start = since
        let lack = starved > starvedBefore ? min(Int(starved - starvedBefore), framesMax) : 0
        starvedBefore = starved
        if lack > 0, now - since > Self.settlingNanoseconds {
            leastQueued = .max
            windowStart = now
            let (before, most) = (lackStart, lackMost)
            if let before, now - before < Self.episodeNanoseconds {
                lackMost = max(most, lack)
                return
            }
            lackStart = now
            lackMost = lack
            guard let before, now - before < Self.memoryNanoseconds else { return }
            frames = min(framesMax, frames + min(lack, most) + guardFrames)
            return
        }
        leastQueued = min(leastQueued, queued)
        guard now - windowStart > Self.windowNanoseconds else { return }
        if leastQueued != .max, leastQueued > guardFrames * 2 {
            frames = max(framesMin, frames - (leastQueued - guardFrames * 2) / 2)
        }
        leastQueued = .max
        windowStart = now
    }
}
