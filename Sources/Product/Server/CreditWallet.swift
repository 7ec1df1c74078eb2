import Foundation
import GRDB
import Logging
import Synchronization

/// The wallets of the database as the relay's ledger: what voice sessions cost, and who pays.
///
/// Reserve and settle are each one transaction of the database, and block their caller while it commits. A reservation
/// is settled exactly once, however a session ends; if the server dies, by the next one, at the last durable mark.
final class CreditWallet: RelayLedger {
    /// An open reservation, and what it rests on.
    private struct Held {
        let reservation: Reservation
        let credential: Data
        let isKey: Bool
        /// The hosted user's link.
        let link: (developer: String, user: String)?
    }

    private struct Mark {
        var used: Int
        var samples: Int
    }

    private struct Ending {
        var reservation: Reservation
        var used: Int
        var samples: Int
        var closeName: String
    }

    private struct State {
        var open: [String: Held] = [:]
        /// What is to be made durable at the next opportunity.
        var marks: [String: Mark] = [:]
        /// Settlements that the database refused; they are tried again.
        var unsettled: [Ending] = []
    }

    private let store: Store
    private let model: String
    private let endpoint: String
    private let logger: Logger
    private let state = Mutex(State())

    init(store: Store, model: String, endpoint: String, logger: Logger) {
        self.store = store
        self.model = model
        self.endpoint = endpoint
        self.logger = logger
    }

    func reserve(_ credits: Int, for caller: RelayCaller) throws(RelayLedgerRefusal) -> RelayReservation {
        let held: Held
        do {
            held = try store.database.write { try open(credits, for: caller, now: .now, in: $0) }
        } catch let error as RelayLedgerRefusal {
            throw error
        } catch let error as Ledger.InsufficientCredits {
            throw .insufficientCredits(balance: error.balance, required: error.required)
        } catch let error as APIError {
            throw error.status == .unauthorized ? .unknownToken : .notLinked
        } catch {
            logger.error("a reservation failed", metadata: ["error": "\(error)"])
            throw .unavailable
        }
        let reservation = held.reservation
        state.withLock { $0.open[reservation.id] = held }
        return RelayReservation(id: reservation.id, credits: reservation.credits, owner: reservation.payerID)
    }

    private func open(
        _ credits: Int, for caller: RelayCaller, now: WallTime, in database: Database
    ) throws -> Held {
        let principal = try Principal.find(caller.token, externalUserID: caller.hostedUser, now: now, in: database)
        guard principal.kind != .session else { throw RelayLedgerRefusal.unknownToken }
        guard principal.scopes.contains(.creditsSpend) else { throw RelayLedgerRefusal.insufficientScope }
        store.keyUse.note(principal, now: now)
        let reservation = try Ledger.reserve(
            credits, for: .init(principal, model: model, endpoint: endpoint), now: now, in: database)
        try database.execute(
            sql: """
                INSERT INTO voice_sessions (id, user_id, reservation_id, voice, format, started_at)
                VALUES (?, ?, ?, ?, ?, ?)
                """,
            arguments: [caller.sessionID, principal.payerID, reservation.id, caller.voice, caller.format, now])
        return Held(
            reservation: reservation, credential: Token.hash(caller.token), isKey: principal.kind == .apiKey,
            link: principal.externalUserID.map { (principal.developerID, $0) })
    }

    func note(_ reservation: RelayReservation, used: Int, samples: Int) -> RelayFunds {
        let held = state.withLock { state in
            state.marks[reservation.id] = Mark(used: used, samples: samples)
            return state.open[reservation.id]
        }
        guard let held else { return .gone }
        do {
            return try store.lookUp { try Self.funds(held, in: $0) }
        } catch {
            // A balance that can't be read ends no session: what was reserved is there.
            return .held(besides: 0)
        }
    }

    /// What a reservation rests on may be taken back while it is open: its credits by a refund, the credential by
    /// whoever gave it. That an access token expires meanwhile ends nothing.
    private static func funds(_ held: Held, in database: Database) throws -> RelayFunds {
        let credential =
            held.isKey
            ? "SELECT 1 FROM api_keys WHERE key_hash = ? AND revoked_at IS NULL"
            : "SELECT 1 FROM oauth_tokens WHERE token_hash = ? AND revoked_at IS NULL"
        let row = try Row.fetchOne(
            database,
            sql: """
                SELECT (SELECT settled_at IS NULL FROM reservations WHERE id = ?) AS is_open,
                    (SELECT balance FROM ledger_accounts WHERE user_id = ? AND kind = 'wallet') AS balance,
                    EXISTS (\(credential)) AS is_valid
                """, arguments: [held.reservation.id, held.reservation.payerID, held.credential])
        guard let row, row["is_open"] == true else { return .gone }
        guard row["is_valid"] == true else { return .revoked }
        if let link = held.link {
            let payer = try HostedLink.find(link.user, of: link.developer, in: database)?.userID
            guard payer == held.reservation.payerID else { return .revoked }
        }
        return .held(besides: row["balance"] ?? 0)
    }

    func settle(
        _ reservation: RelayReservation, used: Int, samples: Int, closeName: String
    ) -> RelaySettlement? {
        guard let held = state.withLock({ $0.open.removeValue(forKey: reservation.id) }) else { return nil }
        let ending = Ending(reservation: held.reservation, used: used, samples: samples, closeName: closeName)
        do {
            return try settle(ending).map {
                RelaySettlement(creditsUsed: $0.creditsUsed, creditsRefunded: $0.creditsRefunded)
            }
        } catch {
            logger.error("a settlement failed and is tried again", metadata: ["error": "\(error)"])
            state.withLock { $0.unsettled.append(ending) }
            let billed = min(max(used, 0), reservation.credits)
            return RelaySettlement(creditsUsed: billed, creditsRefunded: reservation.credits - billed)
        }
    }

    private func settle(_ ending: Ending) throws -> Settlement? {
        let now = WallTime.now
        let id = ending.reservation.id
        let settlement = try store.database.write { database in
            let settlement = try Ledger.settle(id, used: ending.used, now: now, in: database)
            guard settlement != nil else { return settlement }
            try database.execute(
                sql: """
                    UPDATE voice_sessions SET ended_at = ?, samples = ?, close_code = ? WHERE reservation_id = ?
                    """, arguments: [now, ending.samples, ending.closeName, id])
            return settlement
        }
        state.withLock { _ = $0.marks.removeValue(forKey: id) }
        return settlement
    }

    /// Writes what was noted since the last time, all in one transaction, and retries settlements that failed.
    func makeMarksDurable() async {
        let (marks, unsettled) = state.withLock { state in
            defer {
                state.marks = [:]
                state.unsettled = []
            }
            return (state.marks, state.unsettled)
        }
        for ending in unsettled {
            do {
                _ = try settle(ending)
            } catch {
                state.withLock { $0.unsettled.append(ending) }
            }
        }
        guard !marks.isEmpty else { return }
        do {
            try await store.write { database in
                for (id, mark) in marks {
                    try Ledger.mark(id, used: mark.used, in: database)
                    try database.execute(
                        sql: "UPDATE voice_sessions SET samples = ? WHERE reservation_id = ? AND ended_at IS NULL",
                        arguments: [mark.samples, id])
                }
            }
        } catch {
            // The sessions go on; the next mark holds these too.
            logger.error("usage marks could not be written", metadata: ["error": "\(error)"])
        }
    }
}
