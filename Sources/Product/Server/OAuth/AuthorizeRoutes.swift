import HTTPTypes
import Hummingbird

/// /oauth/authorize: sign in, ask, and send the browser back with a code (OAuth 2.1 §4.1).
struct AuthorizeRoutes: Sendable {
    let provider: OAuthProvider

    func add(to router: Router<QuotaContext>) {
        router.get("oauth/authorize") { request, _ in
            guard let fields = request.queryFields else { return Self.unreadable }
            return try await ask(fields, request, now: .now)
        }
        router.post("oauth/authorize") { request, _ in
            guard let fields = try await request.formFields() else { return Self.unreadable }
            guard fields[FormGuard.field] != nil else {
                // Apps may post a request, too (OpenID Connect Core §3.1.2.1); the cookie only comes with the next step.
                let kept = AuthorizationRequest.fields(of: fields)
                return .seeOther("/oauth/authorize?" + kept.query)
            }
            return try await decide(fields, request, now: .now)
        }
    }

    private static let unreadable = page(
        OAuthRefusal(.invalidRequest, "the request can not be read, or a parameter comes twice"))

    /// To the user: the browser must not be sent to an address that nobody vouches for.
    private static func page(_ refusal: OAuthRefusal) -> Response {
        let page = MessagePage(
            title: "This app can’t sign you in",
            sentence: "Its request is not one that this server can take. Go back to the app, or tell its maker:",
            detail: "\(refusal.code.rawValue): \(refusal.sentence)")
        return PagePolicy().response(page.html, status: .init(code: refusal.status))
    }

    /// To the app, through the browser, naming this server (RFC 9207).
    private func answer(
        _ fields: [(String, String)], to redirect: RedirectAddress, state: String?, _ request: Request
    ) -> Response {
        let all = fields + (state.map { [("state", $0)] } ?? []) + [("iss", provider.issuer(of: request))]
        return .seeOther(redirect.adding(FormFields(all.map { (name: $0.0, value: $0.1) })))
    }

    private func refuse(
        _ refusal: OAuthRefusal, to redirect: RedirectAddress, state: String?, _ request: Request
    ) -> Response {
        answer(
            [("error", refusal.code.rawValue), ("error_description", refusal.sentence)], to: redirect, state: state,
            request)
    }

    /// Checks a request; a refusal comes as the answer to give.
    private func check(_ fields: FormFields, _ request: Request) async throws -> (AuthorizationRequest?, Response?) {
        let client = try await provider.client(fields["client_id"])
        do {
            return (try AuthorizationRequest(fields, client: client), nil)
        } catch AuthorizationRequest.Failure.tellUser(let refusal) {
            return (nil, Self.page(refusal))
        } catch AuthorizationRequest.Failure.tellClient(let refusal, let redirect, let state) {
            return (nil, refuse(refusal, to: redirect, state: state, request))
        }
    }

    private func ask(_ fields: FormFields, _ request: Request, now: WallTime) async throws -> Response {
        let (checked, refusal) = try await check(fields, request)
        guard let checked else { return refusal ?? Self.unreadable }
        let kept = AuthorizationRequest.fields(of: fields)
        let session = try await provider.session(of: request, now: now)
        let isOld = session.map { session in
            checked.maxAgeSeconds.map { now.seconds - session.authTime.seconds > Int64($0) } ?? false
        }
        let isSilent = checked.prompts.contains(.none)
        let wantsSignIn = !checked.prompts.isDisjoint(with: [.login, .selectAccount, .create])
        guard let session, isOld == false, !wantsSignIn else {
            if isSilent {
                let sentence = "nobody is signed in, or too long ago"
                return refuse(
                    OAuthRefusal(.loginRequired, sentence), to: checked.redirect, state: checked.state, request)
            }
            return signIn(checked, kept)
        }
        let granted = try await provider.store.read { [userID = session.userID] database in
            try Grant.scopes(appID: checked.client.appID, userID: userID, in: database)
        }
        // RFC 8252 §8.6: nobody vouches for a program on the user's machine, so a person is asked each time.
        let isKnown = checked.scopes.isSubset(of: granted) && !checked.client.isPublic
        if isKnown, !checked.prompts.contains(.consent) {
            return try await grant(checked, session, request, now: now)
        }
        if isSilent {
            let sentence = "the user has to be asked"
            return refuse(
                OAuthRefusal(.consentRequired, sentence), to: checked.redirect, state: checked.state, request)
        }
        let balance = try await provider.balance(of: session.userID)
        let page = ConsentPage(
            request: checked, fields: kept, email: session.email, balance: balance,
            guardField: session.formField(ConsentPage.purpose))
        return PagePolicy(formTarget: checked.redirect.origin).response(page.html)
    }

    /// To the sign-in, and then back here. What asked for it is taken out, or it would be asked for ever.
    private func signIn(_ checked: AuthorizationRequest, _ kept: FormFields) -> Response {
        let next = "/oauth/authorize?" + AuthorizationRequest.fields(of: kept, isAnswered: true).query
        let path = checked.prompts.contains(.create) ? "/register" : "/login"
        return .seeOther("\(path)?switch=1&next=\(FormFields.encode(next))")
    }

    /// The consent page's answer.
    private func decide(_ fields: FormFields, _ request: Request, now: WallTime) async throws -> Response {
        let (checked, refusal) = try await check(fields, request)
        guard let checked else { return refusal ?? Self.unreadable }
        let kept = AuthorizationRequest.fields(of: fields)
        guard let session = try await provider.session(of: request, now: now) else { return signIn(checked, kept) }
        guard session.admits(fields, ConsentPage.purpose, request) else {
            // Not this page's form, or one of another sign-in: the question is asked anew.
            return .seeOther("/oauth/authorize?" + kept.query)
        }
        guard fields["decision"] == "allow" else {
            let sentence = "the user did not allow it"
            return refuse(
                OAuthRefusal(.accessDenied, sentence), to: checked.redirect, state: checked.state, request)
        }
        return try await grant(checked, session, request, now: now)
    }

    private func grant(
        _ checked: AuthorizationRequest, _ session: BrowserSession, _ request: Request, now: WallTime
    ) async throws -> Response {
        let code = try await provider.store.write { [userID = session.userID, authTime = session.authTime] database in
            try AuthorizationCode.issue(
                for: checked, userID: userID, authTime: authTime, now: now, in: database)
        }
        return answer([("code", code)], to: checked.redirect, state: checked.state, request)
    }
}

extension OAuthProvider {
    func client(_ id: String?) async throws -> OAuthClient? {
        guard let id, id.utf8.count <= 128 else { return nil }
        return try await store.read { database in try OAuthClient.find(id, in: database) }
    }

    /// Credits.
    func balance(of userID: String) async throws -> Int {
        try await store.read { database in
            try Ledger.balance(of: userID, in: database) ?? 0
        }
    }
}
