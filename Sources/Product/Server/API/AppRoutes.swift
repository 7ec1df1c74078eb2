import GRDB
import Hummingbird

/// `/developers/apps`: the OAuth clients of a developer. A client secret is shown once, when it is made.
struct AppRoutes {
    let services: ServerServices
    private static let appsMax = 100

    private struct Asked: Decodable {
        var name: String?
        var redirectUris: [String]?
        var postLogoutRedirectUris: [String]?
        var allowedScopes: [String]?
        /// RFC 7591 §2: `none` makes a public client.
        var tokenEndpointAuthMethod: String?
    }

    /// What of an app is set, and checked.
    private struct Fields {
        var name: String?
        var redirectURIs: JSONTree?
        var postLogoutRedirectURIs: JSONTree?
        var allowedScopes: JSONTree?

        init(_ asked: Asked) throws {
            name = try asked.name.map { try TextRule.name($0, of: "name") }
            redirectURIs = try asked.redirectUris.map {
                guard !$0.isEmpty else { throw APIError.badRequest("redirect_uris must have at least one address") }
                return try Self.addresses($0, "a redirect URI")
            }
            postLogoutRedirectURIs = try asked.postLogoutRedirectUris.map {
                try Self.addresses($0, "a post-logout redirect URI")
            }
            allowedScopes = try asked.allowedScopes.map { words in
                guard let scopes = Scope.parse(words.joined(separator: " ")), !scopes.isEmpty else {
                    throw APIError(.badRequest, "invalid_scope", "allowed_scopes has a scope that does not exist")
                }
                return .array(Scope.allCases.filter(scopes.contains).map { .string($0.rawValue) })
            }
        }

        private static func addresses(_ list: [String], _ what: String) throws -> JSONTree {
            guard list.count <= 20 else { throw APIError.badRequest("at most 20 addresses") }
            return .array(try list.map { .string(try TextRule.address($0, of: what)) })
        }
    }

    func add(to router: Router<QuotaContext>) {
        let group = router.group("developers/apps")
            .add(middleware: Authentication(store: services.store, accepts: [.session]))
        group.post { request, context in try await make(request, context) }
        group.get { _, context in try await list(context) }
        group.get(":id") { _, context in try await show(context) }
        group.patch(":id") { request, context in try await change(request, context) }
        group.delete(":id") { _, context in try await remove(context) }
    }

    private static func answer(_ row: Row) -> JSONTree {
        [
            "id": .string(row["id"]), "name": .string(row["name"]), "client_id": .string(row["client_id"]),
            "redirect_uris": JSONTree(text: row["redirect_uris"]) ?? [],
            "post_logout_redirect_uris": JSONTree(text: row["post_logout_redirect_uris"]) ?? [],
            "allowed_scopes": JSONTree(text: row["allowed_scopes"]) ?? [],
            "token_endpoint_auth_method":
                .string((row["secret_hash"] as DatabaseValue).isNull ? "none" : "client_secret_post"),
            "created_at": JSONTree(row["created_at"] as WallTime),
        ]
    }

    private static func row(_ id: String, of user: String, in database: Database) throws -> Row {
        let row = try Row.fetchOne(
            database, sql: "SELECT * FROM apps WHERE id = ? AND user_id = ? AND deleted_at IS NULL",
            arguments: [id, user])
        guard let row else { throw APIError.notFound("no such app") }
        return row
    }

