import GRDB
import Hummingbird
import NIOCore

/// `/auth/*`: people make accounts and sign in to sessions.
struct AccountRoutes {
    let services: ServerServices

    private struct Credentials: Decodable {
        var email: String?
        var password: String?
        var name: String?
    }

    func add(to router: Router<QuotaContext>) {
        let open = router.group("auth")
        open.post("register") { request, context in try await register(request, context) }
        open.post("login") { request, context in try await login(request, context) }
        let own = router.group("auth").add(middleware: Authentication(store: services.store, accepts: [.session]))
        own.get("me") { _, context in try await me(context) }
        own.post("logout") { _, context in try await logout(context) }
    }

    private func register(_ request: Request, _ context: QuotaContext) async throws -> Response {
        let asked = try await JSONRequest.decode(Credentials.self, from: request)
        let email = try TextRule.email(asked.email)
        let password = try TextRule.password(asked.password)
        let name = try asked.name.map { try TextRule.name($0, of: "name") }
        let taken = APIError(.conflict, "email_taken", "there is an account with this address", hint: "log in")
        if try await services.store.read({ try Accounts.find(email: email, in: $0) }) != nil { throw taken }
        try Self.go(services.attempts.beginAccount(address: context.remoteAddress, now: .now))
        let hash = try await services.passwords.hash(password)
        do {
            let answer = try await services.store.write { database in
                let now = WallTime.now
                let id = try Accounts.create(
                    email: email, passwordHash: hash, name: name, now: now, in: database)
                return try Self.session(of: id, now: now, in: database)
            }
            return JSONAnswer.response(answer, status: .created)
        } catch is Accounts.EmailTaken {
            throw taken
        }
    }

    private func login(_ request: Request, _ context: QuotaContext) async throws -> Response {
        let asked = try await JSONRequest.decode(Credentials.self, from: request)
        let wrong = APIError(.unauthorized, "invalid_credentials", "e-mail address or password is wrong")
        guard let email = try? TextRule.email(asked.email), let password = asked.password,
            password.utf8.count <= 1_024
        else { throw wrong }
        try Self.go(services.attempts.begin(account: email, address: context.remoteAddress, now: .now))
        let account = try await services.store.read { try Accounts.find(email: email, in: $0) }
        guard await services.passwords.verify(password, against: account?.passwordHash), let account else {
            throw wrong
        }
        services.attempts.succeed(account: email, address: context.remoteAddress)
        let answer = try await services.store.write { try Self.session(of: account.id, now: .now, in: $0) }
        return JSONAnswer.response(answer)
    }

    private static func go(_ waitSeconds: Int) throws {
        guard waitSeconds == 0 else { throw APIError.rateLimited(retryAfterSeconds: waitSeconds) }
    }

    private static func session(of userID: String, now: WallTime, in database: Database) throws -> JSONTree {
        let seconds: Int64 = 86_400
        let session = try Accounts.openSession(seconds: seconds, of: userID, now: now, in: database)
        return [
            "session_token": .string(session.token), "expires_at": JSONTree(now.adding(seconds: seconds)),
            "user": try UserAnswer.whole(userID, in: database),
        ]
    }

    private func me(_ context: QuotaContext) async throws -> Response {
        let principal = try context.requirePrincipal()
        let user = try await services.store.read { try UserAnswer.whole(principal.userID, in: $0) }
        return JSONAnswer.response(["user": user] as JSONTree)
    }

    private func logout(_ context: QuotaContext) async throws -> Response {
        let principal = try context.requirePrincipal()
        if case .session(let id) = principal.credential {
            try await services.store.write { try Accounts.closeSession(id, now: .now, in: $0) }
        }
        return JSONAnswer.response(["success": true] as JSONTree)
    }
}
