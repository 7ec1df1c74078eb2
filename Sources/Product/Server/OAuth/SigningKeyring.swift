import Foundation
import GRDB

/// The server's signing keys, kept in its database (a file for its owner alone), rotated as time goes by.
actor SigningKeyring {
    private let store: Store
    private var schedule: SigningKeySchedule?
    private var loading: Task<SigningKeySchedule, any Error>?

    init(store: Store) { self.store = store }

    /// The keys that are in force now, after any change that was due.
    func schedule(now: WallTime) async throws -> SigningKeySchedule {
        if let schedule, !schedule.needsKey(now: now) { return schedule }
        if let loading { return try await loading.value }
        let task = Task { [store] in try await Self.load(store, now: now) }
        loading = task
        defer { loading = nil }
        let loaded = try await task.value
        schedule = loaded
        return loaded
    }

    /// Signs an id_token.
    func sign(_ claims: IdentityClaims, now: WallTime) async throws -> String {
        guard let key = try await schedule(now: now).signer(now: now) else {
            throw APIError(.internalServerError, "internal_error", "the server has no signing key")
        }
        return try await IdentityToken.sign(claims, with: key)
    }

    private static func load(_ store: Store, now: WallTime) async throws -> SigningKeySchedule {
        let stored = try await store.read { database in
            try Row.fetchAll(database, sql: "SELECT private_pem, created_at FROM signing_keys").map { row in
                try SigningKey(pem: row["private_pem"], createdAt: row["created_at"])
            }
        }
        var schedule = SigningKeySchedule(stored)
        if schedule.needsKey(now: now) { schedule.add(try SigningKey.make(now: now)) }
        schedule.dropExpired(now: now)
        let kept = schedule.keys
        try await store.write { database in
            for key in kept {
                try database.execute(
                    sql: """
                        INSERT OR IGNORE INTO signing_keys (kid, private_pem, created_at, retires_at, expires_at)
                        VALUES (?, ?, ?, ?, ?)
                        """, arguments: [key.kid, key.pem, key.createdAt, key.retiresAt, key.expiresAt])
            }
            let names = Set(kept.map(\.kid))
            for key in stored where !names.contains(key.kid) {
                try database.execute(sql: "DELETE FROM signing_keys WHERE kid = ?", arguments: [key.kid])
            }
        }
        return schedule
    }
}
