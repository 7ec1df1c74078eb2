import AsyncHTTPClient
import Crypto
import Foundation
import GRDB
import Logging
import NIOCore
import NIOHTTP1
import NIOPosix
import ServiceLifecycle

/// Works through the queue of deliveries: signs, sends, notes what came of it, and tries again.
///
/// At least once each: a delivery that a crash interrupted goes out again, with the same event id.
struct WebhookDispatcher: Service {
    /// How deliveries are made.
    struct Policy: Sendable {
        /// Whether webhooks may point at this machine; nothing else that is not public ever.
        var allowsLoopback = false
        /// Before the second attempt; each further one waits four times as long.
        var retrySeconds = 5.0
        var attemptsMax = 8
        var secondsMax: Int64 = 10
    }

    private struct Job: Sendable {
        let id: String
        let url: String
        let secret: String
        let type: String
        let eventID: String
        let body: String
        let attempts: Int
    }

    private struct Outcome {
        var status: Int?
        var error: String?
        var isSuccess: Bool { status.map { (200..<300).contains($0) } ?? false }
    }

    private static let atOnceMax = 8
    private static let waitSecondsMax = 6.0 * 3_600

    let store: Store
    let policy: Policy
    let logger: Logger

    func run() async throws {
        let threads = NIOThreadPool(numberOfThreads: 2)
        threads.start()
        await cancelWhenGracefulShutdown {
            while !Task.isCancelled {
                let worked = await round(threads)
                if !worked { try? await Task.sleep(for: .milliseconds(500)) }
            }
        }
        try await threads.shutdownGracefully()
    }

    /// Everything that is due, a few at once; `false` when there was nothing.
    private func round(_ threads: NIOThreadPool) async -> Bool {
        let jobs: [Job]
        do {
            jobs = try await store.read { try Self.due(now: .now, in: $0) }
        } catch {
            logger.error("the webhook queue can't be read", metadata: ["error": "\(error)"])
            return false
        }
        await withTaskGroup(of: Void.self) { group in
            for job in jobs {
                group.addTask {
                    let start = ContinuousClock.now
                    let outcome = await send(job, threads)
                    // Shutting down in mid-delivery is no failure of the receiver: the next start tries again.
                    if Task.isCancelled, !outcome.isSuccess { return }
                    await note(job, outcome, elapsed: ContinuousClock.now - start)
                }
            }
        }
        return !jobs.isEmpty
    }

    private static func due(now: WallTime, in database: Database) throws -> [Job] {
        try Row.fetchAll(
            database,
            sql: """
                SELECT d.id, d.attempts, w.url, w.secret, e.type, e.id AS event_id, e.body FROM webhook_deliveries d
                JOIN webhooks w ON w.id = d.webhook_id JOIN webhook_events e ON e.id = d.event_id
                WHERE d.state = 'pending' AND d.next_attempt_at <= ? ORDER BY d.next_attempt_at LIMIT ?
                """, arguments: [now, atOnceMax]
        ).map {
            Job(
                id: $0["id"], url: $0["url"], secret: $0["secret"], type: $0["type"], eventID: $0["event_id"],
                body: $0["body"], attempts: $0["attempts"])
        }
    }

    /// Lower-case hex of HMAC-SHA256 over the raw body.
    static func signature(of body: String, secret: String) -> String {
        HMAC<SHA256>.authenticationCode(for: Data(body.utf8), using: SymmetricKey(data: Data(secret.utf8)))
            .map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }

    private func send(_ job: Job, _ threads: NIOThreadPool) async -> Outcome {
        do {
            let target = try await DeliveryAddress.resolve(
                job.url, allowsLoopback: policy.allowsLoopback, on: threads)
            var configuration = HTTPClient.Configuration()
            configuration.redirectConfiguration = .disallow
            configuration.dnsOverride = [target.host: target.address]
            configuration.timeout = .init(connect: .seconds(5), read: .seconds(policy.secondsMax))
            configuration.maximumUsesPerConnection = 1
            // The queue tries again, in its own time.
            configuration.connectionPool.retryConnectionEstablishment = false
            let client = HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
            defer { client.shutdown { _ in } }
            var request = HTTPClientRequest(url: job.url)
            request.method = .POST
            request.headers = [
                "Content-Type": "application/json", "User-Agent": "quota-voice-webhooks/1",
                "X-Quota-Signature": Self.signature(of: job.body, secret: job.secret),
                "X-Quota-Event": job.type, "X-Quota-Delivery": job.id,
            ]
            request.body = .bytes(ByteBuffer(string: job.body))
            // The answer's body is nobody's business: it is not read.
            let response = try await client.execute(request, timeout: .seconds(policy.secondsMax))
            return Outcome(status: Int(response.status.code))
        } catch let refusal as DeliveryAddress.Refusal {
            return Outcome(error: refusal.description)
        } catch let error as HTTPClientError {
            return Outcome(error: error.shortDescription)
        } catch {
            return Outcome(error: "no connection")
        }
    }

    private func note(_ job: Job, _ outcome: Outcome, elapsed: Duration) async {
        let attempts = job.attempts + 1
        let wait = min(policy.retrySeconds * pow(4, Double(min(attempts, 20) - 1)), Self.waitSecondsMax)
        let state = outcome.isSuccess ? "delivered" : attempts >= policy.attemptsMax ? "failed" : "pending"
        let milliseconds = Int(elapsed / .milliseconds(1))
        do {
            try await store.write { database in
                let now = WallTime.now
                try database.execute(
                    sql: """
                        UPDATE webhook_deliveries SET state = ?, attempts = ?, next_attempt_at = ?, last_status = ?,
                            last_error = ?, closed_at = ? WHERE id = ?
                        """,
                    arguments: [
                        state, attempts, now.adding(milliseconds: Int64(wait * 1_000)), outcome.status, outcome.error,
                        state == "pending" ? nil : now, job.id,
                    ])
                try database.execute(
                    sql: """
                        INSERT INTO webhook_attempts (delivery_id, at, status, error, milliseconds)
                        VALUES (?, ?, ?, ?, ?)
                        """, arguments: [job.id, now, outcome.status, outcome.error, milliseconds])
            }
        } catch {
            logger.error("a delivery could not be noted", metadata: ["error": "\(error)"])
            try? await Task.sleep(for: .seconds(1))
        }
    }
}
