/// Webhooks, and the durable queue of their deliveries.
extension Migration {
    static let webhooks = Migration(
        "6 webhooks",
        sql: """
            CREATE TABLE webhooks (
                id TEXT PRIMARY KEY NOT NULL,
                user_id TEXT NOT NULL REFERENCES users(id),
                url TEXT NOT NULL,
                -- A JSON array of event types; empty takes all.
                events TEXT NOT NULL CHECK (json_type(events) = 'array'),
                -- Signs deliveries, so its hash would not do.
                secret TEXT NOT NULL,
                -- Credits below which `balance.low` is sent.
                balance_low_threshold INTEGER NOT NULL CHECK (balance_low_threshold >= 0),
                active INTEGER NOT NULL DEFAULT 1 CHECK (active IN (0, 1)),
                created_at INTEGER NOT NULL,
                updated_at INTEGER NOT NULL,
                deleted_at INTEGER
            ) STRICT;
            CREATE INDEX webhooks_by_user ON webhooks (user_id);

            CREATE TABLE webhook_events (
                id TEXT PRIMARY KEY NOT NULL,
                -- Whose webhooks hear of it.
                user_id TEXT NOT NULL REFERENCES users(id),
                type TEXT NOT NULL,
                -- The exact bytes that are sent and signed.
                body TEXT NOT NULL CHECK (json_valid(body)),
                created_at INTEGER NOT NULL
            ) STRICT;

            CREATE TABLE webhook_deliveries (
                id TEXT PRIMARY KEY NOT NULL,
                webhook_id TEXT NOT NULL REFERENCES webhooks(id),
                event_id TEXT NOT NULL REFERENCES webhook_events(id),
                state TEXT NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'delivered', 'failed')),
                attempts INTEGER NOT NULL DEFAULT 0,
                next_attempt_at INTEGER NOT NULL,
                last_status INTEGER,
                last_error TEXT,
                created_at INTEGER NOT NULL,
                closed_at INTEGER
            ) STRICT;
            CREATE INDEX webhook_deliveries_due ON webhook_deliveries (next_attempt_at) WHERE state = 'pending';
            CREATE INDEX webhook_deliveries_by_webhook ON webhook_deliveries (webhook_id, created_at);

            CREATE TABLE webhook_attempts (
                id INTEGER PRIMARY KEY,
                delivery_id TEXT NOT NULL REFERENCES webhook_deliveries(id),
                at INTEGER NOT NULL,
                status INTEGER,
                error TEXT,
                milliseconds INTEGER NOT NULL
            ) STRICT;
            CREATE INDEX webhook_deliveries_by_event ON webhook_deliveries (event_id);
            CREATE INDEX webhook_attempts_by_delivery ON webhook_attempts (delivery_id);
            """)
}
