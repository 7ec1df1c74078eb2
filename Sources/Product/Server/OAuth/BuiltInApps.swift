import Foundation
import GRDB

/// Apps that every server knows from the start.
enum BuiltInApps {
    /// The command line's `login`.
    static let commandLineClientID = "quota_client_voice_cli"
    /// The server's own pages, for the tokens that their scripts use.
    static let dashboardClientID = "quota_client_dashboard"
    /// Owns them; nobody can sign in as it.
    private static let ownerID = "user_server"

    /// Makes what is missing. Safe to repeat.
    static func ensure(now: WallTime, in database: Database) throws {
        try database.execute(
            sql: "INSERT OR IGNORE INTO users (id, name, created_at) VALUES (?, 'This server', ?)",
            arguments: [ownerID, now])
        try add(
            commandLineClientID, named: "quota-voice (command line)", redirectURIs: ["http://127.0.0.1/callback"],
            now: now, in: database)
        try add(dashboardClientID, named: "This server’s pages", redirectURIs: [], now: now, in: database)
    }

    private static func add(
        _ clientID: String, named name: String, redirectURIs: [String], now: WallTime, in database: Database
    ) throws {
        let scopes = Scope.allCases.map(\.rawValue)
        let encoder = JSONEncoder()
        encoder.outputFormatting = .withoutEscapingSlashes
        try database.execute(
            sql: """
                INSERT OR IGNORE INTO apps (id, user_id, name, client_id, redirect_uris, allowed_scopes, created_at,
                    updated_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
                """,
            arguments: [
                "app_" + clientID, ownerID, name, clientID,
                String(decoding: try encoder.encode(redirectURIs), as: UTF8.self),
                String(decoding: try encoder.encode(scopes), as: UTF8.self), now, now,
            ])
    }
}
