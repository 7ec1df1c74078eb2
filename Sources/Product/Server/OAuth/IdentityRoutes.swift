import Foundation
import GRDB
import HTTPTypes
import Hummingbird

/// What others learn of this server, and of its users: discovery, keys, userinfo.
struct IdentityRoutes: Sendable {
    let provider: OAuthProvider

    /// Clients may keep the description and the keys so long; a new key is shown longer than that before it signs.
    private static let maxAgeSeconds = 3_600

    func add(to router: Router<QuotaContext>) {
        // OpenID Connect Discovery §4, RFC 8414 §3.
        for path in [".well-known/openid-configuration", ".well-known/oauth-authorization-server"] as [RouterPath] {
            router.get(path) { request, _ in
                let description = ProviderDescription(issuer: provider.issuer(of: request))
                return OAuthAnswer.json(description, maxAgeSeconds: Self.maxAgeSeconds)
            }
        }
        router.get(".well-known/jwks.json") { _, _ in
            let keys = try await provider.keys.schedule(now: .now).keys.map { try $0.published }
            return OAuthAnswer.json(["keys": keys], maxAgeSeconds: Self.maxAgeSeconds)
        }
        // OpenID Connect Core §5.3.1: both.
        for method in [.get, .post] as [HTTPRequest.Method] {
            router.on("oauth/userinfo", method: method) { request, _ in
                do {
                    return try await userInfo(request, now: .now)
                } catch let refusal as OAuthRefusal {
                    return OAuthAnswer.refusal(refusal)
                }
            }
        }
    }

    private func userInfo(_ request: Request, now: WallTime) async throws -> Response {
        let refusal = OAuthRefusal(.invalidToken, "the access token is unknown, has ended or was revoked")
        guard let token = Authentication.token(of: request.headers) else { throw refusal }
        let principal = try? await provider.store.read { database in
            try Principal.find(token, now: now, in: database)
        }
        guard let principal, principal.kind == .accessToken else { throw refusal }
        guard principal.scopes.contains(.openid) else {
            throw OAuthRefusal(.insufficientScope, "the token was granted without openid")
        }
        let info = try await provider.userInfo(of: principal.userID, scopes: principal.scopes)
        return OAuthAnswer.json(info)
    }
}

/// What an app may know of a user (OpenID Connect Core §5.1, §5.4).
struct UserInfo: Encodable, Sendable {
    let sub: String
    var email: String?
    var emailVerified: Bool?
    var name: String?
    var picture: String?

    enum CodingKeys: String, CodingKey {
        case sub, email, name, picture
        case emailVerified = "email_verified"
    }
}

extension OAuthProvider {
    func userInfo(of userID: String, scopes: Set<Scope>) async throws -> UserInfo {
        try await store.read { database in
            guard let row = try Row.fetchOne(database, sql: "SELECT * FROM users WHERE id = ?", arguments: [userID])
            else { throw OAuthRefusal(.invalidToken, "the user is gone") }
            var info = UserInfo(sub: userID)
            if scopes.contains(.email), let email = row["email"] as String? {
                info.email = email
                info.emailVerified = row["email_verified"]
            }
            if scopes.contains(.profile) {
                info.name = row["name"]
                info.picture = row["picture"]
            }
            return info
        }
    }

    func claims(
        for pair: TokenFamily.Pair, client: OAuthClient, issuer: String, now: WallTime
    ) async throws -> IdentityClaims {
        let info = try await userInfo(of: pair.family.userID, scopes: pair.scopes)
        return IdentityClaims(
            iss: issuer, sub: info.sub, aud: client.id, exp: Int(now.seconds) + IdentityToken.lifeSeconds,
            iat: Int(now.seconds), authTime: Int(pair.family.authTime.seconds), nonce: pair.nonce, email: info.email,
            emailVerified: info.emailVerified, name: info.name, picture: info.picture)
    }
}
