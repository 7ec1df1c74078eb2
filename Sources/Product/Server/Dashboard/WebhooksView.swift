import GRDB
import Hummingbird

/// Webhooks, and what became of their deliveries.
struct WebhooksView: Sendable {
    let shell: DashboardShell
    private static let view = DashboardShell.View(path: "/dashboard/webhooks", title: "Webhooks")
    private static let webhooksMax = 20
    private static let linesMax = 50

    private var store: Store { shell.provider.store }

    func add(to router: Router<QuotaContext>) {
        shell.get(Self.view, on: router) { session, _ in try await content(session) }
        shell.post(Self.view.path, on: router) { session, fields, _ in try await create(session, fields) }
        shell.post("/dashboard/webhooks/remove", on: router) { session, fields, _ in
            try await store.write { database in
                try remove(fields["id"] ?? "", of: session.userID, now: .now, in: database)
            }
            return .seeOther(Self.view.path)
        }
        shell.post("/dashboard/webhooks/redeliver", on: router) { session, fields, _ in
            try await store.write { database in
                try redeliver(fields["id"] ?? "", of: session.userID, now: .now, in: database)
            }
            return .seeOther(Self.view.path)
        }
    }

    private func create(_ session: BrowserSession, _ fields: FormFields) async throws -> Response {
        let url = fields["url"] ?? ""
        let events = WebhookQueue.types.filter { fields["event_" + $0] != nil }
        func refuse(_ problem: String) async throws -> Response {
            let note: HTML = "<p class=\"note bad\" role=\"alert\">\(problem)</p>"
            return shell.respond(
                Self.view, session, try await content(session, note: note, url: url), status: .unprocessableContent)
        }
        do throws(DeliveryAddress.Refusal) {
            let policy = shell.provider.services.webhooks
            _ = try DeliveryAddress.check(url, allowsLoopback: policy.allowsLoopback)
        } catch {
            return try await refuse("Not taken: \(error.description).")
        }
        let secret = Token.webhookSecret.make()
        let isMade = try await store.write { database in
            let count = try Int.fetchOne(
                database, sql: "SELECT COUNT(*) FROM webhooks WHERE user_id = ? AND deleted_at IS NULL",
                arguments: [session.userID])
            guard (count ?? 0) < Self.webhooksMax else { return false }
            let now = WallTime.now
            try database.execute(
                sql: """
                    INSERT INTO webhooks (id, user_id, url, events, secret, balance_low_threshold, created_at, updated_at)
                    VALUES (?, ?, ?, ?, ?, 100000, ?, ?)
                    """,
                arguments: [
                    Identifier.webhook.make(), session.userID, url,
                    JSONTree.array(events.sorted().map { .string($0) }).text, secret, now, now,
                ])
            return true
        }
        guard isMade else { return try await refuse("An account has at most \(Self.webhooksMax) webhooks.") }
        let note: HTML = """
            <div class="note good" role="status"><p>Deliveries are signed with this secret. It is shown this once.</p>
            <span class="code" id="secret">\(secret)</span></div>
            """
        return shell.respond(Self.view, session, try await content(session, note: note))
    }

    private func remove(_ id: String, of userID: String, now: WallTime, in database: Database) throws {
        try database.execute(
            sql: "UPDATE webhooks SET deleted_at = ? WHERE id = ? AND user_id = ? AND deleted_at IS NULL",
            arguments: [now, id, userID])
        guard database.changesCount == 1 else { return }
        // What waits for a webhook that is gone is not sent any more.
        try database.execute(
            sql: """
                UPDATE webhook_deliveries SET state = 'failed', last_error = 'the webhook was deleted', closed_at = ?
                WHERE webhook_id = ? AND state = 'pending'
                """, arguments: [now, id])
    }

