/// Purchases that were taken back. The ledger's side is a purchase the other way round.
extension Migration {
    static let refunds = Migration(
        "7 refunds",
        sql: "ALTER TABLE checkouts ADD COLUMN refunded_at INTEGER;")
}
