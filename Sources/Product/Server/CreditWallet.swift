import GRDB
import Logging
import Synchronization

/// What voice sessions cost, and who pays: reservations in the ledger, for the relay.
///
/// Reserve and settle are each one transaction of the database, and block their caller while it commits. A reservation
/// is settled exactly once, however a session ends; if the server dies, by the next one, at the last durable mark.
final class CreditWallet: Sendable {
    /// Why a reservation was refused.
    enum Refusal: Error, Equatable {
        case unknownToken
        /// The token may not spend.
        case insufficientScope
        /// `X-Quota-User` names nobody with a wallet, or came without an API key.
        case notLinked
        case insufficientCredits(balance: Int, required: Int)
        /// The database failed.
        case unavailable
    }

    /// What is about to run.
    struct Opening: Sendable {
        var sessionID: String
        var voice: String
        var format: String
        /// From `X-Quota-User` on the upgrade.
        var externalUserID: String?
    }

    typealias Reservation = VoiceServer.Reservation
    typealias Settlement = VoiceServer.Settlement

    private struct Mark {
        var used: Int
        var samples: Int
    }

    private struct Ending {
        var reservation: Reservation
        var used: Int
        var samples: Int
        var closeName: String?
    }

    private struct State {
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

    func reserve(_ credits: Int, token: String, opening: Opening) throws(Refusal) -> Reservation {
        let now = WallTime.now
        do {
            return try store.database.write { database in
                let principal = try Principal.find(
                    token, externalUserID: opening.externalUserID, now: now, in: database)
                guard principal.kind != .session else { throw Refusal.unknownToken }
                guard principal.scopes.contains(.creditsSpend) else { throw Refusal.insufficientScope }
                let reservation = try Ledger.reserve(
                    credits, for: .init(principal, model: model, endpoint: endpoint), now: now, in: database)
                try database.execute(
                    sql: """
                        INSERT INTO voice_sessions (id, user_id, reservation_id, voice, format, started_at)
                        VALUES (?, ?, ?, ?, ?, ?)
                        """,
                    arguments: [
                        opening.sessionID, principal.payerID, reservation.id, opening.voice, opening.format, now,
                    ])
                return reservation
            }
        } catch let error as Refusal {
            throw error
        } catch let error as Ledger.InsufficientCredits {
            throw .insufficientCredits(balance: error.balance, required: error.required)
        } catch let error as APIError {
            throw error.status == .unauthorized ? .unknownToken : .notLinked
        } catch {
            logger.error("a reservation failed", metadata: ["error": "\(error)"])
            throw .unavailable
        }
    }

    /// What the wallet of an open reservation has left, the reservation not counted.
    func balance(of reservation: Reservation) -> Int? {
        try? store.database.read { try Ledger.balance(of: reservation.payerID, in: $0) }
    }

    /// Notes what a session has used so far; ``makeMarksDurable()`` writes it.
    func mark(_ reservation: Reservation, used: Int, samples: Int) {
        state.withLock { $0.marks[reservation.id] = Mark(used: used, samples: samples) }
    }

    /// Bills `used` of the reservation and refunds the rest; `nil` when it was settled before.
    ///
    /// - Parameter closeName: how the session ended, for its owner.
    func settle(_ reservation: Reservation, used: Int, samples: Int, closeName: String? = nil) -> Settlement? {
        let ending = Ending(reservation: reservation, used: used, samples: samples, closeName: closeName)
        do {
            return try settle(ending)
        } catch {
            logger.error("a settlement failed and is tried again", metadata: ["error": "\(error)"])
            state.withLock { $0.unsettled.append(ending) }
            let billed = min(max(used, 0), reservation.credits)
            return Settlement(
                creditsUsed: billed, creditsRefunded: reservation.credits - billed,
                balance: balance(of: reservation) ?? 0)
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
            _ = settle(
                ending.reservation, used: ending.used, samples: ending.samples, closeName: ending.closeName)
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
