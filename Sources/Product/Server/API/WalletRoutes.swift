import GRDB
import Hummingbird

/// `/v1/me`, `/v1/balance` and `/v1/users`: who pays, and what is left.
struct WalletRoutes {
    let services: ServerServices

    func add(to router: Router<QuotaContext>) {
        let own = router.group("v1")
            .add(middleware: Authentication(store: services.store, accepts: [.apiKey, .accessToken]))
        own.get("me") { _, context in try await me(context) }
        own.get("balance") { _, context in try await balance(context) }
        let developer = router.group("v1/users")
            .add(middleware: Authentication(store: services.store, accepts: [.apiKey]))
        developer.post { request, context in try await host(request, context) }
        developer.get(":external_user_id") { _, context in try await user(context) }
        developer.delete(":external_user_id/link") { _, context in try await unlink(context) }
    }

    private func me(_ context: QuotaContext) async throws -> Response {
        let principal = try context.requirePrincipal()
        return JSONAnswer.response(
            try services.store.lookUp {
                try UserAnswer.visible(principal.payerID, scopes: principal.scopes, in: $0)
            })
    }

    private func balance(_ context: QuotaContext) async throws -> Response {
        let principal = try context.requirePrincipal()
        try principal.require(.creditsRead)
        let answer = try services.store.lookUp { database -> JSONTree in
            let account = try Accounts.find(principal.payerID, in: database)
            let isDeveloper = principal.billingMode == "developer"
            let balance = JSONTree(try Ledger.balance(of: principal.payerID, in: database))
            return [
                "wallet": isDeveloper ? "developer" : "oauth_user",
                isDeveloper ? "developer_balance" : "balance": balance,
                "plan": JSONTree(account?.plan), "user_id": .string(principal.payerID),
                "billing_mode": .string(principal.billingMode),
            ]
        }
        return JSONAnswer.response(answer)
    }

    private static let notLinked = APIError.notFound("this user is not linked to a wallet")

    private static func linked(_ externalID: String, of developer: String, in database: Database) throws -> JSONTree {
        guard let link = try HostedLink.find(externalID, of: developer, in: database) else { throw notLinked }
        return [
            "user": [
                "id": .string(link.userID), "email": JSONTree(try Accounts.find(link.userID, in: database)?.email),
                "balance": JSONTree(try Ledger.balance(of: link.userID, in: database)),
            ],
            "linked_at": JSONTree(link.linkedAt),
        ]
    }

    private func user(_ context: QuotaContext) async throws -> Response {
        let developer = try context.requirePrincipal().developerID
        let id = try JSONRequest.parameter("external_user_id", of: context)
        return JSONAnswer.response(
            try await services.store.read { try Self.linked(id, of: developer, in: $0) })
    }

    private struct Hosting: Decodable {
        var externalUserId: String?
        var email: String?
        var name: String?
    }

    /// Of the local server alone: makes a user with a wallet for one of the developer's own system, so that hosted
    /// billing can be tried without a browser. Against the cloud users link their wallets themselves.
    private func host(_ request: Request, _ context: QuotaContext) async throws -> Response {
        let developer = try context.requirePrincipal().developerID
        let asked = try await JSONRequest.decode(Hosting.self, from: request)
        guard let id = asked.externalUserId, (1...256).contains(id.utf8.count), TextRule.isPrintable(id) else {
            throw APIError.badRequest("external_user_id must have from 1 to 256 bytes")
        }
        let email = try asked.email.map { try TextRule.email($0) }
        let name = try asked.name.map { try TextRule.name($0, of: "name") }
        do {
            let answer = try await services.store.write { database -> JSONTree in
                guard try HostedLink.find(id, of: developer, in: database) == nil else {
                    throw APIError(.conflict, "already_linked", "this user is linked to a wallet")
                }
                let now = WallTime.now
                let user = try Accounts.create(
                    email: email, passwordHash: nil, name: name, host: developer, now: now, in: database)
                try HostedLink.make(id, of: developer, to: user, now: now, in: database)
                try WebhookQueue.publish(
                    "user.connected",
                    ["user_id": .string(user), "external_user_id": .string(id), "connected_at": JSONTree(now)],
                    to: developer, now: now, in: database)
                return try Self.linked(id, of: developer, in: database)
            }
            return JSONAnswer.response(answer, status: .created)
        } catch is Accounts.EmailTaken {
            throw APIError(.conflict, "email_taken", "there is an account with this address")
        }
    }

    private func unlink(_ context: QuotaContext) async throws -> Response {
        let developer = try context.requirePrincipal().developerID
        let id = try JSONRequest.parameter("external_user_id", of: context)
        try await services.store.write { database in
            let now = WallTime.now
            guard let user = try HostedLink.end(id, of: developer, now: now, in: database) else {
                throw Self.notLinked
            }
            try WebhookQueue.publish(
                "user.disconnected",
                ["user_id": .string(user), "external_user_id": .string(id), "disconnected_at": JSONTree(now)],
                to: developer, now: now, in: database)
        }
        return JSONAnswer.response(["success": true] as JSONTree)
    }
}
