/// How much silence stands for what a side of a recording never got, so that both sides keep the session's time.
///
/// Counts by the clock what lacks. A device's own clock runs a little off this one, so small differences are forgotten
/// over some seconds; what lacks beyond a few periods at once is an outage. Times in nanoseconds.
package struct TapClock {
    private static let forgetNanoseconds: Int64 = 2_000_000_000
    /// In frames, as a part of a second.
    private static let outageShare = 20

    private let rate: Int
    private var anchor: Int64?
    /// Frames since then.
    private var written = 0
    private var hasNew = false

    package init(rate: Int) { self.rate = rate }

    package mutating func wrote(_ frames: Int) {
        written += frames
        hasNew = hasNew || frames > 0
    }

    /// Frames of silence to be written at `now`, which count as written; to be asked after all that was there.
    ///
    /// - Parameter period: frames that come at once.
    package mutating func lacking(period: Int, now: Int64) -> Int {
        guard let start = anchor else {
            anchor = now
            written = 0
            return 0
        }
        let passed = max(0, now - start)
        let seconds = passed / 1_000_000_000
        let due = Int(seconds) * rate + Int(passed - seconds * 1_000_000_000) * rate / 1_000_000_000
        let lack = due - written
        if lack > max(rate / Self.outageShare, 3 * period) {
            // The last period may still come.
            written += lack - period
            return lack - period
        }
        if passed > Self.forgetNanoseconds, hasNew {
            hasNew = false
            anchor = now - Int64(lack / 2) * 1_000_000_000 / Int64(rate)
            written = 0
        }
        return 0
    }
}
