import Hummingbird

/// `/developers/keys`: a developer's API keys. A key is shown once, when it is made.
struct KeyRoutes {
    let services: ServerServices

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
        let now = WallTime.now
        let made: (id: String, key: String)
        do {
            made = try await services.store.write { try APIKeys.make(name: name, of: user, now: now, in: $0) }
        } catch is APIKeys.TooMany {
            throw APIError(.conflict, "limit_reached", "an account has at most \(APIKeys.perAccountMax) keys")
        }
        let answer: JSONTree = [
            "id": .string(made.id), "name": .string(name), "key": .string(made.key),
            "hint": .string(Token.hint(made.key)), "created_at": JSONTree(now),
        ]
        return JSONAnswer.response(answer, status: .created)
    }

    private func list(_ context: QuotaContext) async throws -> Response {
        let user = try context.requirePrincipal().userID
        let keys = try await services.store.read { try APIKeys.all(of: user, in: $0) }.map { key -> JSONTree in
            let use = services.store.keyUse.lastUse(of: key.id, written: key.lastUsedAt)
            return [
                "id": .string(key.id), "name": .string(key.name), "hint": .string(key.hint),
                "created_at": JSONTree(key.createdAt), "last_used_at": use.map { JSONTree($0) } ?? .null,
            ]
        }
        return JSONAnswer.response(["keys": .array(keys)] as JSONTree)
    }

    private func remove(_ context: QuotaContext) async throws -> Response {
        let user = try context.requirePrincipal().userID
        let id = try JSONRequest.parameter("id", of: context)
        let found = try await services.store.write { try APIKeys.revoke(id, of: user, now: .now, in: $0) }
        guard found else { throw APIError.notFound("no such key") }
        return JSONAnswer.response(["success": true] as JSONTree)
    }
}
