/// How much sound a playback device shall hold: what was asked for, and twice as much each time that it ran dry often.
///
/// What makes it run dry for a moment, however often in it, counts once: a machine that stood still is no reason for a
/// longer delay. One that runs dry all the time has a sound server that takes more at once. It never shrinks again while
/// the device is in use: whatever made it run dry several times will do so again, and a delay that comes and goes is
/// worse than one that is longer.
package struct DeviceMargin {
    private static let windowNanoseconds: UInt64 = 10_000_000_000
    /// What is nearer to the last time belongs to the same moment.
    private static let quietNanoseconds: UInt64 = 700_000_000
    private static let episodesMax = 4
    /// Looks at a device, of the last two seconds, that may find it dry.
    private static let looksNanoseconds: UInt64 = 2_000_000_000
    private static let looksMax = 6
    private static let latencyMax: Int64 = 100_000_000

    package private(set) var latencyNanoseconds: Int64
    private var before: UInt64 = 0
    /// When the last looks found that it had run dry, oldest first.
    private var looks: [UInt64] = []
    /// When the last episodes began, oldest first.
    private var episodes: [UInt64] = []

    package init(latencyNanoseconds: Int64) {
        self.latencyNanoseconds = latencyNanoseconds
    }

    /// Notes a look at the device, some times a second.
    ///
    /// - Parameters:
    ///   - underruns: times that the device ran dry, since the beginning.
    ///   - now: in nanoseconds.
    /// - Returns: whether the latency has grown.
    package mutating func grows(underruns: UInt64, now: UInt64) -> Bool {
        let ranDry = underruns > before
        before = underruns
        guard ranDry else { return false }
        episodes.removeAll { now - $0 > Self.windowNanoseconds }
        if now - (looks.last ?? 0) > Self.quietNanoseconds { episodes.append(now) }
        looks.removeAll { now - $0 > Self.looksNanoseconds }
        looks.append(now)
        guard episodes.count >= Self.episodesMax || looks.count >= Self.looksMax else { return false }
        return grow()
    }

    /// Twice as much from now on; false when it is enough for every sound server.
    package mutating func grow() -> Bool {
        guard latencyNanoseconds < Self.latencyMax else { return false }
        episodes = []
        looks = []
        latencyNanoseconds = min(Self.latencyMax, latencyNanoseconds * 2)
        return true
    }
}
