import GRDB

/// Money moves here and nowhere else: integer credits between accounts, in transactions whose entries sum to zero.
///
/// Every function runs inside its caller's database transaction, so that what belongs together happens together. The
/// sum is held here, and by the database at COMMIT (see `LedgerMigration`).
package enum Ledger {
    /// Where credits lie.
    package enum Account: Sendable, Equatable {
        case wallet(userID: String)
        /// Set aside for what is running.
        case reserved(userID: String)
        /// Where welcome credits and those of a file's keys come from: minus all that was ever given.
        case issued
        /// Where bought credits come from.
        case sold
        /// Where billed credits go.
        case earned
    }

    package enum Kind: String, Sendable {
        case welcome, key, purchase, reserve, settle
    }

    package enum Failure: Error, Equatable {
        case unbalanced
        /// The user has no wallet.
        case noWallet
    }

    /// Credits of every new account.
    package static let welcomeCredits = 1_000_000

    /// Makes a user's accounts.
    package static func openWallet(of userID: String, in database: Database) throws {
        try database.execute(
            sql: "INSERT INTO ledger_accounts (kind, user_id) VALUES ('wallet', ?), ('reserved', ?)",
            arguments: [userID, userID])
    }

    /// Credits that a user may spend; `nil` where there is no wallet.
    package static func balance(of userID: String, in database: Database) throws -> Int? {
        try Int.fetchOne(
            database.cachedStatement(
                sql: "SELECT balance FROM ledger_accounts WHERE user_id = ? AND kind = 'wallet'"),
            arguments: [userID])
    }

    /// Gives credits to a wallet, once for each `reference`.
    ///
    /// - Returns: whether they were given now; `false` when that had happened before.
    @discardableResult
    package static func credit(
        _ credits: Int, to userID: String, kind: Kind, reference: String, now: WallTime, in database: Database
    ) throws -> Bool {
        guard credits > 0 else { return false }
        let exists = try Bool.fetchOne(
            database, sql: "SELECT EXISTS (SELECT 1 FROM ledger_transactions WHERE kind = ? AND reference = ?)",
            arguments: [kind.rawValue, reference])
        guard exists != true else { return false }
        let source: Account = kind == .purchase ? .sold : .issued
        try post(
            kind, reference: reference, [(source, -credits), (.wallet(userID: userID), credits)], now: now,
            in: database)
        return true
    }

    /// Writes one transaction. Entries of zero are left out.
    static func post(
        _ kind: Kind, reference: String, _ entries: [(account: Account, amount: Int)], now: WallTime,
        in database: Database
    ) throws {
        guard entries.reduce(0, { $0 + $1.amount }) == 0 else { throw Failure.unbalanced }
        try database.execute(
            sql: "INSERT INTO ledger_transactions (kind, reference, created_at) VALUES (?, ?, ?)",
            arguments: [kind.rawValue, reference, now])
        let transaction = database.lastInsertedRowID
        for entry in entries where entry.amount != 0 {
            try database.execute(
                sql: "INSERT INTO ledger_entries (transaction_id, account_id, amount) VALUES (?, ?, ?)",
                arguments: [transaction, try id(of: entry.account, in: database), entry.amount])
        }
    }

    private static func id(of account: Account, in database: Database) throws -> Int64 {
        let id =
            switch account {
            case .wallet(let userID): try id(of: "wallet", userID, in: database)
            case .reserved(let userID): try id(of: "reserved", userID, in: database)
            case .issued: try id(of: "issued", nil, in: database)
            case .sold: try id(of: "sold", nil, in: database)
            case .earned: try id(of: "earned", nil, in: database)
            }
        guard let id else { throw Failure.noWallet }
        return id
    }

    private static func id(of kind: String, _ userID: String?, in database: Database) throws -> Int64? {
        guard let userID else {
            return try Int64.fetchOne(
                database, sql: "SELECT id FROM ledger_accounts WHERE kind = ? AND user_id IS NULL",
                arguments: [kind])
        }
        return try Int64.fetchOne(
            database, sql: "SELECT id FROM ledger_accounts WHERE user_id = ? AND kind = ?",
            arguments: [userID, kind])
    }
}
