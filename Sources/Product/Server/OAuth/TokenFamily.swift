import Foundation
import GRDB

/// All tokens that came from one code: they end together when one of them comes a second time (RFC 9700 §4.14.2).
struct TokenFamily: Sendable {
    static let accessSeconds: Int64 = 3_600
    static let refreshSeconds: Int64 = 60 * 86_400

    let id: String
    let appID: String
    let userID: String
    let grantID: String
    /// All that was granted; an access token may hold less.
    let scopes: Set<Scope>
    let authTime: WallTime

    /// Tokens as they leave, once; the database knows their hashes alone.
    struct Pair: Sendable {
        let family: TokenFamily
        let accessToken: String
        let refreshToken: String
        let scopes: Set<Scope>
        /// For the id_token that goes with a code.
        var nonce: String?
    }

    /// Issues a new access token and a new refresh token.
    func issue(_ asked: Set<Scope>? = nil, now: WallTime, in database: Database) throws -> Pair {
        let pair = Pair(
            family: self, accessToken: Token.access.make(), refreshToken: Token.refresh.make(), scopes: asked ?? scopes)
        try insert(
            pair.accessToken, "access", pair.scopes, now, now.adding(seconds: Self.accessSeconds), in: database)
        try insert(pair.refreshToken, "refresh", scopes, now, now.adding(seconds: Self.refreshSeconds), in: database)
        return pair
    }

    /// An access token alone, for a short use of this server's own pages.
    func issueAccess(seconds: Int64, now: WallTime, in database: Database) throws -> String {
        let token = Token.access.make()
        try insert(token, "access", scopes, now, now.adding(seconds: seconds), in: database)
        return token
    }

    private func insert(
        _ token: String, _ kind: String, _ scopes: Set<Scope>, _ now: WallTime, _ end: WallTime, in database: Database
    ) throws {
        try database.execute(
            sql: """
                INSERT INTO oauth_tokens (token_hash, kind, family_id, app_id, user_id, grant_id, scopes, auth_time,
                    created_at, expires_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
                """,
            arguments: [
                Token.hash(token), kind, id, appID, userID, grantID, Scope.format(scopes), authTime, now, end,
            ])
    }

    static func revoke(_ id: String, now: WallTime, in database: Database) throws {
        try database.execute(
            sql: "UPDATE oauth_tokens SET revoked_at = ? WHERE family_id = ? AND revoked_at IS NULL",
            arguments: [now, id])
    }

    /// Exchanges a refresh token for a new pair. A refusal may change the family too, so it is a value: an error would
    /// roll the transaction back.
    static func refresh(
        _ token: String, scopes asked: Set<Scope>?, client: OAuthClient, now: WallTime, in database: Database
    ) throws -> Result<Pair, OAuthRefusal> {
        let hash = Token.hash(token)
        let row = try Row.fetchOne(
            database,
            sql: """
                SELECT t.*, g.revoked_at AS grant_revoked_at FROM oauth_tokens t JOIN grants g ON g.id = t.grant_id
                WHERE t.token_hash = ? AND t.kind = 'refresh' AND t.app_id = ?
                """, arguments: [hash, client.appID])
        guard let row else { return .failure(OAuthRefusal(.invalidGrant, "the refresh token is unknown")) }
        let family = try TokenFamily(row: row)
        guard row["rotated_at"] == nil else {
            try revoke(family.id, now: now, in: database)
            return .failure(
                OAuthRefusal(.invalidGrant, "the refresh token was used before; all tokens of this sign-in have ended"))
        }
        guard row["revoked_at"] == nil, row["grant_revoked_at"] == nil else {
            return .failure(OAuthRefusal(.invalidGrant, "the refresh token was revoked"))
        }
        guard (row["expires_at"] as WallTime) > now else {
            return .failure(OAuthRefusal(.invalidGrant, "the refresh token has expired"))
        }
        guard asked?.isSubset(of: family.scopes) ?? true else {
            return .failure(OAuthRefusal(.invalidScope, "scope holds more than the user granted"))
        }
        try database.execute(
            sql: "UPDATE oauth_tokens SET rotated_at = ? WHERE token_hash = ?", arguments: [now, hash])
        return .success(try family.issue(asked, now: now, in: database))
    }

    /// RFC 7009 §2.1: a refresh token ends its family, an access token itself. Tokens of other clients stay.
    static func revoke(token: String, client: OAuthClient, now: WallTime, in database: Database) throws {
        let hash = Token.hash(token)
        let row = try Row.fetchOne(
            database, sql: "SELECT kind, family_id FROM oauth_tokens WHERE token_hash = ? AND app_id = ?",
            arguments: [hash, client.appID])
        guard let row else { return }
        if row["kind"] == "refresh" {
            try revoke(row["family_id"], now: now, in: database)
        } else {
            try database.execute(
                sql: "UPDATE oauth_tokens SET revoked_at = ? WHERE token_hash = ? AND revoked_at IS NULL",
                arguments: [now, hash])
        }
    }
}

extension TokenFamily {
    /// Of a row of a token or of a code.
    init(row: Row) throws {
        id = row["family_id"]
        appID = row["app_id"]
        userID = row["user_id"]
        grantID = row["grant_id"]
        scopes = Scope.parse(row["scopes"] as String) ?? []
        authTime = row["auth_time"]
    }
}
