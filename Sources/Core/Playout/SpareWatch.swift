/// What depth the pulls of the last seconds would have needed, from how much was left over at each of them.
///
/// For a stream and a speaker in one machine: what makes both late at the same time, a sound server's hiccup for one,
/// needs no depth, and the arrivals alone don't tell. A need that did not come back within these seconds was a moment's:
/// depth would not have been there in time for it, and is of no use after it. Times in nanoseconds.
struct SpareWatch {
    private static var bucketCount: Int { 16 }
    private static var bucketNanoseconds: Int64 { 500_000_000 }
    /// A delay that is so far from its aim is on its way: what is left over now says nothing.
    private static var errorMax: Int64 { 1_000_000 }
    /// While sound servers settle on their period, pulls say nothing of what comes later.
    private static var settlingNanoseconds: Int64 { 1_000_000_000 }

    private var largest = InlineArray<16, Int64>(repeating: .min)
    private var bucket: Int64 = 0
    private var start: Int64?

    /// Notes a pull.
    ///
    /// - Parameters:
    ///   - spare: sound that is left over behind it; below 0, what lacks.
    ///   - delay: of what is played, and `error`, by how much it is beyond the aim.
    @_noLocks @_noAllocation
    mutating func note(spare: Int64, delay: Int64, error: Int64, now: Int64) {
        turn(to: now)
        let since = start ?? now
        start = since
        guard now &- since > Self.settlingNanoseconds else { return }
        let needed: Int64
        if spare < 0 {
            // As deep as was meant to be, and so much more.
            needed = delay &- error &- spare
        } else if error < Self.errorMax, error > 0 &- Self.errorMax {
            needed = delay &- spare
        } else {
            return
        }
        keep(needed)
    }

    /// Notes that the stream came late, after a gap.
    ///
    /// - Parameter needed: depth with which there would have been none.
    @_noLocks @_noAllocation
    mutating func noteGap(needed: Int64, now: Int64) {
        turn(to: now)
        guard let start, now &- start > Self.settlingNanoseconds else { return }
        keep(needed)
    }

    @_noLocks @_noAllocation
    private mutating func keep(_ needed: Int64) {
        let index = Int(bucket % Int64(Self.bucketCount))
        largest[index] = max(largest[index], needed)
    }

    /// The largest need that has come back: the second largest, of moments that don't touch. nil when nothing is known.
    @_noLocks @_noAllocation
    mutating func needed(now: Int64) -> Int64? {
        turn(to: now)
        var worst = 0
        for index in 1..<Self.bucketCount where largest[index] > largest[worst] { worst = index }
        var most = Int64.min
        for index in 0..<Self.bucketCount {
            let distance = (index &- worst &+ Self.bucketCount) % Self.bucketCount
            if distance > 1, distance < Self.bucketCount &- 1 { most = max(most, largest[index]) }
        }
        return most == .min ? nil : most
    }

    @_noLocks @_noAllocation
    private mutating func turn(to now: Int64) {
        let present = now / Self.bucketNanoseconds
        let passed = Int(min(max(0, present &- bucket), Int64(Self.bucketCount)))
        for step in 0..<passed { largest[Int((present &- Int64(step)) % Int64(Self.bucketCount))] = .min }
        bucket = max(bucket, present)
    }
}
