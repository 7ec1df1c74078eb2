import Foundation
import GRDB
import HTTPTypes
import Hummingbird
import NIOHTTP1

/// /oauth/token and /oauth/revoke: what apps ask without a browser (OAuth 2.1 §3.2, RFC 7009).
struct TokenRoutes: Sendable {
    let provider: OAuthProvider

    func add(to router: Router<QuotaContext>) {
        router.post("oauth/token") { request, _ in
            await Self.answering { try await token(request, now: .now) }
        }
        router.post("oauth/revoke") { request, _ in
            await Self.answering { try await revoke(request, now: .now) }
        }
    }

    private struct TokenAnswer: Encodable {
        let accessToken: String
        let refreshToken: String
        let tokenType = "Bearer"
        let expiresIn: Int64
        let scope: String
        let idToken: String?

        enum CodingKeys: String, CodingKey {
            case scope
            case accessToken = "access_token"
            case refreshToken = "refresh_token"
            case tokenType = "token_type"
            case expiresIn = "expires_in"
            case idToken = "id_token"
        }
    }

    /// A refusal in the protocol's own words, not in those of the API.
    private static func answering(_ body: () async throws -> Response) async -> Response {
        do {
            return try await body()
        } catch let refusal as OAuthRefusal {
            return OAuthAnswer.refusal(refusal)
        } catch let error as any HTTPResponseError where error.status == .contentTooLarge {
            return OAuthAnswer.refusal(OAuthRefusal(.invalidRequest, "the request is too large"))
        } catch is HTTPParserError {
            return OAuthAnswer.refusal(OAuthRefusal(.invalidRequest, "the request is not HTTP"))
        } catch {
            return OAuthAnswer.failure
        }
    }

    /// The form, and the client that sent it.
    private func authenticate(_ request: Request) async throws -> (FormFields, OAuthClient) {
        guard let fields = try await request.formFields() else {
            throw OAuthRefusal(
                .invalidRequest, "the body must be application/x-www-form-urlencoded, no parameter twice")
        }
        let credential = try ClientCredential(fields, authorization: request.headers[.authorization])
        guard let client = try await provider.client(credential.clientID), client.accepts(credential) else {
            throw OAuthRefusal(.invalidClient, "the client is unknown, or its secret is wrong")
        }
        return (fields, client)
    }

    private func token(_ request: Request, now: WallTime) async throws -> Response {
        let (fields, client) = try await authenticate(request)
        let asked = try TokenRequest(fields)
        let outcome = try await provider.store.write { database in
            switch asked {
            case .code(let code, let redirectURI, let verifier):
                try AuthorizationCode.redeem(
                    code, redirectURI: redirectURI, verifier: verifier, client: client, now: now, in: database)
            case .refresh(let token, let scopes):
                try TokenFamily.refresh(token, scopes: scopes, client: client, now: now, in: database)
            }
        }
        let pair = try outcome.get()
        var idToken: String?
        if pair.scopes.contains(.openid) {
            let claims = try await provider.claims(
                for: pair, client: client, issuer: provider.issuer(of: request), now: now)
            idToken = try await provider.keys.sign(claims, now: now)
        }
        return OAuthAnswer.json(
            TokenAnswer(
                accessToken: pair.accessToken, refreshToken: pair.refreshToken, expiresIn: TokenFamily.accessSeconds,
                scope: Scope.format(pair.scopes), idToken: idToken))
    }

    private func revoke(_ request: Request, now: WallTime) async throws -> Response {
        let (fields, client) = try await authenticate(request)
        guard let token = fields["token"] else { throw OAuthRefusal(.invalidRequest, "token is missing") }
        try await provider.store.write { database in
            try TokenFamily.revoke(token: token, client: client, now: now, in: database)
        }
        // RFC 7009 §2.2: also for a token that is none.
        return OAuthAnswer.json([String: String]())
    }
}

/// JSON as the OAuth endpoints send it: for apps in browsers, too, and kept by nobody.
enum OAuthAnswer {
    static func json(_ value: some Encodable, status: HTTPResponse.Status = .ok, maxAgeSeconds: Int? = nil) -> Response
    {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        // Plain structs of strings and numbers: encoding them has no way to fail.
        guard let data = try? encoder.encode(value) else { preconditionFailure("an answer that can't be encoded") }
        let headers: HTTPFields = [
            .contentType: "application/json", .accessControlAllowOrigin: "*",
            .cacheControl: maxAgeSeconds.map { "public, max-age=\($0)" } ?? "no-store",
            .xContentTypeOptions: "nosniff",
        ]
        return Response(status: status, headers: headers, body: ResponseBody(byteBuffer: ByteBuffer(bytes: data)))
    }

    static func refusal(_ refusal: OAuthRefusal) -> Response {
        var response = json(
            ["error": refusal.code.rawValue, "error_description": refusal.sentence],
            status: .init(code: refusal.status))
        // RFC 6749 §5.2.
        if refusal.code == .invalidClient { response.headers[.wwwAuthenticate] = "Basic realm=\"quota\"" }
        if refusal.code == .invalidToken || refusal.code == .insufficientScope {
            response.headers[.wwwAuthenticate] = "Bearer error=\"\(refusal.code.rawValue)\""
        }
        return response
    }

    static var failure: Response {
        json(
            ["error": "server_error", "error_description": "the server failed; see its log"],
            status: .internalServerError)
    }
}
