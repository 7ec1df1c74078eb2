import Hummingbird

/// API keys: shown once when they are made, known by a hint afterwards.
struct KeysView: Sendable {
    let shell: DashboardShell
    private static let view = DashboardShell.View(path: "/dashboard/keys", title: "Keys")

    private var store: Store { shell.provider.store }

    func add(to router: Router<QuotaContext>) {
        shell.get(Self.view, on: router) { session, _ in try await content(session) }
        shell.post(Self.view.path, on: router) { session, fields, _ in try await create(session, fields) }
        shell.post("/dashboard/keys/revoke", on: router) { session, fields, _ in
            try await store.write { database in
                _ = try APIKeys.revoke(fields["id"] ?? "", of: session.userID, now: .now, in: database)
            }
            return .seeOther(Self.view.path)
        }
    }

    private func create(_ session: BrowserSession, _ fields: FormFields) async throws -> Response {
        func refuse(_ problem: String) async throws -> Response {
            let note: HTML = "<p class=\"note bad\" role=\"alert\">\(problem)</p>"
            return shell.respond(
                Self.view, session, try await content(session, note: note), status: .unprocessableContent)
        }
        guard let name = try? TextRule.name(fields["name"], of: "the name") else {
            return try await refuse("A key has a name of 1 to 100 printable characters.")
        }
        let key: String
        do {
            key = try await store.write { try APIKeys.make(name: name, of: session.userID, now: .now, in: $0).key }
        } catch is APIKeys.TooMany {
            return try await refuse("An account has at most \(APIKeys.perAccountMax) keys.")
        }
        let note: HTML = """
            <div class="note good" role="status"><p>This is the key. It is shown this once.</p>
            <span class="code" id="key">\(key)</span></div>
            """
        return shell.respond(Self.view, session, try await content(session, note: note))
    }

    private func content(_ session: BrowserSession, note: HTML? = nil) async throws -> HTML {
        let keys = try await store.read { try APIKeys.all(of: session.userID, in: $0) }
        let rows: [HTML] = keys.map { key in
            let button = DashboardShell.button(
                "Revoke", to: "/dashboard/keys/revoke", session, fields: [("id", key.id)], isDanger: true)
            let use = store.keyUse.lastUse(of: key.id, written: key.lastUsedAt).map(DashboardShell.time)
            return """
                <tr><td>\(key.name)</td><td><code>\(key.hint)</code></td>
                <td>\(DashboardShell.time(key.createdAt))</td><td>\(use ?? "never")</td><td>\(button)</td></tr>
                """
        }
        let table = DashboardShell.table(
            ["<th>Name</th>", "<th>Key</th>", "<th>Made (UTC)</th>", "<th>Last used</th>", "<th></th>"], rows,
            empty: "None yet.")
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
