import HTTPTypes
import Hummingbird

/// /oauth/logout: an app signs its user out here, too (OpenID Connect RP-Initiated Logout).
struct EndSessionRoutes: Sendable {
    let provider: OAuthProvider
    private static let purpose = "end-session"

    func add(to router: Router<QuotaContext>) {
        router.get("oauth/logout") { request, _ in
            guard let fields = request.queryFields else { return Self.unreadable }
            return try await end(fields, request, now: .now)
        }
        router.post("oauth/logout") { request, _ in
            guard let fields = try await request.formFields() else { return Self.unreadable }
            return try await end(fields, request, now: .now)
        }
    }

    private static let unreadable = PagePolicy().response(
        MessagePage(title: "Not a request", sentence: "What was sent can’t be read.").html, status: .badRequest)

    private func end(_ fields: FormFields, _ request: Request, now: WallTime) async throws -> Response {
        let schedule = try await provider.keys.schedule(now: now)
        var claims: IdentityClaims?
        if let hint = fields["id_token_hint"] { claims = await IdentityToken.claims(of: hint, keys: schedule.keys) }
        let client = try await provider.client(claims?.aud ?? fields["client_id"])
        // §2: a client_id beside a hint must be the hint's.
        let isConsistent = claims == nil || fields["client_id"].map { $0 == claims?.aud } ?? true
        let target = fields["post_logout_redirect_uri"].flatMap { asked -> String? in
            guard let client, isConsistent, client.isPostLogoutRedirect(asked) else { return nil }
            return asked
        }
        let session = try await provider.session(of: request, now: now)
        // Only the app that the user signed in to may do this without asking; any page could send a browser here.
        let isTrusted = session.map { $0.userID == claims?.sub } ?? true
        let isConfirmed = session?.admits(fields, Self.purpose, request) ?? false
        guard isTrusted || isConfirmed else { return question(fields, session: session) }
        if let session {
            try await provider.store.write { [id = session.id] database in
                try Accounts.closeSession(id, now: now, in: database)
            }
        }
        let cookies = [provider.cookies.endingSession]
        if let target, let address = RedirectAddress(target) {
            let state = fields["state"].map { FormFields([(name: "state", value: $0)]) }
            return .seeOther(state.map(address.adding) ?? target, cookies: cookies)
        }
        let page = MessagePage(
            title: "You are signed out", sentence: "of this server, in this browser.",
            link: (title: "Sign in again", path: "/login"))
        return PagePolicy().response(page.html, cookies: cookies)
    }

    private func question(_ fields: FormFields, session: BrowserSession?) -> Response {
        let names: Set = ["id_token_hint", "client_id", "post_logout_redirect_uri", "state"]
        let kept = fields.pairs.filter { names.contains($0.name) }
        let hidden = kept.map { "<input type=\"hidden\" name=\"\($0.name)\" value=\"\(exact: $0.value)\">" as HTML }
        let html = PageFrame(title: "Sign out?").around(
            """
            <section class="card"><h1>Sign out of this server?</h1>
            <p class="soft">Signed in as <strong>\(session?.email ?? "")</strong>.</p>
            <form method="post" action="/oauth/logout">\(session?.formField(Self.purpose))\(hidden)
            <div class="actions"><button type="submit">Sign out</button>
            <a class="button plain" href="/">Stay signed in</a></div></form></section>
            """)
        // Where the form leads after the session's end is checked there.
        let target = fields["post_logout_redirect_uri"].flatMap(RedirectAddress.init)?.origin
        return PagePolicy(formTarget: target).response(html)
    }
}
