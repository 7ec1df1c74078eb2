import Logging
import ServiceLifecycle

/// Lets go of what nobody can use or ask for any more, so that the database does not grow for ever. Money stays.
package struct Housekeeper: Service {
    let store: Store
    let logger: Logger

    package init(store: Store, logger: Logger) {
        self.store = store
        self.logger = logger
    }

    package func run() async throws {
        await cancelWhenGracefulShutdown {
            while !Task.isCancelled {
                do {
                    try await sweep(now: .now)
                } catch {
                    logger.error("the sweep failed", metadata: ["error": "\(error)"])
                }
                for _ in 0..<60 where !Task.isCancelled {
                    try? await Task.sleep(for: .seconds(60))
                    noteKeyUse()
                }
            }
        }
        noteKeyUse()
    }

    /// Short, and also for a task that was cancelled: so it blocks its thread.
    private func noteKeyUse() {
        let uses = store.keyUse.unwritten
        guard !uses.isEmpty else { return }
        do {
            try store.database.write { try KeyUse.write(uses, in: $0) }
            store.keyUse.forget(uses)
        } catch {
            logger.error("the use of keys could not be noted", metadata: ["error": "\(error)"])
        }
    }

    /// What goes, and how many days after it ended. A code is kept for as long as its second use must end what came of
    /// the first; a refresh token likewise, beyond its expiry.
    private static let rules: [(table: String, condition: String, days: Int64)] = [
        ("sessions", "expires_at < ?", 7),
        ("authorization_codes", "expires_at < ?", 30),
        ("oauth_tokens", "expires_at < ?", 30),
        ("signing_keys", "expires_at < ?", 30),
        ("checkouts", "state <> 'paid' AND expires_at < ?", 30),
        (
            "webhook_attempts",
            "delivery_id IN (SELECT id FROM webhook_deliveries WHERE closed_at IS NOT NULL AND created_at < ?)", 30
        ),
        ("webhook_deliveries", "closed_at IS NOT NULL AND created_at < ?", 30),
        (
            "webhook_events",
            "created_at < ? AND NOT EXISTS (SELECT 1 FROM webhook_deliveries d WHERE d.event_id = webhook_events.id)",
            30
        ),
    ]
    /// Rows that go in one transaction: who wants to write meanwhile waits for no more.
    private static let rowsMax = 500

    /// Removes what is old at `now`, a few rows at a time.
    package func sweep(now: WallTime) async throws {
        for rule in Self.rules {
            let sql = """
                DELETE FROM \(rule.table) WHERE rowid IN
                    (SELECT rowid FROM \(rule.table) WHERE \(rule.condition) LIMIT \(Self.rowsMax))
                """
            var removed = 0
            repeat {
                removed = try await store.write { database in
                    try database.execute(sql: sql, arguments: [now.adding(seconds: -rule.days * 86_400)])
                    return database.changesCount
                }
            } while removed == Self.rowsMax && !Task.isCancelled
        }
    }
}
