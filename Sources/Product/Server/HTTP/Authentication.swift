import HTTPTypes
import Hummingbird

/// Finds out who asks, and turns away whoever may not.
package struct Authentication: RouterMiddleware {
    package typealias Context = QuotaContext

    let store: Store
    let accepts: Set<Principal.Kind>

    package init(store: Store, accepts: Set<Principal.Kind>) {
        self.store = store
        self.accepts = accepts
    }

    package func handle(
        _ request: Request, context: QuotaContext,
        next: (Request, QuotaContext) async throws -> Response
    ) async throws -> Response {
        guard let token = Self.token(of: request.headers) else { throw APIError.noCredential }
        let external = request.headers[.quotaUser]
        let principal = try store.lookUp { database in
            try Principal.find(token, externalUserID: external, now: .now, in: database)
        }
        guard accepts.contains(principal.kind) else {
            // A credential of another kind is none here (an API key at the developer's endpoints, say).
            throw principal.kind == .apiKey ? APIError.invalidKey : APIError.invalidToken
        }
        store.keyUse.note(principal, now: .now)
        var context = context
        context.principal = principal
        return try await next(request, context)
    }

    /// `Authorization: Bearer`, or `X-API-Key`.
    package static func token(of headers: HTTPFields) -> String? {
        if let header = headers[.authorization] {
            let parts = header.split(separator: " ", omittingEmptySubsequences: true)
            guard parts.count == 2, parts[0].lowercased() == "bearer" else { return nil }
            return String(parts[1])
        }
        return headers[.apiKey]
    }
}

extension HTTPField.Name {
    /// RFC 9110 §5.1 tokens, so these can't fail.
    static let apiKey = HTTPField.Name("X-API-Key")!
    static let quotaUser = HTTPField.Name("X-Quota-User")!
}
