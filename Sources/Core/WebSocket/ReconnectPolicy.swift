import VoiceRealtime

/// Decides whether and when to connect again: exponential backoff with full jitter.
///
/// The wait before attempt n is drawn evenly from zero to `min(longest, shortest * 2^n)`; a `Retry-After` is waited
/// for at least. Time and randomness are arguments.
public struct ReconnectPolicy: Equatable, Sendable {
    public struct Limits: Equatable, Sendable {
        /// Ceiling of the first wait, in nanoseconds.
        public var shortestNanoseconds: Int64 = .milliseconds(300)
        /// Ceiling of every wait, in nanoseconds. A `Retry-After` beyond it is honoured.
        public var longestNanoseconds: Int64 = .seconds(7)
        /// Attempts in a row without success.
        public var attemptsMax = 10
        /// Time from the loss of the connection to the last attempt, in nanoseconds.
        public var totalNanoseconds: Int64 = .seconds(60)
        /// How long a connection must live to count as a success that starts the count anew, in nanoseconds.
        public var stableNanoseconds: Int64 = .seconds(10)

        public init() {}
    }

    /// What ended the connection or the attempt.
    public enum Failure: Equatable, Sendable {
        /// It may work again: network, server restart, heartbeat.
        case transient(retryAfterSeconds: Int?)
        /// The same would happen again: bad credentials, an empty balance, a protocol error.
        case terminal
    }

    public enum Decision: Equatable, Sendable {
        case reconnect(at: MonotonicTime)
        case giveUp(Reason)
    }

    public enum Reason: Equatable, Sendable {
        case terminal
        case attemptsExhausted
        /// The next attempt would be later than the limit.
        case timeExhausted
    }

    private let limits: Limits
    private var attempts = 0
    private var lostAt: MonotonicTime?
    private var connectedAt: MonotonicTime?

    public init(limits: Limits = Limits()) {
        self.limits = limits
    }

    /// Attempts since the last stable connection.
    public var attemptCount: Int { attempts }

    /// A connection was opened.
    public mutating func connected(now: MonotonicTime) {
        connectedAt = now
    }

    /// A connection ended or an attempt failed. `random` is 64 evenly distributed bits.
    public mutating func failed(_ failure: Failure, now: MonotonicTime, random: UInt64) -> Decision {
        if let connectedAt, now.nanoseconds(since: connectedAt) >= limits.stableNanoseconds {
            attempts = 0
            lostAt = nil
        }
        connectedAt = nil
        let start = lostAt ?? now
        lostAt = start
        switch failure {
        case .terminal:
            return .giveUp(.terminal)
        case .transient(let retryAfterSeconds):
            guard attempts < limits.attemptsMax else { return .giveUp(.attemptsExhausted) }
            let wait = max(backoff(random), Self.nanoseconds(retryAfterSeconds))
            let time = now.advanced(byNanoseconds: wait)
            guard time.nanoseconds(since: start) <= limits.totalNanoseconds else { return .giveUp(.timeExhausted) }
            attempts += 1
            return .reconnect(at: time)
        }
    }

    private func backoff(_ random: UInt64) -> Int64 {
        let doubled = limits.shortestNanoseconds.multipliedReportingOverflow(by: 1 << Int64(min(attempts, 40)))
        let longest = max(0, limits.longestNanoseconds)
        let ceiling = doubled.overflow ? longest : min(max(0, doubled.partialValue), longest)
        return Int64(random.multipliedFullWidth(by: UInt64(ceiling) + 1).high)
    }

    /// A day at most: what a server may ask for is bounded by `totalNanoseconds` anyway.
    private static func nanoseconds(_ seconds: Int?) -> Int64 {
        .seconds(Int64(min(max(seconds ?? 0, 0), 86_400)))
    }
}
