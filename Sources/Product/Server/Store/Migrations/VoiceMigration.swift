/// Voice sessions, for their owners to look back at.
extension Migration {
    static let voice = Migration(
        "5 voice",
        sql: """
            CREATE TABLE voice_sessions (
                id TEXT PRIMARY KEY NOT NULL,
                user_id TEXT NOT NULL REFERENCES users(id),
                reservation_id TEXT NOT NULL UNIQUE REFERENCES reservations(id),
                voice TEXT NOT NULL,
                format TEXT NOT NULL,
                started_at INTEGER NOT NULL,
                ended_at INTEGER,
                samples INTEGER NOT NULL DEFAULT 0,
                -- The relay's name of the close, or 'SERVER_CRASH'.
                close_code TEXT
            ) STRICT;
            CREATE INDEX voice_sessions_by_user ON voice_sessions (user_id, started_at);
            """)
}
