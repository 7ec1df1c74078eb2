import Hummingbird

/// `/developers/apps`: the OAuth clients of a developer. A client secret is shown once, when it is made.
struct AppRoutes {
    let services: ServerServices

    private struct Asked: Decodable {
        var name: String?
        var redirectUris: [String]?
        var postLogoutRedirectUris: [String]?
        var allowedScopes: [String]?
        /// RFC 7591 §2: `none` makes a public client.
        var tokenEndpointAuthMethod: String?

        /// What is asked for, in place of what is there.
        func applied(to old: Apps.Registration) throws -> Apps.Registration {
            var new = old
            if let name { new.name = try TextRule.name(name, of: "name") }
            if let redirectUris { new.redirectURIs = redirectUris }
            if let postLogoutRedirectUris { new.postLogoutRedirectURIs = postLogoutRedirectUris }
            if let allowedScopes {
                guard let scopes = Scope.parse(allowedScopes.joined(separator: " ")), !scopes.isEmpty else {
                    throw APIError(.badRequest, "invalid_scope", "allowed_scopes has a scope that does not exist")
                }
                new.allowedScopes = scopes
            }
            if let problem = new.problem { throw APIError.badRequest(problem) }
            return new
        }
    }

    private static let unknown = APIError.notFound("no such app")

    func add(to router: Router<QuotaContext>) {
        let group = router.group("developers/apps")
            .add(middleware: Authentication(store: services.store, accepts: [.session]))
        group.post { request, context in try await make(request, context) }
        group.get { _, context in try await list(context) }
        group.get(":id") { _, context in try await show(context) }
        group.patch(":id") { request, context in try await change(request, context) }
        group.delete(":id") { _, context in try await remove(context) }
    }

    private static func answer(_ app: Apps.Listed, secret: String? = nil) -> JSONTree {
        let registration = app.registration
        func list(_ texts: [String]) -> JSONTree { .array(texts.map { .string($0) }) }
        var object: [String: JSONTree] = [
            "id": .string(app.id), "name": .string(registration.name), "client_id": .string(app.clientID),
            "redirect_uris": list(registration.redirectURIs),
            "post_logout_redirect_uris": list(registration.postLogoutRedirectURIs),
            "allowed_scopes": list(registration.allowedScopes.ordered.map(\.rawValue)),
            "token_endpoint_auth_method": .string(registration.isPublic ? "none" : "client_secret_post"),
            "created_at": JSONTree(app.createdAt),
        ]
        if let secret { object["client_secret"] = .string(secret) }
        return .object(object)
    }

    private func make(_ request: Request, _ context: QuotaContext) async throws -> Response {
        let user = try context.requirePrincipal().userID
        let asked = try await JSONRequest.decode(Asked.self, from: request)
        guard asked.name != nil, asked.redirectUris != nil else {
            throw APIError.badRequest("name and redirect_uris are needed")
        }
        guard ["none", "client_secret_post"].contains(asked.tokenEndpointAuthMethod ?? "client_secret_post") else {
            throw APIError.badRequest("token_endpoint_auth_method must be client_secret_post or none")
        }
        let registration = try asked.applied(
            to: Apps.Registration(
                name: "", redirectURIs: [], allowedScopes: Set(Scope.signIn),
                isPublic: asked.tokenEndpointAuthMethod == "none"))
        do {
            let answer = try await services.store.write { database -> JSONTree? in
                let made = try Apps.create(registration, of: user, now: .now, in: database)
                return try Apps.find(made.id, of: user, in: database).map { Self.answer($0, secret: made.secret) }
            }
            return JSONAnswer.response(answer ?? .null, status: .created)
        } catch is Apps.TooMany {
            throw APIError(.conflict, "limit_reached", "an account has at most \(Apps.perAccountMax) apps")
        }
    }

    private func list(_ context: QuotaContext) async throws -> Response {
        let user = try context.requirePrincipal().userID
        let apps = try await services.store.read { try Apps.all(of: user, in: $0) }
        return JSONAnswer.response(["apps": .array(apps.map { Self.answer($0) })] as JSONTree)
    }

    private func show(_ context: QuotaContext) async throws -> Response {
        let user = try context.requirePrincipal().userID
        let id = try JSONRequest.parameter("id", of: context)
        guard let app = try await services.store.read({ try Apps.find(id, of: user, in: $0) }) else {
            throw Self.unknown
        }
        return JSONAnswer.response(Self.answer(app))
    }

    private func change(_ request: Request, _ context: QuotaContext) async throws -> Response {
        let user = try context.requirePrincipal().userID
        let id = try JSONRequest.parameter("id", of: context)
        let asked = try await JSONRequest.decode(Asked.self, from: request)
        let app = try await services.store.write { database -> Apps.Listed? in
            guard let app = try Apps.find(id, of: user, in: database) else { throw Self.unknown }
            try Apps.change(id, to: try asked.applied(to: app.registration), now: .now, in: database)
            return try Apps.find(id, of: user, in: database)
        }
        return JSONAnswer.response(app.map { Self.answer($0) } ?? .null)
    }

    /// Ends the app with all that was granted to it.
    private func remove(_ context: QuotaContext) async throws -> Response {
        let user = try context.requirePrincipal().userID
        let id = try JSONRequest.parameter("id", of: context)
        guard try await services.store.write({ try Apps.remove(id, of: user, now: .now, in: $0) }) else {
            throw Self.unknown
        }
        return JSONAnswer.response(["success": true] as JSONTree)
    }
}

extension Scope {
    /// The recipe "Sign in with Quota".
    static let signIn: [Scope] = [.openid, .profile, .email, .creditsRead, .creditsSpend]
}
