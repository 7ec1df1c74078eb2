import VoiceRealtime

/// Measures round trips from Pings and their Pongs.
public struct RoundTripMeter: Equatable, Sendable {
    private struct Outstanding: Equatable {
        var number: UInt64
        var sentAt: MonotonicTime
    }

    private static let outstandingMax = 8
    private var nextNumber: UInt64 = 1
    private var outstanding: [Outstanding] = []

    /// The last round trip in nanoseconds.
    public private(set) var lastNanoseconds: Int64?
    /// The shortest so far.
    public private(set) var shortestNanoseconds: Int64?
    /// A mean in which each new sample weighs an eighth, as in RFC 6298 §2.
    public private(set) var smoothedNanoseconds: Int64?

    public init() {}

    /// The payload of a new Ping: its number in eight bytes.
    public mutating func pingPayload(now: MonotonicTime) -> [UInt8] {
        let number = nextNumber
        nextNumber += 1
        if outstanding.count == Self.outstandingMax { outstanding.removeFirst() }
        outstanding.append(Outstanding(number: number, sentAt: now))
        return (0..<8).map { UInt8(truncatingIfNeeded: number >> UInt64(56 - 8 * $0)) }
    }

    /// Takes a Pong's payload; returns the round trip when it answers a Ping of ours.
    @discardableResult
    public mutating func pong(_ payload: [UInt8], now: MonotonicTime) -> Int64? {
        guard payload.count == 8 else { return nil }
        let number = payload.reduce(0 as UInt64) { $0 << 8 | UInt64($1) }
        guard let index = outstanding.firstIndex(where: { $0.number == number }) else { return nil }
        let trip = max(0, now.nanoseconds(since: outstanding[index].sentAt))
        // A Pong also answers every earlier Ping (RFC 6455 §5.5.3).
        outstanding.removeFirst(index + 1)
        lastNanoseconds = trip
        shortestNanoseconds = min(shortestNanoseconds ?? trip, trip)
        smoothedNanoseconds = smoothedNanoseconds.map { $0 + (trip - $0) / 8 } ?? trip
        return trip
    }
}
