import Foundation
import GRDB

/// A user of the server.
package struct Account: Sendable {
    package let id: String
    package let email: String?
    package let emailVerified: Bool
    package let passwordHash: String?
    package let name: String?
    package let picture: String?
    package let plan: String
    /// A JSON object.
    package let userMetadata: String
    package let createdAt: WallTime

    init(_ row: Row) {
        id = row["id"]
        email = row["email"]
        emailVerified = row["email_verified"]
        passwordHash = row["password_hash"]
        name = row["name"]
        picture = row["picture"]
        plan = row["plan"]
        userMetadata = row["user_metadata"]
        createdAt = row["created_at"]
    }
}

/// Users and what they sign in with.
package enum Accounts {
    package struct EmailTaken: Error {}

    /// Makes a user with a wallet.
    ///
    /// - Parameters:
    ///   - passwordHash: from ``PasswordHasher``; `nil` where nobody can sign in by password.
    ///   - host: the developer whose system the user is of, for hosted users.
    package static func create(
        email: String?, passwordHash: String?, name: String? = nil, host: String? = nil,
        credits: Int = Ledger.welcomeCredits, now: WallTime, in database: Database
    ) throws -> String {
        if let email, try find(email: email, in: database) != nil { throw EmailTaken() }
        let id = Identifier.user.make()
        try database.execute(
            sql: """
                INSERT INTO users (id, email, password_hash, name, host_id, created_at) VALUES (?, ?, ?, ?, ?, ?)
                """, arguments: [id, email, passwordHash, name, host, now])
        try Ledger.openWallet(of: id, in: database)
        try Ledger.credit(credits, to: id, kind: .welcome, reference: id, now: now, in: database)
        return id
    }

    package static func find(_ id: String, in database: Database) throws -> Account? {
        try Row.fetchOne(database.cachedStatement(sql: "SELECT * FROM users WHERE id = ?"), arguments: [id])
            .map(Account.init)
    }

    package static func find(email: String, in database: Database) throws -> Account? {
        try Row.fetchOne(database, sql: "SELECT * FROM users WHERE email = ?", arguments: [email]).map(Account.init)
    }

    /// Gives each key of a file an account of its own, once: a key that is known keeps what its wallet has.
    package static func adopt(keys: [String: Int], now: WallTime, in database: Database) throws {
        for (key, credits) in keys {
            let known = try Bool.fetchOne(
                database, sql: "SELECT EXISTS (SELECT 1 FROM api_keys WHERE key_hash = ?)",
                arguments: [Token.hash(key)])
            guard known != true else { continue }
            let user = try create(
                email: nil, passwordHash: nil, name: "Key \(Token.hint(key))", credits: 0, now: now, in: database)
            let id = try APIKeys.make(key, name: "from the key file", of: user, now: now, in: database).id
            try Ledger.credit(credits, to: user, kind: .key, reference: id, now: now, in: database)
        }
    }

    /// A session of a user.
    ///
    /// - Parameter kind: `api` for a bearer token, `browser` for a cookie.
    /// - Returns: its id, and the token itself, which nobody can show again.
    package static func openSession(
        kind: String = "api", seconds: Int64 = 86_400, of userID: String, now: WallTime, in database: Database
    ) throws -> (id: String, token: String) {
        let id = Identifier.session.make()
        let token = Token.session.make()
        try database.execute(
            sql: """
                INSERT INTO sessions (id, user_id, token_hash, kind, created_at, expires_at) VALUES (?, ?, ?, ?, ?, ?)
                """, arguments: [id, userID, Token.hash(token), kind, now, now.adding(seconds: seconds)])
        return (id, token)
    }

    package static func closeSession(_ id: String, now: WallTime, in database: Database) throws {
        try database.execute(
            sql: "UPDATE sessions SET revoked_at = ? WHERE id = ? AND revoked_at IS NULL", arguments: [now, id])
    }
}
