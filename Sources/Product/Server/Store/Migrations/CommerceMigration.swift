/// What can be bought, and who is buying.
extension Migration {
    static let commerce = Migration(
        "4 commerce",
        sql: """
            CREATE TABLE packages (
                id TEXT PRIMARY KEY NOT NULL,
                credits INTEGER NOT NULL CHECK (credits > 0),
                price_cents INTEGER NOT NULL CHECK (price_cents > 0),
                retired_at INTEGER
            ) STRICT;
            INSERT INTO packages (id, credits, price_cents) VALUES
                ('pack_5', 5000000, 500), ('pack_10', 10000000, 1000), ('pack_25', 25000000, 2500),
                ('pack_100', 100000000, 10000);

            CREATE TABLE checkouts (
                id TEXT PRIMARY KEY NOT NULL,
                user_id TEXT NOT NULL REFERENCES users(id),
                package_id TEXT NOT NULL REFERENCES packages(id),
                -- As they were when the checkout was opened.
                credits INTEGER NOT NULL CHECK (credits > 0),
                price_cents INTEGER NOT NULL CHECK (price_cents > 0),
                success_url TEXT NOT NULL,
                cancel_url TEXT NOT NULL,
                state TEXT NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'paid', 'cancelled')),
                created_at INTEGER NOT NULL,
                expires_at INTEGER NOT NULL,
                closed_at INTEGER
            ) STRICT;
            CREATE INDEX checkouts_by_user ON checkouts (user_id);
            """)
}
