/// How much sound the ring to the speaker's thread holds: as little as never runs dry.
///
/// A device takes a period at a time, a sound server a quantum of its own, and the wire thread wakes up late now and
/// then. The depth grows by what was missing, at once, and shrinks by what was never used within some seconds.
struct RingDepth {
    private static let windowNanoseconds: Int64 = 4_000_000_000
    /// While sound servers settle on their period, what was missing says nothing of what comes later.
    private static let settlingNanoseconds: Int64 = 1_000_000_000

    private(set) var frames: Int
    private let framesMin: Int
    private let framesMax: Int
    private let guardFrames: Int
    private var starvedBefore: UInt64 = 0
    private var leastQueued = Int.max
    private var windowStart: Int64 = 0
    private var start: Int64?

    /// - Parameters:
    ///   - period: frames between two wake-ups of the device.
    ///   - rate: frames per second.
    init(period: Int, rate: Int) {
        framesMin = period
        framesMax = max(period, rate / 10)
        guardFrames = max(8, rate / 4_000)
        frames = period + guardFrames
    }

    /// - Parameters:
    ///   - queued: frames in the ring now, before it is filled again.
    ///   - starved: frames that the device has missed since it was opened.
    mutating func update(queued: Int, starved: UInt64, now: Int64) {
        let since = start ?? now
        start = since
        if starved > starvedBefore, now - since > Self.settlingNanoseconds {
            frames = min(framesMax, frames + min(Int(starved - starvedBefore), framesMin) + guardFrames)
            starvedBefore = starved
            leastQueued = .max
            windowStart = now
            return
        }
        starvedBefore = starved
        leastQueued = min(leastQueued, queued)
        guard now - windowStart > Self.windowNanoseconds else { return }
        if leastQueued != .max, leastQueued > guardFrames * 2 {
            frames = max(framesMin, frames - (leastQueued - guardFrames * 2) / 2)
        }
        leastQueued = .max
        windowStart = now
    }
}
