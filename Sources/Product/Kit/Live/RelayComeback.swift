import VoiceRealtime
import VoiceRelay
import VoiceWebSocket

/// What a live session does after a connection has ended, or none came about: again, at once or after a wait, or no more.
/// No I/O, no clock.
package struct RelayComeback {
    /// How a connection ended, or the try for one.
    package enum Loss {
        case unconnected(ConversionError, ReconnectPolicy.Failure)
        case ended(RelayFailure, RelayShortfall? = nil)
    }

    package enum Next {
        /// Connects again, at this time; the event is for the user.
        case again(at: MonotonicTime, LiveEvent?)
        /// nil where the time that the user gave is up.
        case over(ConversionError?)
    }

    /// A relay that is restarted, moved or cut off is back within minutes, and a live session has nothing to lose meanwhile.
    package static var limits: ReconnectPolicy.Limits {
        var limits = ReconnectPolicy.Limits()
        limits.attemptsMax = .max
        limits.totalNanoseconds = .seconds(300)
        return limits
    }

    /// The profile's hour.
    private static let secondsDefault = 3_600
    private let relay: String
    private let secondsMax: Int
    private let renews: Bool
    private let end: MonotonicTime?
    private let refreshes: Bool
    private let stableNanoseconds: Int64
    private var policy: ReconnectPolicy
    private var readyAt: MonotonicTime?
    /// Of the running session: why it was lost first, and when.
    private var lostBy: RelayFailure?
    private var lostAt: MonotonicTime?
    private var hasRefreshed = false
    package private(set) var wasReady = false
    /// Sessions after the first.
    package private(set) var reconnects = 0
    /// The token that the relay has refused: the next connection needs another.
    package private(set) var refusedToken: String?

    /// - Parameters:
    ///   - relay: its name, for sentences.
    ///   - secondsMax: what each of the relay's sessions is asked for; nil for the profile's hour.
    ///   - renews: whether a session that has reached its limit is followed by another.
    ///   - end: when the user wants no more, if ever.
    ///   - refreshes: whether a token that is refused can be replaced.
    package init(
        relay: String, secondsMax: Int?, renews: Bool, end: MonotonicTime?, refreshes: Bool,
        limits: ReconnectPolicy.Limits = Self.limits
    ) {
        self.relay = relay
        self.secondsMax = secondsMax ?? Self.secondsDefault
        self.renews = renews
        self.end = end
        self.refreshes = refreshes
        stableNanoseconds = limits.stableNanoseconds
        policy = ReconnectPolicy(limits: limits)
    }

    /// Seconds to ask of a session that begins now: no more than the user still wants, as they are reserved.
    package func seconds(now: MonotonicTime) -> Int {
        guard let end else { return secondsMax }
        let left = end > now ? end.nanoseconds(since: now) : 0
        return min(secondsMax, max(1, Int((left + 999_999_999) / 1_000_000_000)))
    }

    /// A session has begun.
    package mutating func ready(now: MonotonicTime) {
        policy.connected(now: now)
        if wasReady { reconnects += 1 }
        wasReady = true
        readyAt = now
        refusedToken = nil
    }

    /// - Parameters:
    ///   - token: what the connection began with.
    ///   - random: 64 evenly distributed bits.
    package mutating func next(_ loss: Loss, token: String, now: MonotonicTime, random: UInt64) -> Next {
        let lived = readyAt.map { now.nanoseconds(since: $0) }
        readyAt = nil
        if let lived, lived >= stableNanoseconds {
            (lostBy, lostAt) = (nil, nil)
            hasRefreshed = false
        }
        lostAt = lostAt ?? now
        if case .ended(let failure, _) = loss, lived != nil { lostBy = lostBy ?? failure }
        if isOfCredential(loss), refreshes, !hasRefreshed {
            hasRefreshed = true
            refusedToken = token
            return .again(at: now, nil)
        }
        if case .ended(.closed(.sessionTimeout, _), _) = loss {
            if isNearEnd(now) { return .over(nil) }
            let asked: Int64 = .seconds(Int64(secondsMax))
            if renews, lived ?? 0 >= min(stableNanoseconds, asked / 10 * 9) {
                return .again(at: now, .renewed)
            }
        }
        let error = error(loss, hiding: token)
        // What never worked is not tried again: the sentence is of more use.
        let decision = policy.failed(wasReady ? kind(loss) : .terminal, now: now, random: random)
        switch decision {
        case .reconnect(let time):
            return .again(at: time, .lost(error.description, retryNanoseconds: time.nanoseconds(since: now)))
        case .giveUp(.terminal): return .over(error)
        case .giveUp: return .over(gaveUp(error, now))
        }
    }

    private func kind(_ loss: Loss) -> ReconnectPolicy.Failure {
        switch loss {
        case .unconnected(_, let kind): kind
        case .ended(.closed(.sessionTimeout, _), _) where renews: .transient(retryAfterSeconds: nil)
        case .ended(let failure, _): failure.isWorthAnother ? .transient(retryAfterSeconds: nil) : .terminal
        }
    }

    private func isOfCredential(_ loss: Loss) -> Bool {
        switch loss {
        case .unconnected(let error, _): error.cause == .refused
        case .ended(.closed(.invalidAuth, _), _): true
        case .ended: false
        }
    }

    /// The relay counts the same seconds, by its own clock or by the microphone's: it may be done a little earlier.
    private func isNearEnd(_ now: MonotonicTime) -> Bool {
        guard let end else { return false }
        let tolerance: Int64 = .seconds(1) + .seconds(Int64(secondsMax)) / 1_000
        return now.advanced(byNanoseconds: tolerance) >= end
    }

    private func error(_ loss: Loss, hiding token: String) -> ConversionError {
        switch loss {
        case .unconnected(let error, _): error
        case .ended(let failure, let shortfall):
            .live(failure, relay: relay, hiding: token, shortfall: shortfall, renews: renews)
        }
    }

    private func gaveUp(_ last: ConversionError, _ now: MonotonicTime) -> ConversionError {
        let seconds = lostAt.map { now.nanoseconds(since: $0) / 1_000_000_000 } ?? 0
        return ConversionError(
            .session(lostBy ?? .closed(.webSocket(number: 1006, reason: ""), detail: nil)),
            "\(relay) went away and did not come back; gave up after \(seconds) s (\(last.description))")
    }
}
