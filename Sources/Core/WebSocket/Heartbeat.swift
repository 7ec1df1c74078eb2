import VoiceRealtime

/// Judges whether the peer is alive: a ping each interval, any traffic is life, lost after two intervals of silence.
///
/// Nobody is judged without a ping that had a whole interval to be answered. When the clock was looked at late
/// (SIGSTOP, a suspended or overloaded machine), that is not held against the peer either: once in each silence it gets a new ping
/// and one more interval. So a dead peer is told one interval after the process runs again at the latest.
/// Give `traffic` for what is already in the socket before `tick`, or the judgement is unfair.
public struct Heartbeat: Equatable, Sendable {
    public enum Action: Equatable, Sendable {
        case none
        case sendPing
        case lost
    }

    private let intervalNanoseconds: Int64
    private var heardAt: MonotonicTime
    private var nextPing: MonotonicTime
    /// When the first ping of this silence was sent.
    private var unansweredSince: MonotonicTime?
    private var hasForgivenLateness = false

    /// Starts with the peer heard right now. Intervals under a millisecond are brought to it.
    public init(intervalNanoseconds: Int64, now: MonotonicTime) {
        self.intervalNanoseconds = max(intervalNanoseconds, .milliseconds(1))
        heardAt = now
        nextPing = now.advanced(byNanoseconds: self.intervalNanoseconds)
    }

    /// Something came from the peer: a frame or a part of one.
    public mutating func traffic(now: MonotonicTime) {
        heardAt = max(heardAt, now)
        unansweredSince = nil
        hasForgivenLateness = false
    }

    /// The application does not read, so the peer can't be heard: call instead of `tick`.
    public mutating func pause(now: MonotonicTime) {
        traffic(now: now)
        nextPing = max(nextPing, now.advanced(byNanoseconds: intervalNanoseconds))
    }

    /// Looks at the clock. To be called at `nextDeadline` at the latest; earlier is fine.
    public mutating func tick(now: MonotonicTime) -> Action {
        let isLate = now.nanoseconds(since: nextDeadline) > intervalNanoseconds / 2
        if isLate && now >= judgement && !hasForgivenLateness {
            hasForgivenLateness = true
            unansweredSince = now
            nextPing = now.advanced(byNanoseconds: intervalNanoseconds)
            return .sendPing
        }
        if now >= judgement { return .lost }
        guard now >= nextPing else { return .none }
        unansweredSince = unansweredSince ?? now
        nextPing = now.advanced(byNanoseconds: intervalNanoseconds)
        return .sendPing
    }

    /// When to call `tick` next.
    public var nextDeadline: MonotonicTime { min(nextPing, judgement) }

    /// Two intervals of silence, the last of them with a ping under way.
    private var judgement: MonotonicTime {
        max(
            heardAt.advanced(byNanoseconds: 2 * intervalNanoseconds),
            (unansweredSince ?? nextPing).advanced(byNanoseconds: intervalNanoseconds))
    }
}
