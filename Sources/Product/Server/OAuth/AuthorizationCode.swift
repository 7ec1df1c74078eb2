import Foundation
import GRDB

/// What a user allowed an app. One for both, growing with what is allowed later, until it is taken back.
enum Grant {
    /// The scopes that are in force.
    static func scopes(appID: String, userID: String, in database: Database) throws -> Set<Scope> {
        let text = try String.fetchOne(
            database, sql: "SELECT scopes FROM grants WHERE app_id = ? AND user_id = ? AND revoked_at IS NULL",
            arguments: [appID, userID])
        return text.flatMap { Scope.parse($0) } ?? []
    }

    /// Adds to what is allowed; the app's developer hears of a new user.
    ///
    /// - Returns: the grant's id.
    static func allow(
        _ scopes: Set<Scope>, appID: String, userID: String, now: WallTime, in database: Database
    ) throws -> String {
        let row = try Row.fetchOne(
            database, sql: "SELECT id, scopes FROM grants WHERE app_id = ? AND user_id = ? AND revoked_at IS NULL",
            arguments: [appID, userID])
        if let row {
            let all = (Scope.parse(row["scopes"] as String) ?? []).union(scopes)
            try database.execute(
                sql: "UPDATE grants SET scopes = ?, updated_at = ? WHERE id = ?",
                arguments: [Scope.format(all), now, row["id"] as String])
            return row["id"]
        }
        let id = Identifier.grant.make()
        try database.execute(
            sql: """
                INSERT INTO grants (id, app_id, user_id, scopes, created_at, updated_at) VALUES (?, ?, ?, ?, ?, ?)
                """, arguments: [id, appID, userID, Scope.format(scopes), now, now])
        let developer = try String.fetchOne(
            database, sql: "SELECT user_id FROM apps WHERE id = ?", arguments: [appID])
        if let developer {
            try WebhookQueue.publish(
                "user.connected", ["user_id": .string(userID), "connected_at": JSONTree(now)], to: developer, now: now,
                in: database)
        }
        return id
    }

    /// Takes back what was allowed: nothing that came from it is worth anything from here on.
    static func revoke(_ id: String, now: WallTime, in database: Database) throws {
        let row = try Row.fetchOne(
            database,
            sql: """
                UPDATE grants SET revoked_at = ? WHERE id = ? AND revoked_at IS NULL
                RETURNING user_id, (SELECT user_id FROM apps WHERE id = app_id) AS developer_id
                """, arguments: [now, id])
        guard let row else { return }
        try database.execute(
            sql: "UPDATE oauth_tokens SET revoked_at = ? WHERE grant_id = ? AND revoked_at IS NULL",
            arguments: [now, id])
        try WebhookQueue.publish(
            "user.disconnected", ["user_id": .string(row["user_id"]), "disconnected_at": JSONTree(now)],
            to: row["developer_id"], now: now, in: database)
    }
}

/// A code between the browser and the token endpoint: single use, a minute's life, bound to client, address and
/// verifier (OAuth 2.1 §4.1.2).
enum AuthorizationCode {
    static let lifeSeconds: Int64 = 60

    /// Writes the grant and a code for it.
    static func issue(
        for request: AuthorizationRequest, userID: String, authTime: WallTime, now: WallTime, in database: Database
    ) throws -> String {
        let grant = try Grant.allow(
            request.scopes, appID: request.client.appID, userID: userID, now: now, in: database)
        let code = Token.authorizationCode.make()
        try database.execute(
            sql: """
                INSERT INTO authorization_codes (code_hash, app_id, user_id, grant_id, family_id, redirect_uri, scopes,
                    nonce, code_challenge, auth_time, created_at, expires_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
                """,
            arguments: [
                Token.hash(code), request.client.appID, userID, grant, Identifier.family.make(),
                request.redirect.text, Scope.format(request.scopes), request.nonce, request.codeChallenge, authTime,
                now,
                now.adding(seconds: lifeSeconds),
            ])
        return code
    }

    /// Exchanges a code for tokens. A second use ends the tokens of the first (RFC 9700 §2.1.1), so a refusal is a value:
    /// an error would roll the transaction back.
    static func redeem(
        _ code: String, redirectURI: String, verifier: String?, client: OAuthClient, now: WallTime,
        in database: Database
    ) throws -> Result<TokenFamily.Pair, OAuthRefusal> {
        let hash = Token.hash(code)
        let row = try Row.fetchOne(
            database,
            sql: """
                SELECT c.*, g.revoked_at AS grant_revoked_at FROM authorization_codes c
                JOIN grants g ON g.id = c.grant_id WHERE c.code_hash = ? AND c.app_id = ?
                """, arguments: [hash, client.appID])
        guard let row else { return .failure(OAuthRefusal(.invalidGrant, "the code is unknown")) }
        let family = try TokenFamily(row: row)
        guard row["used_at"] == nil else {
            try TokenFamily.revoke(family.id, now: now, in: database)
            return .failure(
                OAuthRefusal(.invalidGrant, "the code was used before; all tokens of this sign-in have ended"))
        }
        guard (row["expires_at"] as WallTime) > now, row["grant_revoked_at"] == nil else {
            return .failure(OAuthRefusal(.invalidGrant, "the code has expired"))
        }
        guard row["redirect_uri"] == redirectURI else {
            return .failure(OAuthRefusal(.invalidGrant, "redirect_uri is not that of the authorization request"))
        }
        switch (row["code_challenge"] as String?, verifier) {
        case (nil, nil): break
        case (let challenge?, let verifier?) where FormGuard.isEqual(ProofKey.challenge(of: verifier), challenge): break
        case (nil, _?):
            // RFC 9700 §4.8.2: a challenge that somebody took out of the request.
            return .failure(OAuthRefusal(.invalidGrant, "code_verifier, but the request had no code_challenge"))
        case (_?, nil): return .failure(OAuthRefusal(.invalidGrant, "code_verifier is missing"))
        case (_?, _?): return .failure(OAuthRefusal(.invalidGrant, "code_verifier is wrong"))
        }
        try database.execute(
            sql: "UPDATE authorization_codes SET used_at = ? WHERE code_hash = ?", arguments: [now, hash])
        var pair = try family.issue(now: now, in: database)
        pair.nonce = row["nonce"]
        return .success(pair)
    }
}
