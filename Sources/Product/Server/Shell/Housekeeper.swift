import Logging
import ServiceLifecycle

/// Lets go of what nobody can use or ask for any more, so that the database does not grow for ever. Money stays.
struct Housekeeper: Service {
    let store: Store
    let logger: Logger

    func run() async throws {
        await cancelWhenGracefulShutdown {
            while !Task.isCancelled {
                do {
                    try await sweep(now: .now)
                } catch {
                    logger.error("the sweep failed", metadata: ["error": "\(error)"])
                }
                try? await Task.sleep(for: .seconds(3_600))
            }
        }
    }

    /// Each with the days that it is kept.
    private static let rules: [(sql: String, days: Int64)] = [
        ("DELETE FROM sessions WHERE expires_at < ?", 7),
        ("DELETE FROM authorization_codes WHERE expires_at < ?", 1),
        ("DELETE FROM oauth_tokens WHERE expires_at < ?", 30),
        ("DELETE FROM signing_keys WHERE expires_at < ?", 30),
        (
            """
            DELETE FROM webhook_attempts WHERE delivery_id IN
                (SELECT id FROM webhook_deliveries WHERE closed_at IS NOT NULL AND created_at < ?)
            """, 30
        ),
        ("DELETE FROM webhook_deliveries WHERE closed_at IS NOT NULL AND created_at < ?", 30),
        (
            """
            DELETE FROM webhook_events WHERE created_at < ?
                AND NOT EXISTS (SELECT 1 FROM webhook_deliveries d WHERE d.event_id = webhook_events.id)
            """, 30
        ),
    ]

    func sweep(now: WallTime) async throws {
        try await store.write { database in
            for rule in Self.rules {
                try database.execute(sql: rule.sql, arguments: [now.adding(seconds: -rule.days * 86_400)])
            }
        }
    }
}
