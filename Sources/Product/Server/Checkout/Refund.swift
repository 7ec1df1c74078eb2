import GRDB

/// A purchase that is taken back: by the buyer, or by a bank.
package enum Refund {
    package enum Failure: Error, Equatable {
        case unknown
        /// Nothing was paid, or it was taken back before.
        case notPaid
        /// So many of the credits are there.
        case spent(balance: Int, required: Int)
    }

    /// Takes the credits of a paid checkout out of the wallet, in this transaction, once.
    ///
    /// Where the wallet has not enough of them, voice sessions that run give up what they have reserved and not used: they
    /// are settled at their last durable mark, and the relay ends them within a second.
    ///
    /// - Throws: ``Failure``; nothing has changed then.
    package static func take(_ id: String, now: WallTime, in database: Database) throws {
        guard let checkout = try Checkout.find(id, in: database) else { throw Failure.unknown }
        guard checkout.state == .paid, checkout.refundedAt == nil else { throw Failure.notPaid }
        let user = checkout.userID
        var balance = try Ledger.balance(of: user, in: database) ?? 0
        let running = try Row.fetchAll(
            database,
            sql: """
                SELECT r.id, r.credits - r.used AS unused FROM reservations r
                JOIN voice_sessions v ON v.reservation_id = r.id
                WHERE r.user_id = ? AND r.settled_at IS NULL ORDER BY r.created_at DESC
                """, arguments: [user])
        let reachable = running.reduce(balance) { $0 + ($1["unused"] as Int) }
        guard reachable >= checkout.credits else {
            throw Failure.spent(balance: reachable, required: checkout.credits)
        }
        for row in running where balance < checkout.credits {
            let reservation: String = row["id"]
            balance = try Ledger.settle(reservation, used: nil, now: now, in: database)?.balance ?? balance
            try database.execute(
                sql: """
                    UPDATE voice_sessions SET ended_at = ?, close_code = 'BALANCE_EXHAUSTED' WHERE reservation_id = ?
                    """, arguments: [now, reservation])
        }
        try Ledger.post(
            .purchase, reference: id + "/refund",
            [(.wallet(userID: user), -checkout.credits), (.sold, checkout.credits)], now: now, in: database)
        try database.execute(sql: "UPDATE checkouts SET refunded_at = ? WHERE id = ?", arguments: [now, id])
        try checkout.announce(now: now, in: database)
    }
}
