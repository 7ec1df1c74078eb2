import GRDB
import Hummingbird

/// The apps that someone makes, and those that may use the account.
struct AppsView: Sendable {
    let shell: DashboardShell
    private static let view = DashboardShell.View(path: "/dashboard/apps", title: "Apps")

    private var store: Store { shell.provider.store }

    func add(to router: Router<QuotaContext>) {
        shell.get(Self.view, on: router) { session, _ in try await content(session) }
        shell.post(Self.view.path, on: router) { session, fields, _ in try await create(session, fields) }
        shell.post("/dashboard/apps/remove", on: router) { session, fields, _ in
            try await store.write { database in
                _ = try Apps.remove(fields["id"] ?? "", of: session.userID, now: .now, in: database)
            }
            return .seeOther(Self.view.path)
        }
        shell.post("/dashboard/grants/revoke", on: router) { session, fields, _ in
            try await store.write { database in
                let isOwn = try Bool.fetchOne(
                    database, sql: "SELECT EXISTS (SELECT 1 FROM grants WHERE id = ? AND user_id = ?)",
                    arguments: [fields["id"] ?? "", session.userID])
                if isOwn == true { try Grant.revoke(fields["id"] ?? "", now: .now, in: database) }
            }
            return .seeOther(Self.view.path)
        }
    }

    private func create(_ session: BrowserSession, _ fields: FormFields) async throws -> Response {
        func lines(_ name: String) -> [String] {
            (fields[name] ?? "").split(whereSeparator: \.isWhitespace).map(String.init)
        }
        let registration = Apps.Registration(
            name: fields["name"] ?? "", redirectURIs: lines("redirect_uris"),
            postLogoutRedirectURIs: lines("post_logout_redirect_uris"),
            allowedScopes: Set(Scope.allCases.filter { fields["scope_" + $0.rawValue] != nil }),
            isPublic: fields["kind"] == "public")
        func refuse(_ problem: String) async throws -> Response {
            let note: HTML = "<p class=\"note bad\" role=\"alert\">\(problem)</p>"
            return shell.respond(
                Self.view, session, try await content(session, note: note, registration), status: .unprocessableContent)
        }
        if let problem = registration.problem { return try await refuse(problem) }
        let made: (id: String, clientID: String, secret: String?)
        do {
            made = try await store.write { database in
                try Apps.create(registration, of: session.userID, now: .now, in: database)
            }
        } catch is Apps.TooMany {
            return try await refuse("An account has at most \(Apps.perAccountMax) apps.")
        }
        let secret: HTML? = made.secret.map { "<br>client_secret <span id=\"secret\">\($0)</span>" }
        let note: HTML = """
            <div class="note good" role="status"><p><strong>\(registration.name)</strong> is registered. \
            The secret is shown this once.</p>
            <span class="code">client_id <span id="client">\(made.clientID)</span>\(secret)</span></div>
            """
        return shell.respond(Self.view, session, try await content(session, note: note))
    }

    private func content(
        _ session: BrowserSession, note: HTML? = nil, _ draft: Apps.Registration? = nil
    ) async throws -> HTML {
        let apps = try await store.read { database in try Apps.all(of: session.userID, in: database) }
        let rows: [HTML] = apps.map { app in
            """
            <tr><td>\(app.registration.name)<br><span class="soft">\(app.registration.isPublic ? "program" : "web")</span>
            </td><td><code>\(app.clientID)</code></td>
            <td><code>\(app.registration.redirectURIs.joined(separator: " "))</code></td>
            <td>\(remove(app.id, session))</td></tr>
            """
        }
        let table = DashboardShell.table(
            ["<th>App</th>", "<th>client_id</th>", "<th>Redirect to</th>", "<th></th>"], rows, empty: "None yet.")
        return """
            \(note)
            <section class="card"><h1>Your apps</h1>\(table)</section>
            \(form(session, draft))
            <section class="card"><h2>Apps that may use your account</h2>\(try await grants(session))</section>
            """
    }

    private func remove(_ id: String, _ session: BrowserSession) -> HTML {
        DashboardShell.button(
            "Remove", to: "/dashboard/apps/remove", session, fields: [("id", id)], isDanger: true)
    }

    private func form(_ session: BrowserSession, _ draft: Apps.Registration?) -> HTML {
        let usual: Set<Scope> = [.openid, .profile, .email, .creditsRead, .creditsSpend]
        let boxes: [HTML] = Scope.allCases.map { scope in
            let isOn = (draft?.allowedScopes ?? usual).contains(scope)
            return """
                <label class="check"><input type="checkbox" name="scope_\(scope.rawValue)" value="1"\
                \(isOn ? " checked" as HTML : "")> <span><code>\(scope.rawValue)</code>: \(scope.words)</span></label>
                """
        }
        return """
            <section class="card"><h2>Register an app</h2>
            <form method="post" action="/dashboard/apps">\(session.formField(DashboardShell.purpose))
            <label for="name">Name</label>
            <input id="name" name="name" type="text" required maxlength="100" value="\(draft?.name ?? "")">
            <label for="uris">Redirect addresses, one a line</label>
            <textarea id="uris" name="redirect_uris" rows="2" required \
            placeholder="https://app.example/callback">\(draft?.redirectURIs.joined(separator: "\n") ?? "")</textarea>
            <label for="after">Addresses for after signing out, one a line</label>
            <textarea id="after" name="post_logout_redirect_uris" rows="1">\
            \(draft?.postLogoutRedirectURIs.joined(separator: "\n") ?? "")</textarea>
            <label for="kind">Kind</label>
            <select id="kind" name="kind"><option value="web">Web: runs on a server and keeps a secret</option>
            <option value="public"\(draft?.isPublic == true ? " selected" as HTML : "")>Program: runs on people’s \
            machines, PKCE alone; http://127.0.0.1/… takes any port</option></select>
            <p><strong>May ask for</strong></p>\(boxes)
            <div class="actions"><button type="submit">Register</button></div></form></section>
            """
    }

    private func grants(_ session: BrowserSession) async throws -> HTML {
        let rows: [HTML] = try await store.read { database in
            try Row.fetchAll(
                database,
                sql: """
                    SELECT g.id, g.scopes, g.updated_at, a.name FROM grants g JOIN apps a ON a.id = g.app_id
                    WHERE g.user_id = ? AND g.revoked_at IS NULL AND a.client_id <> ? ORDER BY g.updated_at DESC
                    """, arguments: [session.userID, BuiltInApps.dashboardClientID]
            ).map { row in
                let words = (Scope.parse(row["scopes"] as String) ?? []).ordered.map(\.words).joined(separator: "; ")
                let button = DashboardShell.button(
                    "Take back", to: "/dashboard/grants/revoke", session, fields: [("id", row["id"])], isDanger: true)
                return """
                    <tr><td>\(row["name"] as String)</td><td class="soft">\(words)</td>
                    <td>\(DashboardShell.time(row["updated_at"]))</td><td>\(button)</td></tr>
                    """
            }
        }
        return DashboardShell.table(
            ["<th>App</th>", "<th>May</th>", "<th>Since (UTC)</th>", "<th></th>"], rows, empty: "None.")
    }
}
