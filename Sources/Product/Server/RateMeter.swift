import NIOCore
import VoiceRelay

/// The relay's side of the rate ceiling: bytes that arrived in the last second, judged with 5 % tolerance.
struct RateMeter {
    /// The most that one second may bring.
    let allowedBytes: Int
    private var arrivals: [(time: NIODeadline, bytes: Int)] = []
    private var oldest = 0
    private var windowBytes = 0
    /// When this process stood still, and for how long: what came in meanwhile had more than one second to come.
    private var stalls: [(time: NIODeadline, length: TimeAmount)] = []

    init(ceilingBytesPerSecond: Int = RelayProtocol.ceilingBytesPerSecond) {
        allowedBytes = ceilingBytesPerSecond + ceilingBytesPerSecond / 20
    }

    /// Notes an arrival and says whether the last second is still within the ceiling.
    ///
    /// - Parameter lateness: for how long this process stood still before it read. A starved server must not take its
    ///   own pause for the client's haste: the allowance grows by the bytes of so much more time.
    mutating func admit(_ bytes: Int, at now: NIODeadline, lateness: TimeAmount) -> Bool {
        stalls.removeAll { now - $0.time > .seconds(1) }
        if lateness > .nanoseconds(0) { stalls.append((now, lateness)) }
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
}
