import GRDB
import Hummingbird

/// `/developers/keys`: a developer's API keys. A key is shown once, when it is made.
struct KeyRoutes {
    let services: ServerServices
    private static let keysMax = 100

    private struct Asked: Decodable {
        var name: String?
    }

    func add(to router: Router<QuotaContext>) {
        let group = router.group("developers/keys")
            .add(middleware: Authentication(store: services.store, accepts: [.session]))
        group.post { request, context in try await make(request, context) }
        group.get { _, context in try await list(context) }
        group.delete(":id") { _, context in try await remove(context) }
    }

    private func make(_ request: Request, _ context: QuotaContext) async throws -> Response {
        let user = try context.requirePrincipal().userID
        let asked = try await JSONRequest.decode(Asked.self, from: request)
        let name = try TextRule.name(asked.name, of: "name")
        let answer = try await services.store.write { database -> JSONTree in
            let count = try Int.fetchOne(
                database, sql: "SELECT COUNT(*) FROM api_keys WHERE user_id = ? AND revoked_at IS NULL",
                arguments: [user])
            guard (count ?? 0) < Self.keysMax else {
                throw APIError(.conflict, "limit_reached", "an account has at most \(Self.keysMax) keys")
            }
            let now = WallTime.now
            let made = try Accounts.addKey(name: name, to: user, now: now, in: database)
            return [
                "id": .string(made.id), "name": .string(name), "key": .string(made.key),
                "hint": .string(Token.hint(made.key)), "created_at": JSONTree(now),
            ]
        }
        return JSONAnswer.response(answer, status: .created)
    }

    private func list(_ context: QuotaContext) async throws -> Response {
        let user = try context.requirePrincipal().userID
        let keys = try await services.store.read { database in
            try Row.fetchAll(
                database,
                sql: "SELECT * FROM api_keys WHERE user_id = ? AND revoked_at IS NULL ORDER BY created_at, id",
                arguments: [user]
            ).map { row -> JSONTree in
                [
                    "id": .string(row["id"]), "name": .string(row["name"]), "hint": .string(row["hint"]),
                    "created_at": JSONTree(row["created_at"] as WallTime),
                ]
            }
        }
        return JSONAnswer.response(["keys": .array(keys)] as JSONTree)
    }

    private func remove(_ context: QuotaContext) async throws -> Response {
        let user = try context.requirePrincipal().userID
        let id = try JSONRequest.parameter("id", of: context)
        let found = try await services.store.write { database in
            try database.execute(
                sql: "UPDATE api_keys SET revoked_at = ? WHERE id = ? AND user_id = ? AND revoked_at IS NULL",
                arguments: [WallTime.now, id, user])
            return database.changesCount == 1
        }
        guard found else { throw APIError.notFound("no such key") }
        return JSONAnswer.response(["success": true] as JSONTree)
    }
}
