import HTTPTypes
import Hummingbird

/// Lets pages of other origins use the API with their bearer tokens (Fetch standard, CORS protocol).
///
/// Any origin, and never with cookies: the server's own pages, which have them, are not among the paths.
struct CrossOrigin: RouterMiddleware {
    typealias Context = QuotaContext

    private static let prefixes = [
        "/v1/", "/auth/", "/developers/", "/api/", "/.well-known/", "/oauth/token", "/oauth/userinfo", "/oauth/revoke",
    ]

    func handle(
        _ request: Request, context: QuotaContext,
        next: (Request, QuotaContext) async throws -> Response
    ) async throws -> Response {
        guard request.headers[.origin] != nil, Self.prefixes.contains(where: request.uri.path.hasPrefix) else {
            return try await next(request, context)
        }
        if request.method == .options, request.headers[.accessControlRequestMethod] != nil {
            return Response(
                status: .noContent,
                headers: [
                    .accessControlAllowOrigin: "*",
                    .accessControlAllowMethods: "GET, POST, PATCH, DELETE",
                    .accessControlAllowHeaders: "Authorization, Content-Type, X-API-Key, X-Quota-User",
                    .accessControlMaxAge: "600",
                ])
        }
        var response = try await next(request, context)
        response.headers[.accessControlAllowOrigin] = "*"
        response.headers[.accessControlExposeHeaders] = "Retry-After, WWW-Authenticate"
        return response
    }
}
