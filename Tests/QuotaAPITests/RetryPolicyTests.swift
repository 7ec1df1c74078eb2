import Foundation
import QuotaAPI
import Testing

@Suite struct RetryPolicyTests {
    @Test func delaysGrowWithinTheirBounds() {
        let policy = RetryPolicy(attemptsMax: 5, delayBase: .milliseconds(100), delayMax: .milliseconds(250))
        func delay(_ attempt: Int, _ fraction: Double = 1) -> Duration? {
            policy.delay(after: attempt, status: 503, retryAfter: nil, fraction: fraction)
        }
        #expect(delay(1) == .milliseconds(100))
        #expect(delay(2) == .milliseconds(200))
        #expect(delay(3) == .milliseconds(250))
        #expect(delay(4, 0) == .zero)
        #expect(delay(5) == nil)
        #expect(RetryPolicy.never.delay(after: 1, status: 503, retryAfter: nil, fraction: 1) == nil)
    }

    @Test func onlyWhatPassesIsWorthAnotherTry() {
        let policy = RetryPolicy()
        for status in [400, 401, 402, 403, 404, 409, 500, 501] {
            #expect(policy.delay(after: 1, status: status, retryAfter: nil, fraction: 1) == nil)
        }
        #expect(policy.delay(after: 1, status: 429, retryAfter: nil, fraction: 1) == nil)
        #expect(policy.delay(after: 1, status: 429, retryAfter: .seconds(2), fraction: 0) == .seconds(2))
        #expect(policy.delay(after: 1, status: 503, retryAfter: .seconds(11), fraction: 0) == nil)
    }

    @Test func aRetryAfterIsSecondsOrADate() {
        let now = Date(timeIntervalSince1970: 1_700_000_000)
        #expect(parseRetryAfter("120", now: now) == .seconds(120))
        #expect(parseRetryAfter("Tue, 14 Nov 2023 22:13:50 GMT", now: now) == .seconds(30))
        #expect(parseRetryAfter("Tue, 14 Nov 2023 22:13:00 GMT", now: now) == .zero)
        #expect(parseRetryAfter("99999999999999999999", now: now) == .seconds(1_000_000_000))
        #expect(parseRetryAfter("1.5", now: now) == nil)
        #expect(parseRetryAfter(nil, now: now) == nil)
    }
}
