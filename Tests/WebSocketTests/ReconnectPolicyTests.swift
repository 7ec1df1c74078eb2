import Testing
import VoiceRealtime
import VoiceWebSocket

@Suite("Reconnect policy")
struct ReconnectPolicyTests {
    let start = MonotonicTime(nanoseconds: 1_000_000_000_000)

    /// The waits in seconds when everything fails at once and randomness is `random`.
    func waits(_ policy: inout ReconnectPolicy, random: UInt64) -> (waits: [Double], end: ReconnectPolicy.Reason) {
        var now = start
        var waits: [Double] = []
        while true {
            switch policy.failed(.transient(retryAfterSeconds: nil), now: now, random: random) {
            case .reconnect(let time):
                waits.append(Double(time.nanoseconds(since: now)) / 1e9)
                now = time
            case .giveUp(let reason):
                return (waits, reason)
            }
        }
    }

    @Test("the ceiling doubles from 0.3 s to 7 s")
    func ceilings() {
        var policy = ReconnectPolicy()
        let (waits, end) = waits(&policy, random: .max)
        #expect(waits == [0.3, 0.6, 1.2, 2.4, 4.8, 7, 7, 7, 7, 7])
        #expect(end == .attemptsExhausted)
    }

    @Test("the jitter is full: from zero to the ceiling, evenly")
    func jitter() {
        var random = SplitMix(seed: 2)
        var sum = 0.0
        for _ in 0..<4000 {
            var policy = ReconnectPolicy()
            guard
                case .reconnect(let time) = policy.failed(
                    .transient(retryAfterSeconds: nil), now: start, random: random.next())
            else {
                Issue.record("gave up at once")
                return
            }
            let wait = Double(time.nanoseconds(since: start)) / 1e9
            #expect(wait >= 0 && wait <= 0.3)
            sum += wait
        }
        #expect(abs(sum / 4000 - 0.15) < 0.01)
        var none = ReconnectPolicy()
        #expect(waits(&none, random: 0).waits == [Double](repeating: 0, count: 10))
    }

    @Test("a terminal failure is never tried again")
    func terminal() {
        var policy = ReconnectPolicy()
        #expect(policy.failed(.terminal, now: start, random: 5) == .giveUp(.terminal))
    }

    @Test("Retry-After is waited for, and given up on when it is over the limit")
    func retryAfter() {
        var policy = ReconnectPolicy()
        #expect(
            policy.failed(.transient(retryAfterSeconds: 20), now: start, random: 0)
                == .reconnect(at: start.advanced(byNanoseconds: .seconds(20))))
        #expect(
            policy.failed(
                .transient(retryAfterSeconds: 41), now: start.advanced(byNanoseconds: .seconds(20)), random: 0)
                == .giveUp(.timeExhausted))
        var other = ReconnectPolicy()
        #expect(other.failed(.transient(retryAfterSeconds: .max), now: start, random: 0) == .giveUp(.timeExhausted))
    }

    @Test("the total time is a limit")
    func totalTime() {
        var limits = ReconnectPolicy.Limits()
        limits.totalNanoseconds = .seconds(10)
        limits.attemptsMax = 1000
        var policy = ReconnectPolicy(limits: limits)
        let (waits, end) = waits(&policy, random: .max)
        #expect(waits == [0.3, 0.6, 1.2, 2.4, 4.8])
        #expect(end == .timeExhausted)
    }

    @Test("only a connection that lasted starts the count anew")
    func stability() {
        var policy = ReconnectPolicy()
        var now = start
        for _ in 0..<3 {
            _ = policy.failed(.transient(retryAfterSeconds: nil), now: now, random: 0)
            policy.connected(now: now)
            now = now.advanced(byNanoseconds: .seconds(1))
        }
        #expect(policy.attemptCount == 3)
        policy.connected(now: now)
        now = now.advanced(byNanoseconds: .seconds(10))
        _ = policy.failed(.transient(retryAfterSeconds: nil), now: now, random: 0)
        #expect(policy.attemptCount == 1)
    }

    @Test("absurd limits neither trap nor overflow")
    func absurd() {
        var limits = ReconnectPolicy.Limits()
        limits.shortestNanoseconds = .max
        limits.longestNanoseconds = .max
        limits.totalNanoseconds = .max
        limits.attemptsMax = 100
        var policy = ReconnectPolicy(limits: limits)
        for _ in 0..<50 { _ = policy.failed(.transient(retryAfterSeconds: -5), now: start, random: .max) }
        limits.shortestNanoseconds = -1
        limits.longestNanoseconds = -1
        var negative = ReconnectPolicy(limits: limits)
        #expect(negative.failed(.transient(retryAfterSeconds: nil), now: start, random: .max) == .reconnect(at: start))
    }
}
