import VoiceRealtime
import VoiceWebSocket

/// What a connection knows about the peer being there: the heartbeat and the idle bound, either of which may be off.
struct LifeSigns {
    enum Verdict {
        case fine
        case sendPing
        /// Silent for two heartbeats: gone.
        case lost
        /// Silent for the idle time: to be told Close.
        case idle
    }

    private let idleNanoseconds: Int64?
    private var heartbeat: Heartbeat?
    private var idleDeadline: MonotonicTime?

    init(idleNanoseconds: Int64?) {
        self.idleNanoseconds = idleNanoseconds.map { max($0, .milliseconds(1)) }
    }

    /// Begins anew with the peer heard right now. A ping interval of nil sends none.
    mutating func start(heartbeatSeconds: Double?, now: MonotonicTime) {
        heartbeat = heartbeatSeconds.map { seconds in
            let nanoseconds = Int64(min(max(seconds, 0.001), 86_400) * 1e9)
            return Heartbeat(intervalNanoseconds: nanoseconds, now: now)
        }
        heard(now: now)
    }

    /// Bytes came from the peer.
    mutating func heard(now: MonotonicTime) {
        heartbeat?.traffic(now: now)
        idleDeadline = idleNanoseconds.map { now.advanced(byNanoseconds: $0) }
    }

    /// The peer could not be heard, for the application takes nothing.
    mutating func pause(now: MonotonicTime) {
        heard(now: now)
        heartbeat?.pause(now: now)
    }

    /// Judges; to be called when all that has come was read.
    mutating func judge(now: MonotonicTime) -> Verdict {
        switch heartbeat?.tick(now: now) {
        case .some(.lost): return .lost
        case .some(.sendPing): return .sendPing
        case nil, .some(.none): break
        }
        if let deadline = idleDeadline, now >= deadline {
            idleDeadline = nil
            return .idle
        }
        return .fine
    }

    /// The earlier of `limit` and the next time to judge.
    func nextDeadline(limit: MonotonicTime) -> MonotonicTime {
        min(limit, heartbeat?.nextDeadline ?? limit, idleDeadline ?? limit)
    }
}
