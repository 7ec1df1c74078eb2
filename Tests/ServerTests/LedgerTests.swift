import Foundation
import GRDB
import Testing
import VoiceServer

/// The ledger's promises, held by its code and, behind its back, by the database.
@Suite struct LedgerTests {
    private let store: Store
    private let user: String

    init() async throws {
        store = try Store()
        user = try await store.write { try Accounts.create(email: nil, passwordHash: nil, now: .now, in: $0) }
    }

    private func purpose(of user: String) throws -> Reservation.Purpose {
        let principal = Principal(
            .apiKey(id: "key_1"), of: user, developer: user, externalUserID: nil, scopes: Set(Scope.allCases))
        return Reservation.Purpose(principal, model: "m", endpoint: "/e")
    }

    /// The whole truth: every account's entries, and what is open.
    private func audit() async throws {
        try await store.read { database in
            let off = try Int.fetchOne(
                database,
                sql: """
                    SELECT COUNT(*) FROM ledger_accounts a WHERE balance <>
                        (SELECT COALESCE(SUM(amount), 0) FROM ledger_entries e WHERE e.account_id = a.id)
                    """)
            #expect(off == 0)
            #expect(try Int.fetchOne(database, sql: "SELECT SUM(balance) FROM ledger_accounts") == 0)
            let reserved = try Int.fetchOne(
                database, sql: "SELECT COALESCE(SUM(balance), 0) FROM ledger_accounts WHERE kind = 'reserved'")
            let open = try Int.fetchOne(
                database, sql: "SELECT COALESCE(SUM(credits), 0) FROM reservations WHERE settled_at IS NULL")
            #expect(reserved == open)
        }
    }

    private func balance() async throws -> Int? {
        try await store.read { [user] in try Ledger.balance(of: user, in: $0) }
    }

    @Test func aNewWalletHasItsWelcomeOnce() async throws {
        #expect(try await balance() == 1_000_000)
        let again = try await store.write { [user] in
            try Ledger.credit(1_000_000, to: user, kind: .welcome, reference: user, now: .now, in: $0)
        }
        #expect(!again)
        #expect(try await balance() == 1_000_000)
        try await audit()
    }

    @Test(arguments: [(0, 0), (1, 1), (600, 600), (1_000, 1_000), (1_001, 1_000), (-5, 0), (Int.max, 1_000)])
    func settlesWithinWhatWasReservedExactlyOnce(_ used: Int, _ billed: Int) async throws {
        let purpose = try purpose(of: user)
        let reservation = try await store.write { try Ledger.reserve(1_000, for: purpose, now: .now, in: $0) }
        #expect(try await balance() == 999_000)
        try await audit()
        let settlement = try await store.write { try Ledger.settle(reservation.id, used: used, now: .now, in: $0) }
        #expect(settlement?.creditsUsed == billed)
        #expect(settlement?.creditsRefunded == 1_000 - billed)
        #expect(settlement?.balance == 1_000_000 - billed)
        let again = try await store.write { try Ledger.settle(reservation.id, used: 1, now: .now, in: $0) }
        #expect(again == nil)
        #expect(try await balance() == 1_000_000 - billed)
        try await audit()
    }

    @Test func whatIsNotThereCanNotBeReserved() async throws {
        let purpose = try purpose(of: user)
        await #expect(throws: Ledger.InsufficientCredits(balance: 1_000_000, required: 1_000_001)) {
            _ = try await store.write { try Ledger.reserve(1_000_001, for: purpose, now: .now, in: $0) }
        }
        try await audit()
    }

    /// Many at once over one wallet: as many as it covers, and not one more.
    @Test func theLastCreditIsReservedOnce() async throws {
        let purpose = try purpose(of: user)
        let granted = await withTaskGroup(of: Bool.self) { group in
            for _ in 0..<60 {
                group.addTask { [store] in
                    let reservation = try? await store.write {
                        try Ledger.reserve(30_000, for: purpose, now: .now, in: $0)
                    }
                    return reservation != nil
                }
            }
            return await group.reduce(0) { $0 + ($1 ? 1 : 0) }
        }
        #expect(granted == 33)
        #expect(try await balance() == 10_000)
        try await audit()
    }

    /// What a dead server left behind costs what its last mark says; marks never fall.
    @Test func openReservationsAreSettledAtTheirMark() async throws {
        let purpose = try purpose(of: user)
        let now = WallTime.now
        try await store.write { database in
            let marked = try Ledger.reserve(10_000, for: purpose, now: now, in: database)
            _ = try Ledger.reserve(20_000, for: purpose, now: now, in: database)
            for used in [2_500, 5_000, 4_000] { try Ledger.mark(marked.id, used: used, in: database) }
        }
        #expect(try await store.write { try Ledger.recover(now: now, in: $0) } == 2)
        #expect(try await balance() == 995_000)
        #expect(try await store.write { try Ledger.recover(now: now, in: $0) } == 0)
        try await audit()
    }

    /// Whoever writes to the tables by hand: the database refuses what does not balance.
    @Test(arguments: [
        "INSERT INTO ledger_entries (transaction_id, account_id, amount) VALUES (1, 1, 5)",
        "UPDATE ledger_entries SET amount = 0",
        "DELETE FROM ledger_entries",
        "DELETE FROM ledger_transactions",
        "UPDATE ledger_accounts SET balance = -1 WHERE kind = 'wallet'",
        "INSERT INTO ledger_zero (value) VALUES (5)",
        "UPDATE ledger_zero SET value = 5",
    ]) func theDatabaseRefusesWhatDoesNotBalance(_ sql: String) async throws {
        await #expect(throws: DatabaseError.self) {
            try await store.write { try $0.execute(sql: sql) }
        }
        try await audit()
    }
}
