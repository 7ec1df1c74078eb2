import GRDB
import Hummingbird

/// API keys: shown once when they are made, known by a hint afterwards.
struct KeysView: Sendable {
    let shell: DashboardShell
    private static let view = DashboardShell.View(path: "/dashboard/keys", title: "Keys")
    private static let keysMax = 100

    private var store: Store { shell.provider.store }

    func add(to router: Router<QuotaContext>) {
        shell.get(Self.view, on: router) { session, _ in try await content(session) }
        shell.post(Self.view.path, on: router) { session, fields, _ in try await create(session, fields) }
        shell.post("/dashboard/keys/revoke", on: router) { session, fields, _ in
            try await store.write { database in
                try database.execute(
                    sql: "UPDATE api_keys SET revoked_at = ? WHERE id = ? AND user_id = ? AND revoked_at IS NULL",
                    arguments: [WallTime.now, fields["id"] ?? "", session.userID])
            }
            return .seeOther(Self.view.path)
        }
    }

    private func create(_ session: BrowserSession, _ fields: FormFields) async throws -> Response {
        let name = String((fields["name"] ?? "A key").prefix(100))
        let key = try await store.write { database -> String? in
            let count = try Int.fetchOne(
                database, sql: "SELECT COUNT(*) FROM api_keys WHERE user_id = ? AND revoked_at IS NULL",
                arguments: [session.userID])
            guard (count ?? 0) < Self.keysMax else { return nil }
            return try Accounts.addKey(name: name, to: session.userID, now: .now, in: database).key
        }
        guard let key else {
            let note: HTML = "<p class=\"note bad\" role=\"alert\">An account has at most \(Self.keysMax) keys.</p>"
            return shell.respond(
                Self.view, session, try await content(session, note: note), status: .unprocessableContent)
        }
        let note: HTML = """
            <div class="note good" role="status"><p>This is the key. It is shown this once.</p>
            <span class="code" id="key">\(key)</span></div>
            """
        return shell.respond(Self.view, session, try await content(session, note: note))
    }

    private func content(_ session: BrowserSession, note: HTML? = nil) async throws -> HTML {
        let rows: [HTML] = try await store.read { database in
            try Row.fetchAll(
                database,
                sql: "SELECT * FROM api_keys WHERE user_id = ? AND revoked_at IS NULL ORDER BY created_at, id",
                arguments: [session.userID]
            ).map { row in
                let button = DashboardShell.button(
                    "Revoke", to: "/dashboard/keys/revoke", session, fields: [("id", row["id"])], isDanger: true)
                return """
                    <tr><td>\(row["name"] as String)</td><td><code>\(row["hint"] as String)</code></td>
                    <td>\(DashboardShell.time(row["created_at"]))</td><td>\(button)</td></tr>
                    """
            }
        }
        let table = DashboardShell.table(
            ["<th>Name</th>", "<th>Key</th>", "<th>Made (UTC)</th>", "<th></th>"], rows, empty: "None yet.")
        return """
            \(note)
            <section class="card"><h1>API keys</h1>
            <p class="soft">A program with a key spends your credits. Keep it out of files that others read.</p>
            \(table)</section>
            <section class="card"><h2>Make a key</h2><form method="post" action="\(Self.view.path)">
            \(session.formField(DashboardShell.purpose))
            <label for="name">What is it for?</label><input id="name" name="name" type="text" required maxlength="100">
            <div class="actions"><button type="submit">Make the key</button></div></form></section>
            """
    }
}
