import GRDB
import HTTPTypes
import Hummingbird

/// /login, /register, /logout: people sign in to the server's pages by email and password.
struct LoginRoutes: Sendable {
    let provider: OAuthProvider
    let passwords: PasswordHasher
    private static let purpose = "sign-in"
    static let signOutPurpose = "sign-out"

    func add(to router: Router<QuotaContext>) {
        for kind in [SignInPage.Kind.signIn, .register] {
            let path: RouterPath = kind == .signIn ? "login" : "register"
            router.get(path) { request, _ in try await show(kind, request, now: .now) }
            router.post(path) { request, context in try await submit(kind, request, context, now: .now) }
        }
        router.post("logout") { request, _ in try await signOut(request, now: .now) }
        router.get(RouterPath(Stylesheet.path)) { _, _ in
            StaticAsset.response(Stylesheet.text, type: "text/css; charset=utf-8")
        }
    }

    private func show(_ kind: SignInPage.Kind, _ request: Request, now: WallTime) async throws -> Response {
        let fields = request.queryFields ?? FormFields()
        let next = fields["next"].flatMap { LocalPath($0) } ?? .home
        if fields["switch"] == nil, try await provider.session(of: request, now: now) != nil {
            return .seeOther(next.text)
        }
        return try await page(kind, request, next: next)
    }

    /// The page, with the cookie that its form needs.
    private func page(
        _ kind: SignInPage.Kind, _ request: Request, next: LocalPath, email: String = "", name: String = "",
        problem: String? = nil, status: HTTPResponse.Status = .ok
    ) async throws -> Response {
        let known = provider.cookies.formSecret(of: request)
        let secret = known ?? RandomText.make(characters: 43)
        let waiting = try await waiting(next)
        let page = SignInPage(
            kind: kind, guardField: FormGuard.field(secret: secret, purpose: Self.purpose), next: next,
            email: email.isEmpty ? waiting?.loginHint ?? "" : email, name: name, problem: problem,
            appName: waiting?.client.name)
        let cookies = known == nil ? [provider.cookies.settingForm(secret)] : []
        return PagePolicy(formTarget: waiting?.redirect.origin).response(page.html, status: status, cookies: cookies)
    }

    /// The app's request that goes on after signing in: it may lead to the app's own address at once.
    private func waiting(_ next: LocalPath) async throws -> AuthorizationRequest? {
        let parts = next.text.split(separator: "?", maxSplits: 1)
        guard parts.count == 2, parts[0] == "/oauth/authorize", let fields = FormFields.parse(parts[1]) else {
            return nil
        }
        let client = try await provider.client(fields["client_id"])
        return try? AuthorizationRequest(fields, client: client)
    }

    private func submit(
        _ kind: SignInPage.Kind, _ request: Request, _ context: QuotaContext, now: WallTime
    ) async throws -> Response {
        let fields = try await request.formFields() ?? FormFields()
        let next = fields["next"].flatMap { LocalPath($0) } ?? .home
        let email = fields["email"]?.trimmingPrefix { $0.isWhitespace }.description ?? ""
        func again(_ problem: String, _ status: HTTPResponse.Status) async throws -> Response {
            try await page(
                kind, request, next: next, email: String(email.prefix(254)), name: fields["name"] ?? "",
                problem: problem, status: status)
        }
        let isOurs = FormGuard.admits(
            fields, secret: provider.cookies.formSecret(of: request), purpose: Self.purpose,
            fetchSite: request.headers[.fetchSite])
        guard isOurs else {
            return try await again("This form was too old, or not from this page. Please send it again.", .forbidden)
        }
        let password = fields["password"] ?? ""
        let attempts = provider.services.attempts
        var wait = attempts.begin(account: email, address: context.remoteAddress, now: now)
        if kind == .register, wait == 0 { wait = attempts.beginAccount(address: context.remoteAddress, now: now) }
        guard wait == 0 else {
            var response = try await again("Too many attempts. Please wait \(wait) s.", .tooManyRequests)
            response.headers[.retryAfter] = "\(wait)"
            return response
        }
        let userID: String
        do throws(AccountProblem) {
            userID =
                switch kind {
                case .signIn: try await signIn(email, password)
                case .register: try await register(email, password, name: fields["name"], now: now)
                }
        } catch {
            return try await again(error.sentence, error.status)
        }
        attempts.succeed(account: email, address: context.remoteAddress)
        return try await begin(userID, next, request, now: now)
    }

