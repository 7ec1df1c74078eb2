import GRDB

/// A developer's API keys: shown once when they are made, known by a hint afterwards.
package enum APIKeys {
    package static let perAccountMax = 100

    /// A key as its owner sees it.
    package struct Listed: Sendable {
        package let id: String
        package let name: String
        package let hint: String
        package let createdAt: WallTime
        package let lastUsedAt: WallTime?
    }

    package struct TooMany: Error {}

    /// - Parameter key: one that exists elsewhere (in a file); `nil` makes one.
    /// - Returns: its id, and the key itself, which nobody can show again.
    /// - Throws: ``TooMany``.
    package static func make(
        _ key: String? = nil, name: String, of userID: String, now: WallTime, in database: Database
    ) throws -> (id: String, key: String) {
        let count = try Int.fetchOne(
            database, sql: "SELECT COUNT(*) FROM api_keys WHERE user_id = ? AND revoked_at IS NULL",
            arguments: [userID])
        guard (count ?? 0) < perAccountMax else { throw TooMany() }
        let id = Identifier.key.make()
        let key = key ?? Token.apiKey.make()
        try database.execute(
            sql: "INSERT INTO api_keys (id, user_id, name, key_hash, hint, created_at) VALUES (?, ?, ?, ?, ?, ?)",
            arguments: [id, userID, name, Token.hash(key), Token.hint(key), now])
        return (id, key)
    }

    /// Those in force, the oldest first.
    package static func all(of userID: String, in database: Database) throws -> [Listed] {
        try Row.fetchAll(
            database,
            sql: "SELECT * FROM api_keys WHERE user_id = ? AND revoked_at IS NULL ORDER BY created_at, id",
            arguments: [userID]
        ).map {
            Listed(
                id: $0["id"], name: $0["name"], hint: $0["hint"], createdAt: $0["created_at"],
                lastUsedAt: $0["last_used_at"])
        }
    }

    /// - Returns: whether there was such a key.
    package static func revoke(
        _ id: String, of userID: String, now: WallTime, in database: Database
    ) throws -> Bool {
        try database.execute(
            sql: "UPDATE api_keys SET revoked_at = ? WHERE id = ? AND user_id = ? AND revoked_at IS NULL",
            arguments: [now, id, userID])
        return database.changesCount == 1
    }
}
