import Hummingbird
import NIOCore
import Synchronization

/// Token buckets by name, in a bounded table: who was quiet longest is forgotten first.
package final class RateLimiter: Sendable {
    private struct Bucket {
        var tokens: Double
        var time: NIODeadline
    }

    private let perSecond: Double
    private let burst: Double
    private let bucketsMax: Int
    private let buckets = Mutex<[String: Bucket]>([:])

    /// - Parameter perMinute: the steady rate; 0 allows everything.
    package init(perMinute: Int, burst: Int, bucketsMax: Int = 20_000) {
        perSecond = Double(perMinute) / 60
        self.burst = Double(burst)
        self.bucketsMax = bucketsMax
    }

    /// Takes one token.
    ///
    /// - Returns: `nil`, or the seconds after which the next one is there.
    package func take(_ name: String, now: NIODeadline = .now()) -> Int? {
        guard perSecond > 0 else { return nil }
        return buckets.withLock { buckets in
            var bucket = buckets[name] ?? Bucket(tokens: burst, time: now)
            let passed = Double(max((now - bucket.time).nanoseconds, 0)) / 1e9
            bucket.tokens = min(burst, bucket.tokens + passed * perSecond)
            bucket.time = now
            let allowed = bucket.tokens >= 1
            if allowed { bucket.tokens -= 1 }
            buckets[name] = bucket
            if buckets.count > bucketsMax { Self.forget(&buckets, to: bucketsMax / 2) }
            return allowed ? nil : max(1, Int(((1 - bucket.tokens) / perSecond).rounded(.up)))
        }
    }

    private static func forget(_ buckets: inout [String: Bucket], to count: Int) {
        for (name, _) in buckets.sorted(by: { $0.value.time < $1.value.time }).prefix(buckets.count - count) {
            buckets[name] = nil
        }
    }
}

/// Turns away an address that asks too often.
struct AddressLimit: RouterMiddleware {
    typealias Context = QuotaContext
    let limiter: RateLimiter

    func handle(
        _ request: Request, context: QuotaContext,
        next: (Request, QuotaContext) async throws -> Response
    ) async throws -> Response {
        if let seconds = limiter.take(context.remoteAddress ?? "local") {
            throw APIError.rateLimited(retryAfterSeconds: seconds)
        }
        return try await next(request, context)
    }
}