    /// The same event once more, as a delivery of its own.
    private func redeliver(_ id: String, of userID: String, now: WallTime, in database: Database) throws {
        try database.execute(
            sql: """
                INSERT INTO webhook_deliveries (id, webhook_id, event_id, next_attempt_at, created_at)
                SELECT ?, d.webhook_id, d.event_id, ?, ? FROM webhook_deliveries d JOIN webhooks w ON w.id = d.webhook_id
                WHERE d.id = ? AND w.user_id = ? AND w.deleted_at IS NULL
                """, arguments: [Identifier.delivery.make(), now, now, id, userID])
    }

    private func content(_ session: BrowserSession, note: HTML? = nil, url: String = "") async throws -> HTML {
        let (hooks, log) = try await store.read { database in
            (try rows(session, in: database), try deliveries(session, in: database))
        }
        let table = DashboardShell.table(
            ["<th>Address</th>", "<th>Hears of</th>", "<th></th>"], hooks, empty: "None yet.")
        let logTable = DashboardShell.table(
            ["<th>When (UTC)</th>", "<th>Event</th>", "<th>To</th>", "<th>State</th>", "<th></th>"], log,
            empty: "Nothing was sent yet.")
        let boxes: [HTML] = WebhookQueue.types.map { type in
            """
            <label class="check"><input type="checkbox" name="event_\(type)" value="1"> <code>\(type)</code></label>
            """
        }
        return """
            \(note)
            <section class="card"><h1>Webhooks</h1>\(table)</section>
            <section class="card"><h2>Add a webhook</h2><form method="post" action="\(Self.view.path)">
            \(session.formField(DashboardShell.purpose))
            <label for="url">Address</label>
            <input id="url" name="url" type="url" required maxlength="2048" value="\(url)" \
            placeholder="https://app.example/webhooks">
            <p><strong>Hears of</strong> (none for all)</p>\(boxes)
            <div class="actions"><button type="submit">Add</button></div></form></section>
            <section class="card"><h2>Deliveries</h2>\(logTable)</section>
            """
    }

    private func rows(_ session: BrowserSession, in database: Database) throws -> [HTML] {
        try Row.fetchAll(
            database, sql: "SELECT * FROM webhooks WHERE user_id = ? AND deleted_at IS NULL ORDER BY created_at, id",
            arguments: [session.userID]
        ).map { row in
            var words = "everything"
            if case .array(let types)? = JSONTree(text: row["events"]), !types.isEmpty {
                words = types.compactMap(\.string).joined(separator: ", ")
            }
            let button = DashboardShell.button(
                "Remove", to: "/dashboard/webhooks/remove", session, fields: [("id", row["id"])], isDanger: true)
            return """
                <tr><td><code>\(row["url"] as String)</code></td><td class="soft">\(words)</td><td>\(button)</td></tr>
                """
        }
    }

    private func deliveries(_ session: BrowserSession, in database: Database) throws -> [HTML] {
        try Row.fetchAll(
            database,
            sql: """
                SELECT d.*, e.type, w.url FROM webhook_deliveries d JOIN webhook_events e ON e.id = d.event_id
                JOIN webhooks w ON w.id = d.webhook_id WHERE w.user_id = ? AND w.deleted_at IS NULL
                ORDER BY d.created_at DESC, d.id LIMIT ?
                """, arguments: [session.userID, Self.linesMax]
        ).map { row in
            let answer = (row["last_status"] as Int?).map { " (\($0))" } ?? ""
            let fault: HTML? = (row["last_error"] as String?).map { "<br><span class=\"fault\">\($0)</span>" }
            let button = DashboardShell.button(
                "Send again", to: "/dashboard/webhooks/redeliver", session, fields: [("id", row["id"])])
            return """
                <tr><td>\(DashboardShell.time(row["created_at"]))</td><td><code>\(row["type"] as String)</code></td>
                <td><code>\(row["url"] as String)</code></td>
                <td>\(row["state"] as String)\(answer), \(row["attempts"] as Int) tries\(fault)</td><td>\(button)</td></tr>
                """
        }
    }
}
