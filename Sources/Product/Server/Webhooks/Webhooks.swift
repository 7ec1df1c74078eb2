import GRDB

/// The webhooks of developers, and the log of their deliveries.
enum Webhooks {
    static let perAccountMax = 20
    static let thresholdDefault = 100_000

    struct TooMany: Error {}

    /// What a webhook is made with.
    struct Registration: Sendable {
        var url: String
        /// Types that it hears of; none for all.
        var events: [String] = []
        /// Credits below which `balance.low` is sent.
        var balanceLowThreshold = Webhooks.thresholdDefault
        var isActive = true
    }

    struct Listed: Sendable {
        let id: String
        let registration: Registration
        let createdAt: WallTime

        init(_ row: Row) {
            id = row["id"]
            let events = JSONTree(text: row["events"])?.array ?? []
            registration = Registration(
                url: row["url"], events: events.compactMap(\.string),
                balanceLowThreshold: row["balance_low_threshold"], isActive: row["active"])
            createdAt = row["created_at"]
        }
    }

    /// A delivery, and what came of it so far.
    struct Delivery: Sendable {
        let id: String
        let eventID: String
        let type: String
        let url: String
        /// `pending`, `delivered` or `failed`.
        let state: String
        let attempts: Int
        let lastStatus: Int?
        let lastError: String?
        let nextAttemptAt: WallTime
        let createdAt: WallTime

        init(_ row: Row) {
            id = row["id"]
            eventID = row["event_id"]
            type = row["type"]
            url = row["url"]
            state = row["state"]
            attempts = row["attempts"]
            lastStatus = row["last_status"]
            lastError = row["last_error"]
            nextAttemptAt = row["next_attempt_at"]
            createdAt = row["created_at"]
        }
    }

    /// - Returns: its id, and the secret that signs, which nobody can show again.
    /// - Throws: ``TooMany``.
    static func make(
        _ registration: Registration, of userID: String, now: WallTime, in database: Database
    ) throws -> (id: String, secret: String) {
        let count = try Int.fetchOne(
            database, sql: "SELECT COUNT(*) FROM webhooks WHERE user_id = ? AND deleted_at IS NULL",
            arguments: [userID])
        guard (count ?? 0) < perAccountMax else { throw TooMany() }
        let id = Identifier.webhook.make()
        let secret = Token.webhookSecret.make()
        try database.execute(
            sql: """
                INSERT INTO webhooks (id, user_id, url, events, secret, balance_low_threshold, active, created_at,
                    updated_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
                """,
            arguments: [
                id, userID, registration.url, list(registration.events), secret, registration.balanceLowThreshold,
                registration.isActive, now, now,
            ])
        return (id, secret)
    }

    static func all(of userID: String, in database: Database) throws -> [Listed] {
        try Row.fetchAll(
            database, sql: "SELECT * FROM webhooks WHERE user_id = ? AND deleted_at IS NULL ORDER BY created_at, id",
            arguments: [userID]
        ).map(Listed.init)
    }

    static func find(_ id: String, of userID: String, in database: Database) throws -> Listed? {
        try Row.fetchOne(
            database, sql: "SELECT * FROM webhooks WHERE id = ? AND user_id = ? AND deleted_at IS NULL",
            arguments: [id, userID]
        ).map(Listed.init)
    }

    static func change(
        _ id: String, to registration: Registration, now: WallTime, in database: Database
    ) throws {
        try database.execute(
            sql: """
                UPDATE webhooks SET url = ?, events = ?, balance_low_threshold = ?, active = ?, updated_at = ?
                WHERE id = ?
                """,
            arguments: [
                registration.url, list(registration.events), registration.balanceLowThreshold, registration.isActive,
                now, id,
            ])
    }

    /// What waits for a webhook that is gone is not sent any more.
    ///
    /// - Returns: whether there was such a webhook.
    static func remove(_ id: String, of userID: String, now: WallTime, in database: Database) throws -> Bool {
        try database.execute(
            sql: "UPDATE webhooks SET deleted_at = ? WHERE id = ? AND user_id = ? AND deleted_at IS NULL",
            arguments: [now, id, userID])
        guard database.changesCount == 1 else { return false }
        try database.execute(
            sql: """
                UPDATE webhook_deliveries SET state = 'failed', last_error = 'the webhook was deleted', closed_at = ?
                WHERE webhook_id = ? AND state = 'pending'
                """, arguments: [now, id])
        return true
    }

    /// The newest first, of one webhook or of all of a user's.
    static func deliveries(
        of userID: String, webhook: String? = nil, limit: Int, in database: Database
    ) throws -> [Delivery] {
        try Row.fetchAll(
            database,
            sql: """
                SELECT d.*, e.type, w.url FROM webhook_deliveries d JOIN webhook_events e ON e.id = d.event_id
                JOIN webhooks w ON w.id = d.webhook_id
                WHERE w.user_id = ?1 AND w.deleted_at IS NULL AND (?2 IS NULL OR w.id = ?2)
                ORDER BY d.created_at DESC, d.id LIMIT ?3
                """, arguments: [userID, webhook, limit]
        ).map(Delivery.init)
    }

    /// Sends the event of a delivery once more, as a delivery of its own.
    ///
    /// - Returns: the new delivery's id; `nil` where there is no such delivery.
    static func redeliver(
        _ id: String, of userID: String, webhook: String? = nil, now: WallTime, in database: Database
    ) throws -> String? {
        let made = Identifier.delivery.make()
        try database.execute(
            sql: """
                INSERT INTO webhook_deliveries (id, webhook_id, event_id, next_attempt_at, created_at)
                SELECT ?1, d.webhook_id, d.event_id, ?2, ?2 FROM webhook_deliveries d
                JOIN webhooks w ON w.id = d.webhook_id
                WHERE d.id = ?3 AND w.user_id = ?4 AND w.deleted_at IS NULL AND (?5 IS NULL OR w.id = ?5)
                """, arguments: [made, now, id, userID, webhook])
        return database.changesCount == 1 ? made : nil
    }

    private static func list(_ events: [String]) -> String {
        JSONTree.array(Set(events).sorted().map { .string($0) }).text
    }
}
