import Foundation
import GRDB
import Hummingbird

/// `/v1/webhooks`: a developer's webhooks, their log, and redelivery. With a session token alone.
struct WebhookRoutes {
    let services: ServerServices
    private static let webhooksMax = 20

    private struct Asked: Decodable {
        var url: String?
        var events: [String]?
        var balanceLowThreshold: Int?
        var active: Bool?
    }

    func add(to router: Router<QuotaContext>) {
        let group = router.group("v1/webhooks")
            .add(middleware: Authentication(store: services.store, accepts: [.session]))
        group.post { request, context in try await make(request, context) }
        group.get { _, context in try await list(context) }
        group.get(":id") { _, context in try await show(context) }
        group.patch(":id") { request, context in try await change(request, context) }
        group.delete(":id") { _, context in try await remove(context) }
        group.get(":id/deliveries") { _, context in try await deliveries(context) }
        group.post(":id/deliveries/:delivery/redeliver") { _, context in try await redeliver(context) }
    }

    private func checked(_ asked: Asked) throws -> Asked {
        if let url = asked.url {
            do throws(DeliveryAddress.Refusal) {
                _ = try DeliveryAddress.check(url, allowsLoopback: services.webhooks.allowsLoopback)
            } catch {
                throw APIError(.badRequest, "invalid_url", error.description)
            }
        }
        for event in asked.events ?? [] where !WebhookQueue.types.contains(event) {
            throw APIError.badRequest("events has a type that does not exist", hint: "one of \(WebhookQueue.types)")
        }
        if let threshold = asked.balanceLowThreshold, !(0...1_000_000_000_000).contains(threshold) {
            throw APIError.badRequest("balance_low_threshold must be from 0 to 1000000000000 credits")
        }
        return asked
    }

    private static func answer(_ row: Row) -> JSONTree {
        [
            "id": .string(row["id"]), "url": .string(row["url"]), "events": JSONTree(text: row["events"]) ?? [],
            "balance_low_threshold": .integer(row["balance_low_threshold"]), "active": .bool(row["active"]),
            "created_at": JSONTree(row["created_at"] as WallTime),
        ]
    }

    private static func row(_ id: String, of user: String, in database: Database) throws -> Row {
        let row = try Row.fetchOne(
            database, sql: "SELECT * FROM webhooks WHERE id = ? AND user_id = ? AND deleted_at IS NULL",
            arguments: [id, user])
        guard let row else { throw APIError.notFound("no such webhook") }
        return row
    }

    private static func eventsText(_ events: [String]) -> String {
        JSONTree.array(Set(events).sorted().map { .string($0) }).text
    }

    private func make(_ request: Request, _ context: QuotaContext) async throws -> Response {
        let user = try context.requirePrincipal().userID
        let asked = try checked(try await JSONRequest.decode(Asked.self, from: request))
        guard let url = asked.url else { throw APIError.badRequest("url is needed") }
        let secret = Token.webhookSecret.make()
        let answer = try await services.store.write { database -> JSONTree in
            let count = try Int.fetchOne(
                database, sql: "SELECT COUNT(*) FROM webhooks WHERE user_id = ? AND deleted_at IS NULL",
                arguments: [user])
            guard (count ?? 0) < Self.webhooksMax else {
                throw APIError(.conflict, "limit_reached", "an account has at most \(Self.webhooksMax) webhooks")
            }
            let now = WallTime.now
            let id = Identifier.webhook.make()
            try database.execute(
                sql: """
                    INSERT INTO webhooks (id, user_id, url, events, secret, balance_low_threshold, active, created_at,
                        updated_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
                    """,
                arguments: [
                    id, user, url, Self.eventsText(asked.events ?? []), secret, asked.balanceLowThreshold ?? 100_000,
                    asked.active ?? true, now, now,
                ])
            return Self.answer(try Self.row(id, of: user, in: database))
        }
        guard case .object(var object) = answer else { return JSONAnswer.response(answer, status: .created) }
        object["secret"] = .string(secret)
        return JSONAnswer.response(JSONTree.object(object), status: .created)
    }

    private func list(_ context: QuotaContext) async throws -> Response {
        let user = try context.requirePrincipal().userID
        let hooks = try await services.store.read { database in
            try Row.fetchAll(
                database,
                sql: "SELECT * FROM webhooks WHERE user_id = ? AND deleted_at IS NULL ORDER BY created_at, id",
                arguments: [user]
            ).map(Self.answer)
        }
        return JSONAnswer.response(["webhooks": .array(hooks)] as JSONTree)
    }