    private func make(_ request: Request, _ context: QuotaContext) async throws -> Response {
        let user = try context.requirePrincipal().userID
        let asked = try await JSONRequest.decode(Asked.self, from: request)
        let fields = try Fields(asked)
        guard let name = fields.name, let redirectURIs = fields.redirectURIs else {
            throw APIError.badRequest("name and redirect_uris are needed")
        }
        guard ["none", "client_secret_post"].contains(asked.tokenEndpointAuthMethod ?? "client_secret_post") else {
            throw APIError.badRequest("token_endpoint_auth_method must be client_secret_post or none")
        }
        let scopes = fields.allowedScopes ?? .array(Scope.signIn.map { .string($0.rawValue) })
        let secret = asked.tokenEndpointAuthMethod == "none" ? nil : Token.clientSecret.make()
        let answer = try await services.store.write { database -> JSONTree in
            let count = try Int.fetchOne(
                database, sql: "SELECT COUNT(*) FROM apps WHERE user_id = ? AND deleted_at IS NULL",
                arguments: [user])
            guard (count ?? 0) < Self.appsMax else {
                throw APIError(.conflict, "limit_reached", "an account has at most \(Self.appsMax) apps")
            }
            let now = WallTime.now
            let id = Identifier.app.make()
            try database.execute(
                sql: """
                    INSERT INTO apps (id, user_id, name, client_id, secret_hash, redirect_uris,
                        post_logout_redirect_uris, allowed_scopes, created_at, updated_at)
                    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
                    """,
                arguments: [
                    id, user, name, Identifier.clientID.make(), secret.map(Token.hash), redirectURIs.text,
                    (fields.postLogoutRedirectURIs ?? []).text, scopes.text, now, now,
                ])
            return Self.answer(try Self.row(id, of: user, in: database))
        }
        guard case .object(var object) = answer else { return JSONAnswer.response(answer, status: .created) }
        if let secret { object["client_secret"] = .string(secret) }
        return JSONAnswer.response(JSONTree.object(object), status: .created)
    }

    private func list(_ context: QuotaContext) async throws -> Response {
        let user = try context.requirePrincipal().userID
        let apps = try await services.store.read { database in
            try Row.fetchAll(
                database,
                sql: "SELECT * FROM apps WHERE user_id = ? AND deleted_at IS NULL ORDER BY created_at, id",
                arguments: [user]
            ).map(Self.answer)
        }
        return JSONAnswer.response(["apps": .array(apps)] as JSONTree)
    }

    private func show(_ context: QuotaContext) async throws -> Response {
        let user = try context.requirePrincipal().userID
        let id = try JSONRequest.parameter("id", of: context)
        return JSONAnswer.response(
            try await services.store.read { Self.answer(try Self.row(id, of: user, in: $0)) })
    }

    private func change(_ request: Request, _ context: QuotaContext) async throws -> Response {
        let user = try context.requirePrincipal().userID
        let id = try JSONRequest.parameter("id", of: context)
        let fields = try Fields(try await JSONRequest.decode(Asked.self, from: request))
        let answer = try await services.store.write { database -> JSONTree in
            _ = try Self.row(id, of: user, in: database)
            try database.execute(
                sql: """
                    UPDATE apps SET name = COALESCE(?, name), redirect_uris = COALESCE(?, redirect_uris),
                        post_logout_redirect_uris = COALESCE(?, post_logout_redirect_uris),
                        allowed_scopes = COALESCE(?, allowed_scopes), updated_at = ? WHERE id = ?
                    """,
                arguments: [
                    fields.name, fields.redirectURIs?.text, fields.postLogoutRedirectURIs?.text,
                    fields.allowedScopes?.text, WallTime.now, id,
                ])
            return Self.answer(try Self.row(id, of: user, in: database))
        }
        return JSONAnswer.response(answer)
    }

    /// Ends the app with all that was granted to it.
    private func remove(_ context: QuotaContext) async throws -> Response {
        let user = try context.requirePrincipal().userID
        let id = try JSONRequest.parameter("id", of: context)
        try await services.store.write { database in
            _ = try Self.row(id, of: user, in: database)
            let now = WallTime.now
            for sql in [
                "UPDATE apps SET deleted_at = ? WHERE id = ?",
                "UPDATE grants SET revoked_at = ? WHERE app_id = ? AND revoked_at IS NULL",
                "UPDATE oauth_tokens SET revoked_at = ? WHERE app_id = ? AND revoked_at IS NULL",
            ] {
                try database.execute(sql: sql, arguments: [now, id])
            }
        }
        return JSONAnswer.response(["success": true] as JSONTree)
    }
}

extension Scope {
    /// The recipe "Sign in with Quota".
    static let signIn: [Scope] = [.openid, .profile, .email, .creditsRead, .creditsSpend]
}