    private func begin(_ userID: String, _ next: LocalPath, _ request: Request, now: WallTime) async throws -> Response
    {
        let old = try await provider.session(of: request, now: now)
        let token = try await provider.store.write { database in
            if let old { try Accounts.closeSession(old.id, now: now, in: database) }
            return try Accounts.openSession(
                kind: "browser", seconds: BrowserSession.lifeSeconds, of: userID, now: now, in: database
            ).token
        }
        return .seeOther(next.text, cookies: [provider.cookies.settingSession(token)])
    }

    private struct AccountProblem: Error {
        let sentence: String
        var status: HTTPResponse.Status = .unprocessableContent
    }

    /// The same work and the same words whether the account exists or not.
    private func signIn(_ email: String, _ password: String) async throws(AccountProblem) -> String {
        let account = try? await provider.store.read { database in try Accounts.find(email: email, in: database) }
        let isRight = await passwords.verify(password, against: account?.passwordHash)
        guard let account, isRight else {
            throw AccountProblem(sentence: "Email or password is wrong.", status: .unauthorized)
        }
        return account.id
    }

    private func register(
        _ email: String, _ password: String, name: String?, now: WallTime
    ) async throws(AccountProblem) -> String {
        if let problem = AccountRules.problem(email: email, password: password, name: name) {
            throw AccountProblem(sentence: problem)
        }
        do {
            let hash = try await passwords.hash(password)
            return try await provider.store.write { database in
                try Accounts.create(email: email, passwordHash: hash, name: name, now: now, in: database)
            }
        } catch is Accounts.EmailTaken {
            throw AccountProblem(sentence: "There is an account with this email already. Sign in instead.")
        } catch {
            throw AccountProblem(sentence: "The account could not be made.", status: .internalServerError)
        }
    }

    private func signOut(_ request: Request, now: WallTime) async throws -> Response {
        let fields = try await request.formFields() ?? FormFields()
        guard let session = try await provider.session(of: request, now: now) else { return .seeOther("/login") }
        guard session.admits(fields, Self.signOutPurpose, request) else { return .seeOther("/") }
        try await provider.store.write { [id = session.id] database in
            try Accounts.closeSession(id, now: now, in: database)
        }
        return .seeOther("/login", cookies: [provider.cookies.endingSession])
    }
}

/// What an account may look like.
enum AccountRules {
    static let passwordBytesMax = 1_024

    /// What is wrong, in a sentence.
    static func problem(email: String, password: String, name: String?) -> String? {
        let parts = email.split(separator: "@", omittingEmptySubsequences: false)
        let isEmail =
            email.utf8.count <= 254 && parts.count == 2 && !parts[0].isEmpty && !parts[1].isEmpty
            && email.unicodeScalars.allSatisfy {
                $0.value > 0x20 && $0.value != 0x7F && !"<>\"'(),;:\\".contains(Character($0))
            }
        if !isEmail { return "This is not an email address." }
        if password.count < 8 { return "A password has at least 8 characters." }
        if password.utf8.count > passwordBytesMax { return "A password has at most \(passwordBytesMax) bytes." }
        if let name, name.count > 100 { return "A name has at most 100 characters." }
        return nil
    }
}

/// A file that is part of the program.
enum StaticAsset {
    static func response(_ text: String, type: String) -> Response {
        Response(
            status: .ok,
            headers: [
                .contentType: type, .cacheControl: "no-cache", .xContentTypeOptions: "nosniff",
                .init("Cross-Origin-Resource-Policy")!: "same-origin",
            ], body: ResponseBody(byteBuffer: ByteBuffer(string: text)))
    }
}
