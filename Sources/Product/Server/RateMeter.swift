import NIOCore
import VoiceRelay

/// The relay's side of the rate ceiling: bytes that arrived in the last second, judged with 5 % tolerance.
struct RateMeter {
    /// The most that one second may bring.
    let allowedBytes: Int
    private var arrivals: [(time: NIODeadline, bytes: Int)] = []
    private var oldest = 0
    private var windowBytes = 0

    init(ceilingBytesPerSecond: Int = RelayProtocol.ceilingBytesPerSecond) {
        allowedBytes = ceilingBytesPerSecond + ceilingBytesPerSecond / 20
    }

    /// Notes an arrival and says whether the last second is still within the ceiling.
    mutating func admit(_ bytes: Int, at now: NIODeadline) -> Bool {
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
        return windowBytes <= allowedBytes
    }
}