    private func show(_ context: QuotaContext) async throws -> Response {
        let user = try context.requirePrincipal().userID
        let id = try JSONRequest.parameter("id", of: context)
        return JSONAnswer.response(
            try await services.store.read { Self.answer(try Self.row(id, of: user, in: $0)) })
    }

    private func change(_ request: Request, _ context: QuotaContext) async throws -> Response {
        let user = try context.requirePrincipal().userID
        let id = try JSONRequest.parameter("id", of: context)
        let asked = try checked(try await JSONRequest.decode(Asked.self, from: request))
        let answer = try await services.store.write { database -> JSONTree in
            _ = try Self.row(id, of: user, in: database)
            try database.execute(
                sql: """
                    UPDATE webhooks SET url = COALESCE(?, url), events = COALESCE(?, events),
                        balance_low_threshold = COALESCE(?, balance_low_threshold), active = COALESCE(?, active),
                        updated_at = ? WHERE id = ?
                    """,
                arguments: [
                    asked.url, asked.events.map(Self.eventsText), asked.balanceLowThreshold, asked.active,
                    WallTime.now, id,
                ])
            return Self.answer(try Self.row(id, of: user, in: database))
        }
        return JSONAnswer.response(answer)
    }

    /// What waits for a webhook that is gone is not sent any more.
    private func remove(_ context: QuotaContext) async throws -> Response {
        let user = try context.requirePrincipal().userID
        let id = try JSONRequest.parameter("id", of: context)
        try await services.store.write { database in
            _ = try Self.row(id, of: user, in: database)
            let now = WallTime.now
            try database.execute(sql: "UPDATE webhooks SET deleted_at = ? WHERE id = ?", arguments: [now, id])
            try database.execute(
                sql: """
                    UPDATE webhook_deliveries SET state = 'failed', last_error = 'the webhook was deleted',
                        closed_at = ? WHERE webhook_id = ? AND state = 'pending'
                    """, arguments: [now, id])
        }
        return JSONAnswer.response(["success": true] as JSONTree)
    }

    /// The last hundred, newest first.
    private func deliveries(_ context: QuotaContext) async throws -> Response {
        let user = try context.requirePrincipal().userID
        let id = try JSONRequest.parameter("id", of: context)
        let log = try await services.store.read { database -> [JSONTree] in
            _ = try Self.row(id, of: user, in: database)
            return try Row.fetchAll(
                database,
                sql: """
                    SELECT d.*, e.type, e.id AS event FROM webhook_deliveries d
                    JOIN webhook_events e ON e.id = d.event_id
                    WHERE d.webhook_id = ? ORDER BY d.created_at DESC, d.id LIMIT 100
                    """, arguments: [id]
            ).map { row in
                let state: String = row["state"]
                return [
                    "id": .string(row["id"]), "event_id": .string(row["event"]), "type": .string(row["type"]),
                    "state": .string(state), "attempts": .integer(row["attempts"]),
                    "last_status": JSONTree(row["last_status"] as Int?),
                    "last_error": JSONTree(row["last_error"] as String?),
                    "next_attempt_at":
                        state == "pending" ? JSONTree(row["next_attempt_at"] as WallTime) : .null,
                    "created_at": JSONTree(row["created_at"] as WallTime),
                ]
            }
        }
        return JSONAnswer.response(["deliveries": .array(log)] as JSONTree)
    }

    /// Sends the same event once more, as a delivery of its own.
    private func redeliver(_ context: QuotaContext) async throws -> Response {
        let user = try context.requirePrincipal().userID
        let id = try JSONRequest.parameter("id", of: context)
        let delivery = try JSONRequest.parameter("delivery", of: context)
        let made = try await services.store.write { database in
            _ = try Self.row(id, of: user, in: database)
            let event = try String.fetchOne(
                database, sql: "SELECT event_id FROM webhook_deliveries WHERE id = ? AND webhook_id = ?",
                arguments: [delivery, id])
            guard let event else { throw APIError.notFound("no such delivery") }
            let made = Identifier.delivery.make()
            let now = WallTime.now
            try database.execute(
                sql: """
                    INSERT INTO webhook_deliveries (id, webhook_id, event_id, next_attempt_at, created_at)
                    VALUES (?, ?, ?, ?, ?)
                    """, arguments: [made, id, event, now, now])
            return made
        }
        return JSONAnswer.response(["id": .string(made), "state": "pending"] as JSONTree, status: .accepted)
    }
}
