/// How many frames are handled as one portion where a device works in periods.
///
/// A whole period and a little more: what comes at once has to be taken for one portion, or the depth would be reckoned
/// from its last part. Not much more, either: what queues up behind a thread that was late is no habit of the device's.
/// Long periods are another matter: a sound server with a cycle of its own moves up to two of them at once, and a thread
/// is seldom late by one.
package enum PeriodFrames {
    /// A period from which on it is long, in nanoseconds.
    package static var long: Int64 { 10_000_000 }

    /// Memory is there for so much, in frames, at a rate.
    package static func most(rate: Int) -> Int { rate / 4 }

    /// - Parameters:
    ///   - period: of the device, in nanoseconds.
    ///   - least: what is handled at once in any case, as a part of a second.
    @_noLocks @_noAllocation
    package static func atOnce(_ period: Int64, rate: Int, least: Int = 50) -> Int {
        // What the device's frames last for was rounded down, and a filter may give one sample more.
        let bounded = Int(min(max(0, period), 1_000_000_000))
        let most = period > long ? bounded &* 9 / 4 : bounded
        let whole = most &* rate / 1_000_000_000 &+ rate / 1_000 &+ 2
        return min(max(rate / least, whole), rate / 4)
    }
}
