/// How much delay the stream needs so that every sample is there when it is due, from when its frames came.
///
/// A frame that ends at stream position b and came at T says: the ideal moment of position p lies at or before
/// T + (p - b) / rate. The smallest such offset of the last seconds is the anchor. The first sample of a frame then
/// waited longest, and how long after its ideal moment it came is what the frame needs.
/// Two answers are kept: a quantile of a forgetting histogram, weighted by sound, for the long run; and the second
/// largest of the last excursions beyond it, held for a while, which follows a way that has just become worse at once.
/// Source: the relative arrival delay of WebRTC's NetEQ (`DelayManager`), with frames of any length.
struct ArrivalStatistics: ~Copyable {
    static var bucketCount: Int { 1_024 }
    /// The anchor is the smallest offset of so many buckets of time.
    private static var anchorBuckets: Int { 16 }
    /// An excursion is remembered for so long.
    private static var rememberNanoseconds: Int64 { 10_000_000_000 }
    /// An excursion that lasts for longer is the way's new habit.
    private static var loneNanoseconds: Int64 { 600_000_000 }

    private let quantile: Double
    private let scale: ArrivalScale
    private let weights: UnsafeMutablePointer<Double>
    private var total = 0.0
    private var unit = 1.0
    private let smallest: UnsafeMutablePointer<Int64>
    private var bucket: Int64 = 0
    /// The largest need of the excursion that goes on, and of those before it.
    private var excursion: Int64 = 0
    private var excursionStart: Int64 = 0
    /// Sound observed so far.
    private var observed: Int64 = 0
    private var before: Int64 = 0
    private var beforeTime = Int64.min / 2
    /// Where stream position 0 would ideally have come, in nanoseconds; nil before the first frame.
    private(set) var anchor: Int64?
    /// Sound of the last frame: what is needed at least, before anything is learnt.
    private(set) var lastFrame: Int64 = 0
    private var held: Int64 = 0
    private var heldSince: Int64 = 0

    init(quantile: Double, scale: ArrivalScale) {
        self.quantile = quantile
        self.scale = scale
        weights = .allocate(capacity: Self.bucketCount)
        weights.initialize(repeating: 0, count: Self.bucketCount)
        smallest = .allocate(capacity: Self.anchorBuckets)
        smallest.initialize(repeating: .max, count: Self.anchorBuckets)
    }

    deinit {
        weights.deallocate()
        smallest.deallocate()
    }

    /// Forgets the anchor: the stream goes on at another distance. What was learnt of its jitter stays.
    @_noLocks @_noAllocation
    mutating func restart() {
        for index in 0..<Self.anchorBuckets { smallest[index] = .max }
        anchor = nil
        excursion = 0
    }

    /// The stream leaves out so much sound here: what follows is due so much later than its positions say.
    @_noLocks @_noAllocation
    mutating func shift(_ nanoseconds: Int64) {
        for index in 0..<Self.anchorBuckets where smallest[index] != .max { smallest[index] &+= nanoseconds }
        if let anchor { self.anchor = anchor &+ nanoseconds }
    }

    /// Notes a frame that covers `start` to `end` of the stream, in nanoseconds of sound, and came at `arrival`.
    @_noLocks @_noAllocation
    mutating func add(start: Int64, end: Int64, arrival: Int64) {
        lastFrame = end &- start
        let anchor = lowered(to: arrival &- end, now: arrival)
        self.anchor = anchor
        let needed = arrival &- start &- anchor
        addToExcursions(needed, now: arrival)
        // One hold-up of the way is not what is usual, however much sound it held up; the next one soon after is.
        let isLone = excursion > 0 && arrival &- beforeTime >= Self.rememberNanoseconds
        guard !isLone || arrival &- excursionStart > Self.loneNanoseconds || observed < scale.learnNanoseconds else {
            return
        }
        observed &+= end &- start
        addToHistogram(needed, sound: end &- start)
    }

    /// The smallest offset of the anchor's buckets, this one included.
    @_noLocks @_noAllocation
    private mutating func lowered(to offset: Int64, now: Int64) -> Int64 {
        let present = now / scale.anchorBucketNanoseconds
        let passed = Int(min(max(0, present &- bucket), Int64(Self.anchorBuckets)))
        for step in 0..<passed { smallest[Int((present &- Int64(step)) % Int64(Self.anchorBuckets))] = .max }
        bucket = present
        let index = Int(present % Int64(Self.anchorBuckets))
        smallest[index] = min(smallest[index], offset)
        var least = offset
        for other in 0..<Self.anchorBuckets { least = min(least, smallest[other]) }
        return least
    }

    /// The delay that the stream needs now, without any margin.
    @_noLocks @_noAllocation
    func neededNanoseconds(now: Int64) -> Int64 {
        max(quantileNanoseconds, fading(now))
    }

    @_noLocks @_noAllocation
    private mutating func addToHistogram(_ needed: Int64, sound: Int64) {
        unit *= 1 + Double(sound) / scale.memoryNanoseconds
        let index = min(Self.bucketCount &- 1, Int(max(0, needed) / scale.bucketNanoseconds))
        let weight = unit * Double(sound)
        weights[index] += weight
        total += weight
        if unit > 1e12 {
            for bucket in 0..<Self.bucketCount { weights[bucket] /= unit }
            total /= unit
            unit = 1
        }
    }

    /// Follows excursions beyond what is usual. One alone may be chance; the second within ten seconds is a way that has
    /// become worse, and the lesser of the two is covered from then on.
    @_noLocks @_noAllocation
    private mutating func addToExcursions(_ needed: Int64, now: Int64) {
        let usual = quantileNanoseconds
        guard needed > usual &+ scale.excursionNanoseconds else {
            if excursion > 0 {
                before = now &- beforeTime < Self.rememberNanoseconds ? max(before, excursion) : excursion
                beforeTime = now
                excursion = 0
            }
            return
        }
        if excursion == 0 { excursionStart = now }
        excursion = max(excursion, needed)
        guard now &- beforeTime < Self.rememberNanoseconds else { return }
        let covered = min(excursion, before)
        if covered >= fading(now) {
            held = covered
            heldSince = now
        }
    }

    /// What is held: for a while, then 50 ms less each second.
    @_noLocks @_noAllocation
    private func fading(_ now: Int64) -> Int64 {
        let calm = now &- heldSince &- scale.holdNanoseconds
        return calm > 0 ? held &- calm / 20 : held
    }

    private var quantileNanoseconds: Int64 {
        @_noLocks @_noAllocation
        get {
            guard total > 0 else { return lastFrame }
            var rest = total * (1 - quantile)
            var index = Self.bucketCount &- 1
            while index > 0 {
                rest -= weights[index]
                if rest < 0 { break }
                index &-= 1
            }
            return Int64(index &+ 1) &* scale.bucketNanoseconds
        }
    }
}
