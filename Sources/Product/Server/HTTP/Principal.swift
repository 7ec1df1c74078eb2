import Foundation
import GRDB

/// Who a request comes from, and whose wallet pays for it.
package struct Principal: Sendable, Equatable {
    package enum Credential: Sendable, Equatable {
        /// A developer's session token, or the cookie of the server's pages.
        case session(id: String)
        case apiKey(id: String)
        case accessToken(appID: String, grantID: String)
    }

    /// Kinds of credentials, for what an endpoint takes.
    package enum Kind: Sendable {
        case session, apiKey, accessToken
    }

    package var credential: Credential
    /// The owner of the credential.
    package var userID: String
    /// The developer whose key or app it is; of a session its owner.
    package var developerID: String
    /// Whose wallet pays: the owner, or the hosted user that `X-Quota-User` names.
    package var payerID: String
    /// The hosted user's name in the developer's system.
    package var externalUserID: String?
    package var scopes: Set<Scope>

    package var kind: Kind {
        switch credential {
        case .session: .session
        case .apiKey: .apiKey
        case .accessToken: .accessToken
        }
    }

    /// Whose wallet the bill names: the developer's own, or a user's.
    package var billingMode: String {
        kind == .accessToken || externalUserID != nil ? "user" : "developer"
    }

    package func require(_ scope: Scope) throws(APIError) {
        guard scopes.contains(scope) else { throw .insufficientScope(scope) }
    }
}

extension Principal {
    /// The owner of a token of any kind.
    ///
    /// Found by its hash, so that the time taken tells nothing of the token.
    /// - Parameter externalUserID: `X-Quota-User`, which goes with an API key alone.
    package static func find(
        _ token: String, externalUserID: String? = nil, now: WallTime, in database: Database
    ) throws -> Principal {
        guard !token.isEmpty, token.utf8.count <= 512 else { throw APIError.invalidKey }
        let hash = Token.hash(token)
        var principal = try owner(hash, now: now, in: database, of: token)
        if let externalUserID {
            guard principal.kind == .apiKey else {
                throw APIError.badRequest("X-Quota-User goes with an API key alone")
            }
            let link = try HostedLink.find(externalUserID, of: principal.userID, in: database)
            guard let link else { throw APIError.notFound("this user is not linked to a wallet") }
            principal.payerID = link.userID
            principal.externalUserID = externalUserID
        }
        return principal
    }

    private static func owner(
        _ hash: Data, now: WallTime, in database: Database, of token: String
    ) throws -> Principal {
        if token.hasPrefix(Token.session.rawValue) {
            let row = try Row.fetchOne(
                database.cachedStatement(
                    sql: """
                        SELECT id, user_id FROM sessions
                        WHERE token_hash = ? AND kind = 'api' AND revoked_at IS NULL AND expires_at > ?
                        """), arguments: [hash, now])
            guard let row else { throw APIError.invalidToken }
            return Principal(.session(id: row["id"]), of: row["user_id"], scopes: Set(Scope.allCases))
        }
        // The keys of a file may look like anything, so a key is looked for whatever the prefix.
        let key = try Row.fetchOne(
            database.cachedStatement(
                sql: "SELECT id, user_id FROM api_keys WHERE key_hash = ? AND revoked_at IS NULL"),
            arguments: [hash])
        if let key { return Principal(.apiKey(id: key["id"]), of: key["user_id"], scopes: Set(Scope.allCases)) }
        guard token.hasPrefix(Token.access.rawValue) else { throw APIError.invalidKey }
        let row = try Row.fetchOne(
            database.cachedStatement(
                sql: """
                    SELECT t.app_id, t.user_id, t.grant_id, t.scopes, a.user_id AS developer_id FROM oauth_tokens t
                    JOIN grants g ON g.id = t.grant_id AND g.revoked_at IS NULL
                    JOIN apps a ON a.id = t.app_id AND a.deleted_at IS NULL
                    WHERE t.token_hash = ? AND t.kind = 'access' AND t.revoked_at IS NULL AND t.expires_at > ?
                    """), arguments: [hash, now])
        guard let row else { throw APIError.invalidToken }
        var principal = Principal(
            .accessToken(appID: row["app_id"], grantID: row["grant_id"]), of: row["user_id"],
            scopes: Scope.parse(row["scopes"] as String) ?? [])
        principal.developerID = row["developer_id"]
        return principal
    }

    /// - Parameter developer: whose key or app it is; the owner unless given.
    package init(
        _ credential: Credential, of userID: String, developer: String? = nil, externalUserID: String? = nil,
        scopes: Set<Scope>
    ) {
        self.credential = credential
        self.userID = userID
        self.externalUserID = externalUserID
        payerID = userID
        developerID = developer ?? userID
        self.scopes = scopes
    }
}
