import GRDB

/// A user of a developer's own system, linked to the wallet that pays for it.
package struct HostedLink: Sendable {
    package let userID: String
    package let linkedAt: WallTime

    /// The link in force; `nil` where there is none.
    package static func find(
        _ externalUserID: String, of developerID: String, in database: Database
    ) throws -> HostedLink? {
        try Row.fetchOne(
            database.cachedStatement(
                sql: """
                    SELECT user_id, linked_at FROM hosted_links
                    WHERE developer_id = ? AND external_user_id = ? AND unlinked_at IS NULL
                    """), arguments: [developerID, externalUserID]
        ).map { HostedLink(userID: $0["user_id"], linkedAt: $0["linked_at"]) }
    }

    /// Links, in place of an older link.
    package static func make(
        _ externalUserID: String, of developerID: String, to userID: String, appID: String? = nil, now: WallTime,
        in database: Database
    ) throws {
        _ = try end(externalUserID, of: developerID, now: now, in: database)
        try database.execute(
            sql: """
                INSERT INTO hosted_links (developer_id, external_user_id, user_id, app_id, linked_at)
                VALUES (?, ?, ?, ?, ?)
                """, arguments: [developerID, externalUserID, userID, appID, now])
    }

    /// - Returns: the user whose link ended; `nil` where there was none.
    package static func end(
        _ externalUserID: String, of developerID: String, now: WallTime, in database: Database
    ) throws -> String? {
        try String.fetchOne(
            database,
            sql: """
                UPDATE hosted_links SET unlinked_at = ?
                WHERE developer_id = ? AND external_user_id = ? AND unlinked_at IS NULL RETURNING user_id
                """, arguments: [now, developerID, externalUserID])
    }
}
