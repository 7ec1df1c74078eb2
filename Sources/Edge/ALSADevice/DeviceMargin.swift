/// How much sound a playback device shall hold: what was asked for, and twice as much each time that it ran dry often.
///
/// It never shrinks again while the device is in use: whatever made it run dry once will do so again, and a delay that
/// comes and goes is worse than one that is longer.
struct DeviceMargin {
    private static let windowNanoseconds: UInt64 = 10_000_000_000
    private static let underrunsMax: UInt64 = 4
    private static let latencyMax: Int64 = 40_000_000

    private(set) var latencyNanoseconds: Int64
    private var windowStart: UInt64 = 0
    private var before: UInt64 = 0

    init(latencyNanoseconds: Int64) {
        self.latencyNanoseconds = latencyNanoseconds
    }

    /// - Parameters:
    ///   - underruns: times that the device ran dry, since the beginning.
    ///   - now: in nanoseconds.
    /// - Returns: whether the latency has grown.
    mutating func grows(underruns: UInt64, now: UInt64) -> Bool {
        if now - windowStart > Self.windowNanoseconds || underruns < before {
            windowStart = now
            before = underruns
        }
        guard underruns - before >= Self.underrunsMax, latencyNanoseconds < Self.latencyMax else { return false }
        before = underruns
        windowStart = now
        latencyNanoseconds = min(Self.latencyMax, latencyNanoseconds * 2)
        return true
    }
}
