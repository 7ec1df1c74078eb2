import GRDB

/// Credits set aside for something that runs, until it is settled: exactly once, however it ends.
package struct Reservation: Sendable, Hashable {
    package let id: String
    package let credits: Int
    /// Whose wallet pays.
    package let payerID: String

    /// What is to be paid for.
    package struct Purpose: Sendable {
        package var payerID: String
        /// The developer whose key or app asked: hears of it by webhook.
        package var developerID: String
        /// `developer` or `user`.
        package var billingMode: String
        package var model: String
        /// A route's template.
        package var endpoint: String

        package init(_ principal: Principal, model: String, endpoint: String) {
            payerID = principal.payerID
            developerID = principal.developerID
            billingMode = principal.billingMode
            self.model = model
            self.endpoint = endpoint
        }
    }

    /// Token counts, where a model has them.
    package struct Tokens: Sendable, Equatable {
        package var prompt: Int
        package var completion: Int

        package init(prompt: Int, completion: Int) {
            self.prompt = prompt
            self.completion = completion
        }
    }
}

/// What became of a reservation.
package struct Settlement: Equatable, Sendable {
    package let creditsUsed: Int
    package let creditsRefunded: Int
    /// What the wallet has afterwards.
    package let balance: Int
}

extension Ledger {
    package struct InsufficientCredits: Error, Equatable {
        package let balance: Int
        package let required: Int

        package init(balance: Int, required: Int) {
            self.balance = balance
            self.required = required
        }
    }

    /// Moves credits from the wallet to what is reserved, or throws ``InsufficientCredits``.
    package static func reserve(
        _ credits: Int, for purpose: Reservation.Purpose, now: WallTime, in database: Database
    ) throws -> Reservation {
        guard let balance = try balance(of: purpose.payerID, in: database) else { throw Failure.noWallet }
        guard balance >= credits else { throw InsufficientCredits(balance: balance, required: credits) }
        let id = Identifier.reservation.make()
        try post(
            .reserve, reference: id,
            [(.wallet(userID: purpose.payerID), -credits), (.reserved(userID: purpose.payerID), credits)], now: now,
            in: database)
        try database.execute(
            sql: """
                INSERT INTO reservations
                    (id, user_id, billed_by, billing_mode, model, endpoint, credits, created_at)
                VALUES (?, ?, ?, ?, ?, ?, ?, ?)
                """,
            arguments: [
                id, purpose.payerID, purpose.developerID, purpose.billingMode, purpose.model, purpose.endpoint, credits,
                now,
            ])
        return Reservation(id: id, credits: credits, payerID: purpose.payerID)
    }

    /// Notes what an open reservation has used so far: that much is billed if the server dies. Never falls.
    package static func mark(_ id: String, used: Int, in database: Database) throws {
        try database.execute(
            sql: """
                UPDATE reservations SET used = MAX(used, MIN(MAX(?, 0), credits)) WHERE id = ? AND settled_at IS NULL
                """,
            arguments: [used, id])
    }

    /// Bills what was used and refunds the rest.
    ///
    /// - Parameter used: credits, within what was reserved; `nil` takes the last mark.
    /// - Returns: `nil` when it was settled before.
    @discardableResult
    package static func settle(
        _ id: String, used: Int?, tokens: Reservation.Tokens? = nil, now: WallTime, in database: Database
    ) throws -> Settlement? {
        let row = try Row.fetchOne(
            database, sql: "SELECT * FROM reservations WHERE id = ? AND settled_at IS NULL", arguments: [id])
        guard let row else { return nil }
        let reserved: Int = row["credits"]
        let billed = min(max(used ?? row["used"], 0), reserved)
        let payer: String = row["user_id"]
        try post(
            .settle, reference: id,
            [
                (.reserved(userID: payer), -reserved), (.earned, billed), (.wallet(userID: payer), reserved - billed),
            ],
            now: now, in: database)
        try database.execute(
            sql: "UPDATE reservations SET used = ?, settled_at = ? WHERE id = ?", arguments: [billed, now, id])
        let balance = try balance(of: payer, in: database) ?? 0
        try WebhookQueue.publishBill(row, billed: billed, balance: balance, tokens: tokens, now: now, in: database)
        return Settlement(creditsUsed: billed, creditsRefunded: reserved - billed, balance: balance)
    }

    /// Settles what a server that died had left open, each at its last mark.
    ///
    /// - Returns: how many there were.
    package static func recover(now: WallTime, in database: Database) throws -> Int {
        let open = try String.fetchAll(database, sql: "SELECT id FROM reservations WHERE settled_at IS NULL")
        for id in open { try settle(id, used: nil, now: now, in: database) }
        try database.execute(
            sql: "UPDATE voice_sessions SET ended_at = ?, close_code = 'SERVER_CRASH' WHERE ended_at IS NULL",
            arguments: [now])
        return open.count
    }
}
