import NIOCore
import VoiceRealtime
import VoiceRelay

/// The relay's side of the rate ceiling, with 5 % tolerance.
///
/// A client is judged by when it sent, and the relay sees only when the bytes came: a lost segment, a busy server or a
/// sleeping virtual machine holds them back and then delivers them at once. So each arrival is given the earliest
/// departure that the ceiling allows, at most ``wayVariationMax`` before it came; where even that lies after the
/// arrival, no honest client can have sent it.
package struct RateMeter {
    /// By how much the way here may vary: two of TCP's shortest retransmission timeouts (200 ms), and some way.
    static let wayVariationMax: Int64 = .milliseconds(500)
    /// Shorter pauses of this process are within the way's variation.
    private static let stallMin = TimeAmount.milliseconds(100)
    /// The longest that is believed.
    private static let stallMax: Int64 = .seconds(5)

    /// The most that one second may bring.
    let allowedBytes: Int
    private var schedule: RateCeiling
    private var lastDeparture = MonotonicTime(nanoseconds: 0)
    /// When this process last stood still: what came in meanwhile may have left at any time since `start`.
    private var stall: (start: MonotonicTime, end: MonotonicTime)?

    package init(ceilingBytesPerSecond: Int = RelayProtocol.ceilingBytesPerSecond) {
        allowedBytes = ceilingBytesPerSecond + ceilingBytesPerSecond / 20
        // The window alone counts, not how evenly it is filled.
        schedule = RateCeiling(
            ceilingBytesPerSecond: allowedBytes, pacedBytesPerSecond: allowedBytes, burstBytes: allowedBytes)
    }

    /// Notes an arrival and says whether an honest client can have sent it.
    ///
    /// - Parameter lateness: for how long this process stood still before it read.
    package mutating func admit(_ bytes: Int, at time: NIODeadline, lateness: TimeAmount) -> Bool {
        let arrival = MonotonicTime(nanoseconds: time.uptimeNanoseconds)
        if lateness > Self.stallMin {
            let start = arrival.advanced(byNanoseconds: -lateness.nanoseconds)
            let bound = arrival.advanced(byNanoseconds: -Self.stallMax)
            stall = (max(bound, min(start, stall?.start ?? start)), arrival)
        }
        // What waited in the socket meanwhile has been read within a second.
        if let end = stall?.end, arrival.nanoseconds(since: end) > .seconds(1) { stall = nil }
        let held = min(arrival, stall?.start ?? arrival)
        let floor = max(lastDeparture, held.advanced(byNanoseconds: -Self.wayVariationMax))
        guard let departure = schedule.earliestDeparture(of: bytes, now: floor), departure <= arrival else {
            return false
        }
        schedule.depart(bytes, now: departure)
        lastDeparture = departure
        return true
    }
}
