/// Who there is: users, their sessions and API keys.
extension Migration {
    static let accounts = Migration(
        "1 accounts",
        sql: """
            CREATE TABLE users (
                id TEXT PRIMARY KEY NOT NULL,
                -- NULL for the owner of a key that was given to the server in a file.
                email TEXT UNIQUE COLLATE NOCASE,
                email_verified INTEGER NOT NULL DEFAULT 0,
                -- NULL where nobody can sign in by password.
                password_hash TEXT,
                name TEXT,
                picture TEXT,
                plan TEXT NOT NULL DEFAULT 'free',
                user_metadata TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(user_metadata)),
                -- Hosted users: made by this developer for the users of its own system.
                host_id TEXT REFERENCES users(id),
                created_at INTEGER NOT NULL
            ) STRICT;

            CREATE TABLE sessions (
                id TEXT PRIMARY KEY NOT NULL,
                user_id TEXT NOT NULL REFERENCES users(id),
                token_hash BLOB NOT NULL UNIQUE,
                -- 'api': a bearer token. 'browser': a cookie of the server's own pages.
                kind TEXT NOT NULL CHECK (kind IN ('api', 'browser')),
                created_at INTEGER NOT NULL,
                expires_at INTEGER NOT NULL,
                revoked_at INTEGER
            ) STRICT;
            CREATE INDEX sessions_by_user ON sessions (user_id);

            CREATE TABLE api_keys (
                id TEXT PRIMARY KEY NOT NULL,
                user_id TEXT NOT NULL REFERENCES users(id),
                name TEXT NOT NULL,
                key_hash BLOB NOT NULL UNIQUE,
                -- The few characters by which its owner knows it again.
                hint TEXT NOT NULL,
                created_at INTEGER NOT NULL,
                last_used_at INTEGER,
                revoked_at INTEGER
            ) STRICT;
            CREATE INDEX api_keys_by_user ON api_keys (user_id);
            """)
}
