import NIOCore
import VoiceRelay

/// The relay's side of the rate ceiling: bytes that arrived in the last second, judged with 5 % tolerance.
///
/// A client is judged by when it sent, and the relay sees only when the bytes came: a lost segment, a busy server or a
/// sleeping virtual machine holds them back and then delivers them at once. So a pause in the arrivals is counted as
/// time in which the client may have been sending, within a bound that a burst of stale sound exceeds.
package struct RateMeter {
    /// Packets are 10 or 20 ms apart; a longer pause than this was not the client's even pace.
    static let pauseMin = TimeAmount.milliseconds(60)
    /// The longest pause that is believed: two of TCP's shortest retransmission timeouts (200 ms) and some way.
    static let pauseMax = TimeAmount.milliseconds(500)

    /// The most that one second may bring.
    let allowedBytes: Int
    private var arrivals: [(time: NIODeadline, bytes: Int)] = []
    private var oldest = 0
    private var windowBytes = 0
    private var lastArrival: NIODeadline?
    /// When this process stood still, and for how long: what came in meanwhile had more than one second to come.
    private var stalls: [(time: NIODeadline, length: TimeAmount)] = []

    package init(ceilingBytesPerSecond: Int = RelayProtocol.ceilingBytesPerSecond) {
        allowedBytes = ceilingBytesPerSecond + ceilingBytesPerSecond / 20
    }

    /// Notes an arrival and says whether the last second is still within the ceiling.
    ///
    /// - Parameter lateness: for how long this process stood still before it read. A starved server must not take its
    ///   own pause for the client's haste: the allowance grows by the bytes of so much more time.
    package mutating func admit(_ bytes: Int, at now: NIODeadline, lateness: TimeAmount) -> Bool {
        stalls.removeAll { now - $0.time > .seconds(1) }
        let stall = max(lateness, heldBack(at: now))
        if stall > .nanoseconds(0) { stalls.append((now, stall)) }
        let stalled = stalls.reduce(Int64(0)) { $0 + $1.length.nanoseconds }
        let forgiven = Int(Int64(allowedBytes) * min(stalled, 5_000_000_000) / 1_000_000_000)
        while oldest < arrivals.count, now - arrivals[oldest].time > .seconds(1) {
            windowBytes -= arrivals[oldest].bytes
            oldest += 1
        }
        if oldest > 64, oldest * 2 > arrivals.count {
            arrivals.removeFirst(oldest)
            oldest = 0
        }
        windowBytes += bytes
        // One entry a millisecond bounds the log, whatever the size of the frames; the merged bytes keep the older time.
        if let last = arrivals.last, arrivals.count > oldest, now - last.time < .milliseconds(1) {
            arrivals[arrivals.count - 1].bytes += bytes
        } else {
            arrivals.append((now, bytes))
        }
        return windowBytes <= allowedBytes + forgiven
    }

    /// For how long the way here may have held bytes back before this arrival.
    private mutating func heldBack(at now: NIODeadline) -> TimeAmount {
        defer { lastArrival = now }
        // Before the first one nothing was under way.
        guard let lastArrival, now - lastArrival >= Self.pauseMin else { return .nanoseconds(0) }
        return min(now - lastArrival, Self.pauseMax)
    }
}
