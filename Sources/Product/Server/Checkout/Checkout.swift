import GRDB

/// Credits that someone is buying, until it is paid or given up.
package struct Checkout: Sendable, Equatable {
    package enum State: String, Sendable {
        case open, paid, cancelled
    }

    package let id: String
    package let userID: String
    package let credits: Int
    package let priceCents: Int
    package let successURL: String
    package let cancelURL: String
    package let state: State
    package let expiresAt: WallTime
    package let refundedAt: WallTime?

    package static let lifeSeconds: Int64 = 86_400

    /// Opens a checkout at today's price.
    ///
    /// - Returns: its id; `nil` where no such package is sold.
    package static func open(
        package: String, for userID: String, successURL: String, cancelURL: String, now: WallTime, in database: Database
    ) throws -> String? {
        let id = Identifier.checkout.make()
        try database.execute(
            sql: """
                INSERT INTO checkouts (id, user_id, package_id, credits, price_cents, success_url, cancel_url, created_at,
                    expires_at)
                SELECT ?, ?, id, credits, price_cents, ?, ?, ?, ? FROM packages WHERE id = ? AND retired_at IS NULL
                """,
            arguments: [id, userID, successURL, cancelURL, now, now.adding(seconds: lifeSeconds), package])
        return database.changesCount == 1 ? id : nil
    }

    package static func find(_ id: String, in database: Database) throws -> Checkout? {
        try Row.fetchOne(database, sql: "SELECT * FROM checkouts WHERE id = ?", arguments: [id]).map { row in
            Checkout(
                id: row["id"], userID: row["user_id"], credits: row["credits"], priceCents: row["price_cents"],
                successURL: row["success_url"], cancelURL: row["cancel_url"],
                state: State(rawValue: row["state"]) ?? .cancelled, expiresAt: row["expires_at"],
                refundedAt: row["refunded_at"])
        }
    }

    /// Pays: the wallet gets its credits in this transaction, once, however often this is asked.
    ///
    /// - Returns: the checkout as it is then.
    package static func pay(_ id: String, now: WallTime, in database: Database) throws -> Checkout? {
        guard let checkout = try find(id, in: database) else { return nil }
        guard checkout.state == .open, checkout.expiresAt > now else { return checkout }
        try database.execute(
            sql: "UPDATE checkouts SET state = 'paid', closed_at = ? WHERE id = ? AND state = 'open'",
            arguments: [now, id])
        try Ledger.credit(
            checkout.credits, to: checkout.userID, kind: .purchase, reference: id, now: now, in: database)
        try checkout.announce(now: now, in: database)
        return try find(id, in: database)
    }

    /// Tells the owner, and the developers of the apps that may see the balance.
    func announce(now: WallTime, in database: Database) throws {
        let developers = try Row.fetchAll(
            database,
            sql: """
                SELECT a.user_id, g.scopes FROM grants g JOIN apps a ON a.id = g.app_id
                WHERE g.user_id = ? AND g.revoked_at IS NULL AND a.deleted_at IS NULL
                """, arguments: [userID]
        ).filter { Scope.parse($0["scopes"] as String)?.contains(.creditsRead) ?? false }
        let balance = try Ledger.balance(of: userID, in: database)
        for listener in Set(developers.map { $0["user_id"] as String } + [userID]) {
            try WebhookQueue.publish(
                "balance.updated",
                [
                    "user_id": .string(userID), "new_balance": JSONTree(balance),
                    "endpoint": "/api/payments/checkout",
                ], to: listener, now: now, in: database)
        }
    }

    package static func cancel(_ id: String, now: WallTime, in database: Database) throws -> Checkout? {
        try database.execute(
            sql: "UPDATE checkouts SET state = 'cancelled', closed_at = ? WHERE id = ? AND state = 'open'",
            arguments: [now, id])
        return try find(id, in: database)
    }
}
