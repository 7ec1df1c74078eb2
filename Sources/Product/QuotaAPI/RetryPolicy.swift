import Foundation

/// When a call that changes nothing is tried again: 429, 502, 503, 504, and connections that broke.
///
/// A POST is never repeated: it may have been executed, and paid for.
public struct RetryPolicy: Sendable, Equatable {
    /// Tries in all; 1 never repeats.
    public var attemptsMax: Int
    /// The first delay is up to so long; each further one up to twice the one before.
    public var delayBase: Duration
    public var delayMax: Duration
    /// A server that asks for a longer wait gets no second try: the caller hears ``QuotaError/rateLimited(retryAfterSeconds:_:)`` at once.
    public var retryAfterMax: Duration

    public init(
        attemptsMax: Int = 3, delayBase: Duration = .milliseconds(300), delayMax: Duration = .seconds(5),
        retryAfterMax: Duration = .seconds(10)
    ) {
        self.attemptsMax = attemptsMax
        self.delayBase = delayBase
        self.delayMax = delayMax
        self.retryAfterMax = retryAfterMax
    }

    public static let never = RetryPolicy(attemptsMax: 1)

    /// How long to wait before the next try, `nil` for none.
    ///
    /// - Parameters:
    ///   - attempt: the try that failed, from 1.
    ///   - fraction: 0 to 1, random: a thousand clients that failed together must not come back together.
    package func delay(after attempt: Int, status: Int?, retryAfter: Duration?, fraction: Double) -> Duration? {
        guard attempt < attemptsMax else { return nil }
        if let status, ![429, 502, 503, 504].contains(status) { return nil }
        let ceiling = min(delayMax, delayBase * (1 << min(attempt - 1, 16)))
        let jitter = ceiling * min(max(fraction, 0), 1)
        guard let retryAfter else {
            // A server that limits without a word means the default of a minute.
            return status == 429 ? nil : jitter
        }
        return retryAfter <= retryAfterMax ? retryAfter + jitter : nil
    }
}

/// The `Retry-After` header: seconds or a date (RFC 9110 §10.2.3).
package func parseRetryAfter(_ text: String?, now: Date) -> Duration? {
    guard let text = text?.trimmingCharacters(in: .whitespaces), !text.isEmpty else { return nil }
    if text.utf8.allSatisfy({ (0x30...0x39).contains($0) }) {
        // More digits than a sane wait has: as good as for ever.
        return .seconds(text.utf8.count <= 9 ? Int(text) ?? 0 : 1_000_000_000)
    }
    let format = DateFormatter()
    format.locale = Locale(identifier: "en_US_POSIX")
    format.timeZone = TimeZone(identifier: "GMT")
    format.dateFormat = "EEE, dd MMM yyyy HH:mm:ss zzz"
    guard let date = format.date(from: text) else { return nil }
    return .seconds(max(0, Int(date.timeIntervalSince(now).rounded(.up))))
}
