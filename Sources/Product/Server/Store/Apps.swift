import Foundation
import GRDB

/// The apps that developers register.
package enum Apps {
    /// What an app is registered with.
    package struct Registration: Sendable {
        package var name: String
        package var redirectURIs: [String]
        package var postLogoutRedirectURIs: [String] = []
        package var allowedScopes: Set<Scope>
        /// A program that people install: no secret.
        package var isPublic = false

        package init(
            name: String, redirectURIs: [String], postLogoutRedirectURIs: [String] = [], allowedScopes: Set<Scope>,
            isPublic: Bool = false
        ) {
            self.name = name
            self.redirectURIs = redirectURIs
            self.postLogoutRedirectURIs = postLogoutRedirectURIs
            self.allowedScopes = allowedScopes
            self.isPublic = isPublic
        }

        /// What is wrong with it, in a sentence.
        package var problem: String? {
            if (try? TextRule.name(name, of: "name")) == nil {
                return "An app has a name of 1 to 100 printable characters."
            }
            if redirectURIs.isEmpty || redirectURIs.count > 20 { return "An app has from 1 to 20 redirect addresses." }
            if postLogoutRedirectURIs.count > 20 { return "An app has at most 20 addresses for after signing out." }
            if (redirectURIs + postLogoutRedirectURIs).contains(where: { RedirectAddress($0) == nil }) {
                return "A redirect address is https, or http on localhost or 127.0.0.1, whole and without * and #."
            }
            if allowedScopes.isEmpty { return "An app asks for at least one scope." }
            return nil
        }
    }

    /// An app as its developer sees it.
    package struct Listed: Sendable {
        package let id: String
        package let clientID: String
        package let registration: Registration
        package let createdAt: WallTime

        init(_ row: Row) throws {
            let client = try OAuthClient(row: row)
            id = client.appID
            clientID = client.id
            registration = Registration(
                name: client.name, redirectURIs: client.redirectURIs,
                postLogoutRedirectURIs: client.postLogoutRedirectURIs, allowedScopes: client.allowedScopes,
                isPublic: client.isPublic)
            createdAt = row["created_at"]
        }
    }

    package static let perAccountMax = 100
    package struct TooMany: Error {}

    /// - Returns: the app's names, and its secret, which nobody can show again (a public one has none).
    /// - Throws: ``TooMany``.
    package static func create(
        _ registration: Registration, of userID: String, now: WallTime, in database: Database
    ) throws -> (id: String, clientID: String, secret: String?) {
        let count = try Int.fetchOne(
            database, sql: "SELECT COUNT(*) FROM apps WHERE user_id = ? AND deleted_at IS NULL", arguments: [userID])
        guard (count ?? 0) < perAccountMax else { throw TooMany() }
        let id = Identifier.app.make()
        let clientID = Identifier.clientID.make()
        let secret = registration.isPublic ? nil : Token.clientSecret.make()
        try database.execute(
            sql: """
                INSERT INTO apps (id, user_id, name, client_id, secret_hash, redirect_uris, post_logout_redirect_uris,
                    allowed_scopes, created_at, updated_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
                """,
            arguments: [
                id, userID, registration.name, clientID, secret.map(Token.hash), list(registration.redirectURIs),
                list(registration.postLogoutRedirectURIs),
                list(registration.allowedScopes.ordered.map(\.rawValue)), now, now,
            ])
        return (id, clientID, secret)
    }

    package static func all(of userID: String, in database: Database) throws -> [Listed] {
        try Row.fetchAll(
            database, sql: "SELECT * FROM apps WHERE user_id = ? AND deleted_at IS NULL ORDER BY created_at, id",
            arguments: [userID]
        ).map(Listed.init)
    }

    package static func find(_ id: String, of userID: String, in database: Database) throws -> Listed? {
        try Row.fetchOne(
            database, sql: "SELECT * FROM apps WHERE id = ? AND user_id = ? AND deleted_at IS NULL",
            arguments: [id, userID]
        ).map(Listed.init)
    }

    /// Whether it is public stays as it is.
    package static func change(
        _ id: String, to registration: Registration, now: WallTime, in database: Database
    ) throws {
        try database.execute(
            sql: """
                UPDATE apps SET name = ?, redirect_uris = ?, post_logout_redirect_uris = ?, allowed_scopes = ?,
                    updated_at = ? WHERE id = ?
                """,
            arguments: [
                registration.name, list(registration.redirectURIs), list(registration.postLogoutRedirectURIs),
                list(registration.allowedScopes.ordered.map(\.rawValue)), now, id,
            ])
    }

    /// Ends an app, what users granted it, and its tokens; the developer hears of each user that this disconnects.
    ///
    /// - Returns: whether there was such an app.
    package static func remove(_ id: String, of userID: String, now: WallTime, in database: Database) throws -> Bool {
        try database.execute(
            sql: "UPDATE apps SET deleted_at = ? WHERE id = ? AND user_id = ? AND deleted_at IS NULL",
            arguments: [now, id, userID])
        guard database.changesCount == 1 else { return false }
        let grants = try String.fetchAll(
            database, sql: "SELECT id FROM grants WHERE app_id = ? AND revoked_at IS NULL", arguments: [id])
        for grant in grants { try Grant.revoke(grant, now: now, in: database) }
        return true
    }

    private static func list(_ texts: [String]) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = .withoutEscapingSlashes
        return String(decoding: try encoder.encode(texts), as: UTF8.self)
    }
}
