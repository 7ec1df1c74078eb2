/// OAuth: apps, what users granted them, codes, tokens, and the keys that sign.
extension Migration {
    static let apps = Migration(
        "2 apps",
        sql: """
            CREATE TABLE apps (
                id TEXT PRIMARY KEY NOT NULL,
                user_id TEXT NOT NULL REFERENCES users(id),
                name TEXT NOT NULL,
                client_id TEXT NOT NULL UNIQUE,
                -- NULL: a public client, which has PKCE alone.
                secret_hash BLOB,
                -- JSON arrays of strings.
                redirect_uris TEXT NOT NULL CHECK (json_type(redirect_uris) = 'array'),
                post_logout_redirect_uris TEXT NOT NULL DEFAULT '[]'
                    CHECK (json_type(post_logout_redirect_uris) = 'array'),
                allowed_scopes TEXT NOT NULL CHECK (json_type(allowed_scopes) = 'array'),
                created_at INTEGER NOT NULL,
                updated_at INTEGER NOT NULL,
                deleted_at INTEGER
            ) STRICT;
            CREATE INDEX apps_by_user ON apps (user_id);

            CREATE TABLE grants (
                id TEXT PRIMARY KEY NOT NULL,
                app_id TEXT NOT NULL REFERENCES apps(id),
                user_id TEXT NOT NULL REFERENCES users(id),
                -- Space-delimited, as on the wire.
                scopes TEXT NOT NULL,
                created_at INTEGER NOT NULL,
                updated_at INTEGER NOT NULL,
                revoked_at INTEGER
            ) STRICT;
            CREATE UNIQUE INDEX grants_in_force ON grants (app_id, user_id) WHERE revoked_at IS NULL;

            CREATE TABLE authorization_codes (
                code_hash BLOB PRIMARY KEY NOT NULL,
                app_id TEXT NOT NULL REFERENCES apps(id),
                user_id TEXT NOT NULL REFERENCES users(id),
                grant_id TEXT NOT NULL REFERENCES grants(id),
                -- The family of the tokens that it becomes: revoked when the code comes a second time.
                family_id TEXT NOT NULL,
                redirect_uri TEXT NOT NULL,
                scopes TEXT NOT NULL,
                nonce TEXT,
                code_challenge TEXT,
                auth_time INTEGER NOT NULL,
                created_at INTEGER NOT NULL,
                expires_at INTEGER NOT NULL,
                used_at INTEGER
            ) STRICT;

            CREATE TABLE oauth_tokens (
                token_hash BLOB PRIMARY KEY NOT NULL,
                kind TEXT NOT NULL CHECK (kind IN ('access', 'refresh')),
                -- All that came from one code.
                family_id TEXT NOT NULL,
                app_id TEXT NOT NULL REFERENCES apps(id),
                user_id TEXT NOT NULL REFERENCES users(id),
                grant_id TEXT NOT NULL REFERENCES grants(id),
                scopes TEXT NOT NULL,
                auth_time INTEGER NOT NULL,
                created_at INTEGER NOT NULL,
                expires_at INTEGER NOT NULL,
                -- Of a refresh token: when it was exchanged. Coming again after that ends the family.
                rotated_at INTEGER,
                revoked_at INTEGER
            ) STRICT;
            CREATE INDEX oauth_tokens_by_family ON oauth_tokens (family_id);
            CREATE INDEX oauth_tokens_by_grant ON oauth_tokens (grant_id);

            CREATE TABLE signing_keys (
                kid TEXT PRIMARY KEY NOT NULL,
                private_pem TEXT NOT NULL,
                created_at INTEGER NOT NULL,
                -- Signs until then, and is published until `expires_at`.
                retires_at INTEGER NOT NULL,
                expires_at INTEGER NOT NULL
            ) STRICT;

            -- Users of a developer's own system, linked to the wallet that pays for them.
            CREATE TABLE hosted_links (
                id INTEGER PRIMARY KEY,
                developer_id TEXT NOT NULL REFERENCES users(id),
                external_user_id TEXT NOT NULL,
                user_id TEXT NOT NULL REFERENCES users(id),
                app_id TEXT REFERENCES apps(id),
                linked_at INTEGER NOT NULL,
                unlinked_at INTEGER
            ) STRICT;
            CREATE UNIQUE INDEX hosted_links_in_force ON hosted_links (developer_id, external_user_id)
                WHERE unlinked_at IS NULL;
            """)
}
