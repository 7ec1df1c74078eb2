import Hummingbird

/// Webhooks, and what became of their deliveries.
struct WebhooksView: Sendable {
    let shell: DashboardShell
    private static let view = DashboardShell.View(path: "/dashboard/webhooks", title: "Webhooks")
    private static let linesMax = 50

    private var store: Store { shell.provider.store }

    func add(to router: Router<QuotaContext>) {
        shell.get(Self.view, on: router) { session, _ in try await content(session) }
        shell.post(Self.view.path, on: router) { session, fields, _ in try await create(session, fields) }
        shell.post("/dashboard/webhooks/remove", on: router) { session, fields, _ in
            try await store.write { database in
                _ = try Webhooks.remove(fields["id"] ?? "", of: session.userID, now: .now, in: database)
            }
            return .seeOther(Self.view.path)
        }
        shell.post("/dashboard/webhooks/redeliver", on: router) { session, fields, _ in
            try await store.write { database in
                _ = try Webhooks.redeliver(fields["id"] ?? "", of: session.userID, now: .now, in: database)
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
        let secret: String
        do {
            secret = try await store.write { database in
                try Webhooks.make(
                    Webhooks.Registration(url: url, events: events), of: session.userID, now: .now, in: database
                ).secret
            }
        } catch is Webhooks.TooMany {
            return try await refuse("An account has at most \(Webhooks.perAccountMax) webhooks.")
        }
        let note: HTML = """
            <div class="note good" role="status"><p>Deliveries are signed with this secret. It is shown this once.</p>
            <span class="code" id="secret">\(secret)</span></div>
            """
        return shell.respond(Self.view, session, try await content(session, note: note))
    }

    private func content(_ session: BrowserSession, note: HTML? = nil, url: String = "") async throws -> HTML {
        let (hooks, log) = try await store.read { database in
            (
                try Webhooks.all(of: session.userID, in: database).map { row($0, session) },
                try Webhooks.deliveries(of: session.userID, limit: Self.linesMax, in: database).map {
                    line($0, session)
                }
            )
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

    private func row(_ hook: Webhooks.Listed, _ session: BrowserSession) -> HTML {
        let events = hook.registration.events
        let words = events.isEmpty ? "everything" : events.joined(separator: ", ")
        let button = DashboardShell.button(
            "Remove", to: "/dashboard/webhooks/remove", session, fields: [("id", hook.id)], isDanger: true)
        return """
            <tr><td><code>\(hook.registration.url)</code></td><td class="soft">\(words)</td><td>\(button)</td></tr>
            """
    }

    private func line(_ delivery: Webhooks.Delivery, _ session: BrowserSession) -> HTML {
        let answer = delivery.lastStatus.map { " (\($0))" } ?? ""
        let fault: HTML? = delivery.lastError.map { "<br><span class=\"fault\">\($0)</span>" }
        let button = DashboardShell.button(
            "Send again", to: "/dashboard/webhooks/redeliver", session, fields: [("id", delivery.id)])
        return """
            <tr><td>\(DashboardShell.time(delivery.createdAt))</td><td><code>\(delivery.type)</code></td>
            <td><code>\(delivery.url)</code></td>
            <td>\(delivery.state)\(answer), \(delivery.attempts) tries\(fault)</td><td>\(button)</td></tr>
            """
    }
}
