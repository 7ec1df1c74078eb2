import VoiceRealtime

/// The governor of outgoing audio: in EVERY window of one second, wherever it starts, at most
/// `ceilingBytesPerSecond` bytes leave, whatever the source does.
///
/// Two rules, both must allow a packet:
/// - the window: what left in the last second (both ends included) plus the packet stays under the ceiling. The fullest
///   window of any schedule ends at a departure, so checking there checks them all.
/// - the pace: departures are spread evenly at `pacedBytesPerSecond`, a little below the ceiling, so that jitter
///   behind us does not squeeze them together above it. The pace forgives a late timer by `burstBytes`, no more.
///
/// Departures are logged in a fixed number of slots. When they would run out, a departure is added to the newest slot
/// and takes that slot along to its own later time: bytes then stay in the window longer than they must, never shorter.
/// One thread at a time. Time is an argument.
public struct RateCeiling: Sendable {
    private struct Departure {
        var time: MonotonicTime
        var bytes: Int
    }

    private static let windowNanoseconds: Int64 = .seconds(1)
    /// Departures closer than this share a slot, so 1 s needs at most 251 of the 256 slots.
    private static let slotNanoseconds: Int64 = .milliseconds(4)
    private static let slotsMax = 256

    public let ceilingBytesPerSecond: Int
    public let pacedBytesPerSecond: Int
    private let burstBytes: Int
    private var departures: [Departure] = []
    private var oldest = 0
    private var slotStart = MonotonicTime(nanoseconds: 0)
    private var windowBytes = 0
    /// When the next departure would be due at an even pace.
    private var due = MonotonicTime(nanoseconds: 0)

    /// - Parameters:
    ///   - ceilingBytesPerSecond: bytes that may leave in any one second.
    ///   - pacedBytesPerSecond: the even rate kept, at most the ceiling.
    ///   - burstBytes: how much a late caller may catch up at once.
    public init(
        ceilingBytesPerSecond: Int = RelayProtocol.ceilingBytesPerSecond,
        pacedBytesPerSecond: Int = RelayProtocol.pacedBytesPerSecond, burstBytes: Int = 640
    ) {
        precondition(ceilingBytesPerSecond > 0 && pacedBytesPerSecond > 0 && burstBytes >= 0)
        self.ceilingBytesPerSecond = ceilingBytesPerSecond
        self.pacedBytesPerSecond = min(pacedBytesPerSecond, ceilingBytesPerSecond)
        self.burstBytes = burstBytes
        departures.reserveCapacity(Self.slotsMax)
    }

    /// The earliest time at which `bytes` may leave: `now` or later.
    ///
    /// `nil` when they can never leave together (more than a whole second's allowance).
    public mutating func earliestDeparture(of bytes: Int, now: MonotonicTime) -> MonotonicTime? {
        guard bytes <= ceilingBytesPerSecond else { return nil }
        forget(before: now)
        var earliest = max(now, due)
        var inWindow = windowBytes
        var index = oldest
        while inWindow + bytes > ceilingBytesPerSecond, index < departures.count {
            let leavesWindow = departures[index].time.advanced(byNanoseconds: Self.windowNanoseconds + 1)
            earliest = max(earliest, leavesWindow)
            inWindow -= departures[index].bytes
            index += 1
        }
        return earliest
    }

    /// Notes that `bytes` left at `now`. Only for a departure that ``earliestDeparture(of:now:)`` allowed.
    public mutating func depart(_ bytes: Int, now: MonotonicTime) {
        forget(before: now)
        // The pace starts again from now after a pause: what was not sent then is not owed.
        due = pace(bytes, from: max(due, pace(-burstBytes, from: now)))
        windowBytes += bytes
        if let last = departures.last, departures.count > oldest, last.time <= now,
            now.nanoseconds(since: slotStart) < Self.slotNanoseconds
        {
            departures[departures.count - 1] = Departure(time: now, bytes: last.bytes + bytes)
        } else {
            slotStart = now
            departures.append(Departure(time: now, bytes: bytes))
        }
    }

    private func pace(_ bytes: Int, from start: MonotonicTime) -> MonotonicTime {
        start.advanced(byNanoseconds: Int64(bytes) * 1_000_000_000 / Int64(pacedBytesPerSecond))
    }

    private mutating func forget(before now: MonotonicTime) {
        while oldest < departures.count,
            now.nanoseconds(since: departures[oldest].time) > Self.windowNanoseconds
        {
            windowBytes -= departures[oldest].bytes
            oldest += 1
        }
        // Moves the live slots to the front before the array would have to grow.
        if oldest > 0, departures.count >= Self.slotsMax || oldest == departures.count {
            departures.removeFirst(oldest)
            oldest = 0
        }
    }
}
