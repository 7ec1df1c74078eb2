import GRDB

/// What is to be delivered: written in the same transaction as what it tells of, so that neither is without the other.
package enum WebhookQueue {
    /// All that a webhook can ask for.
    package static let types = [
        "user.connected", "user.disconnected", "balance.updated", "balance.low", "usage.completed",
    ]

    /// Queues an event for every webhook of `developerID` that takes its type.
    package static func publish(
        _ type: String, _ data: JSONTree, to developerID: String, now: WallTime, in database: Database
    ) throws {
        let hooks = try String.fetchAll(
            database,
            sql: """
                SELECT id FROM webhooks WHERE user_id = ? AND active = 1 AND deleted_at IS NULL
                    AND (events = '[]' OR EXISTS (SELECT 1 FROM json_each(events) WHERE value = ?))
                """, arguments: [developerID, type])
        try publish(type, data, to: developerID, hooks: hooks, now: now, in: database)
    }

    private static func publish(
        _ type: String, _ data: JSONTree, to developerID: String, hooks: [String], now: WallTime,
        in database: Database
    ) throws {
        guard !hooks.isEmpty else { return }
        let id = Identifier.event.make()
        let body: JSONTree = [
            "id": .string(id), "type": .string(type), "created_at": JSONTree(now), "data": data,
        ]
        try database.execute(
            sql: "INSERT INTO webhook_events (id, user_id, type, body, created_at) VALUES (?, ?, ?, ?, ?)",
            arguments: [id, developerID, type, body.text, now])
        for hook in hooks {
            try database.execute(
                sql: """
                    INSERT INTO webhook_deliveries (id, webhook_id, event_id, next_attempt_at, created_at)
                    VALUES (?, ?, ?, ?, ?)
                    """, arguments: [Identifier.delivery.make(), hook, id, now, now])
        }
    }

    /// What a settled reservation has to tell: `usage.completed`, `balance.updated`, and `balance.low` where a
    /// threshold was crossed.
    static func publishBill(
        _ reservation: Row, billed: Int, balance: Int, tokens: Reservation.Tokens?, now: WallTime,
        in database: Database
    ) throws {
        guard billed > 0 else { return }
        let developer: String = reservation["billed_by"]
        let user: JSONTree = .string(reservation["user_id"])
        let model: JSONTree = .string(reservation["model"])
        var usage: [String: JSONTree] = ["user_id": user, "model": model, "credits_used": .integer(billed)]
        if let tokens {
            usage["prompt_tokens"] = .integer(tokens.prompt)
            usage["completion_tokens"] = .integer(tokens.completion)
            usage["total_tokens"] = .integer(tokens.prompt + tokens.completion)
        }
        try publish("usage.completed", .object(usage), to: developer, now: now, in: database)
        try publish(
            "balance.updated",
            [
                "user_id": user, "new_balance": .integer(balance), "amount_spent": .integer(billed), "model": model,
                "endpoint": .string(reservation["endpoint"]),
            ], to: developer, now: now, in: database)
        let crossed = try Row.fetchAll(
            database,
            sql: """
                SELECT id, balance_low_threshold FROM webhooks
                WHERE user_id = ? AND active = 1 AND deleted_at IS NULL AND balance_low_threshold > ?
                    AND balance_low_threshold <= ?
                    AND (events = '[]' OR EXISTS (SELECT 1 FROM json_each(events) WHERE value = 'balance.low'))
                """, arguments: [developer, balance, balance + billed])
        for row in crossed {
            try publish(
                "balance.low",
                [
                    "user_id": user, "current_balance": .integer(balance),
                    "threshold": .integer(row["balance_low_threshold"]),
                ], to: developer, hooks: [row["id"]], now: now, in: database)
        }
    }
}
