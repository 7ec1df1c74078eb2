import GRDB
import Synchronization

/// When each API key was last used: noted in memory, and written at most once a minute for all of them together, so that
/// a request never waits for it.
package final class KeyUse: Sendable {
    private let noted = Mutex<[String: WallTime]>([:])

    init() {}

    func note(_ principal: Principal, now: WallTime) {
        guard case .apiKey(let id) = principal.credential else { return }
        noted.withLock { $0[id] = now }
    }

    /// The later of what is in the database and what is not there yet.
    func lastUse(of id: String, written: WallTime?) -> WallTime? {
        [noted.withLock { $0[id] }, written].compactMap(\.self).max()
    }

    /// What is not written yet; the caller writes it, and then has it forgotten.
    var unwritten: [String: WallTime] { noted.withLock { $0 } }

    /// Not before it can be read from the database.
    func forget(_ written: [String: WallTime]) {
        noted.withLock { noted in
            for (id, time) in written where noted[id] == time { noted[id] = nil }
        }
    }

    static func write(_ uses: [String: WallTime], in database: Database) throws {
        for (id, time) in uses {
            try database.execute(
                sql: "UPDATE api_keys SET last_used_at = MAX(COALESCE(last_used_at, 0), ?) WHERE id = ?",
                arguments: [time, id])
        }
    }
}
