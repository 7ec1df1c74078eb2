import HTTPTypes
import Hummingbird

/// What all pages of the dashboard share: who looks at them, the navigation, and forms that only they can send.
struct DashboardShell: Sendable {
    let provider: OAuthProvider
    static let purpose = "dashboard"

    static let places = [
        PageFrame.Place(title: "Overview", path: "/"),
        PageFrame.Place(title: "Try a voice", path: "/dashboard/try"),
        PageFrame.Place(title: "Keys", path: "/dashboard/keys"),
        PageFrame.Place(title: "Apps", path: "/dashboard/apps"),
        PageFrame.Place(title: "Webhooks", path: "/dashboard/webhooks"),
    ]

    /// A page of the dashboard.
    struct View: Sendable {
        let path: String
        let title: String
        var scripts: [String] = []
        var allowsMicrophone = false
    }

    /// Serves a page at its path to whoever is signed in; others sign in first.
    func get(
        _ view: View, on router: Router<QuotaContext>,
        content: @escaping @Sendable (BrowserSession, Request) async throws -> HTML
    ) {
        router.get(RouterPath(view.path)) { request, _ -> Response in
            guard let session = try await provider.session(of: request, now: .now) else {
                return .seeOther("/login?next=" + FormFields.encode(view.path))
            }
            return respond(view, session, try await content(session, request))
        }
    }

    func respond(
        _ view: View, _ session: BrowserSession, _ content: HTML, status: HTTPResponse.Status = .ok
    ) -> Response {
        let frame = PageFrame(
            title: view.title, isWide: true, places: Self.places, current: view.path, scripts: view.scripts)
        let policy = PagePolicy(allowsScripts: !view.scripts.isEmpty, allowsMicrophone: view.allowsMicrophone)
        let signOut: HTML = """
            <form class="soft" method="post" action="/logout">\(session.formField(LoginRoutes.signOutPurpose))
            Signed in as <strong>\(session.displayName)</strong>.
            <button class="link" type="submit">Sign out</button></form>
            """
        return policy.response(frame.around("\(content)\n\(signOut)"), status: status)
    }

    /// A form of the dashboard: taken from its own page alone.
    func post(
        _ path: String, on router: Router<QuotaContext>,
        action: @escaping @Sendable (BrowserSession, FormFields, Request) async throws -> Response
    ) {
        router.post(RouterPath(path)) { request, _ -> Response in
            guard let session = try await provider.session(of: request, now: .now) else { return .seeOther("/login") }
            guard let fields = try await request.formFields(), session.admits(fields, Self.purpose, request) else {
                let page = MessagePage(
                    title: "Not taken", sentence: "This form was too old, or not from this page.",
                    link: (title: "Back", path: "/"))
                return PagePolicy().response(page.html, status: .forbidden)
            }
            return try await action(session, fields, request)
        }
    }

    /// A form with nothing but a button.
    static func button(
        _ title: String, to path: String, _ session: BrowserSession, fields: [(String, String)] = [],
        isDanger: Bool = false
    ) -> HTML {
        let hidden = fields.map { "<input type=\"hidden\" name=\"\($0.0)\" value=\"\($0.1)\">" as HTML }
        let look: HTML = isDanger ? "danger small" : "plain small"
        return """
            <form class="inline" method="post" action="\(path)">\(session.formField(purpose))\(hidden)\
            <button class="\(look)" type="submit">\(title)</button></form>
            """
    }

    /// A table; what there is to say where it is empty.
    static func table(_ heads: [HTML], _ rows: [HTML], empty: String) -> HTML {
        guard !rows.isEmpty else { return "<p class=\"soft\">\(empty)</p>" }
        return """
            <div class="scroll"><table><thead><tr>\(heads)</tr></thead>
            <tbody>\(rows)</tbody></table></div>
            """
    }

    /// A moment for people, in UTC.
    static func time(_ time: WallTime) -> HTML {
        let text = time.description
        return "<time datetime=\"\(text)\">\(String(text.prefix(16)).replacing("T", with: " "))</time>"
    }
}
