/// Money: a double-entry ledger of integer credits that the database itself keeps balanced.
///
/// The sum of a transaction's entries is kept in `imbalance`, a deferred foreign key into a table that holds nothing but
/// zero: SQLite checks it at COMMIT, so a transaction that does not balance can't be committed by anybody.
extension Migration {
    static let ledger = Migration("3 ledger", sql: accountsSQL + entriesSQL + reservationsSQL)

    private static let accountsSQL = """
        CREATE TABLE ledger_accounts (
            id INTEGER PRIMARY KEY,
            -- 'wallet' and 'reserved' belong to a user and never fall below zero; 'issued' is where credits come from
            -- (welcome credits, keys of a file), 'sold' where bought ones do, 'earned' where billed ones go.
            kind TEXT NOT NULL CHECK (kind IN ('wallet', 'reserved', 'issued', 'sold', 'earned')),
            user_id TEXT REFERENCES users(id),
            -- The sum of the account's entries, kept by a trigger.
            balance INTEGER NOT NULL DEFAULT 0,
            CHECK ((user_id IS NOT NULL) = (kind IN ('wallet', 'reserved'))),
            CHECK (balance >= 0 OR kind IN ('issued', 'sold'))
        ) STRICT;
        CREATE UNIQUE INDEX ledger_accounts_of_user ON ledger_accounts (user_id, kind) WHERE user_id IS NOT NULL;
        CREATE UNIQUE INDEX ledger_accounts_of_server ON ledger_accounts (kind) WHERE user_id IS NULL;
        INSERT INTO ledger_accounts (kind) VALUES ('issued'), ('sold'), ('earned');

        CREATE TABLE ledger_zero (value INTEGER PRIMARY KEY NOT NULL CHECK (value = 0)) STRICT;
        INSERT INTO ledger_zero (value) VALUES (0);

        CREATE TABLE ledger_transactions (
            id INTEGER PRIMARY KEY,
            kind TEXT NOT NULL CHECK (kind IN ('welcome', 'key', 'purchase', 'reserve', 'settle')),
            -- What it is about: a reservation's, checkout's or key's id. Each happens once.
            reference TEXT NOT NULL,
            imbalance INTEGER NOT NULL DEFAULT 0
                REFERENCES ledger_zero(value) DEFERRABLE INITIALLY DEFERRED,
            created_at INTEGER NOT NULL,
            UNIQUE (kind, reference)
        ) STRICT;

        """

    private static let entriesSQL = """
        CREATE TABLE ledger_entries (
            id INTEGER PRIMARY KEY,
            transaction_id INTEGER NOT NULL REFERENCES ledger_transactions(id),
            account_id INTEGER NOT NULL REFERENCES ledger_accounts(id),
            amount INTEGER NOT NULL CHECK (amount <> 0)
        ) STRICT;
        CREATE INDEX ledger_entries_by_account ON ledger_entries (account_id);
        CREATE INDEX ledger_entries_by_transaction ON ledger_entries (transaction_id);

        CREATE TRIGGER ledger_entry_counts AFTER INSERT ON ledger_entries BEGIN
            UPDATE ledger_transactions SET imbalance = imbalance + NEW.amount WHERE id = NEW.transaction_id;
            UPDATE ledger_accounts SET balance = balance + NEW.amount WHERE id = NEW.account_id;
        END;
        CREATE TRIGGER ledger_entry_stays BEFORE UPDATE ON ledger_entries BEGIN
            SELECT RAISE(ABORT, 'ledger entries do not change');
        END;
        CREATE TRIGGER ledger_entry_remains BEFORE DELETE ON ledger_entries BEGIN
            SELECT RAISE(ABORT, 'ledger entries are not deleted');
        END;
        CREATE TRIGGER ledger_transaction_remains BEFORE DELETE ON ledger_transactions BEGIN
            SELECT RAISE(ABORT, 'ledger transactions are not deleted');
        END;

        """

    private static let reservationsSQL = """
        CREATE TABLE reservations (
            id TEXT PRIMARY KEY NOT NULL,
            user_id TEXT NOT NULL REFERENCES users(id),
            -- Who asked: the developer whose key it was, or the user.
            billed_by TEXT NOT NULL REFERENCES users(id),
            billing_mode TEXT NOT NULL CHECK (billing_mode IN ('developer', 'user')),
            model TEXT NOT NULL,
            -- A route's template.
            endpoint TEXT NOT NULL,
            credits INTEGER NOT NULL CHECK (credits >= 0),
            -- The last durable usage mark while it is open, the bill when it is settled.
            used INTEGER NOT NULL DEFAULT 0 CHECK (used BETWEEN 0 AND credits),
            created_at INTEGER NOT NULL,
            settled_at INTEGER
        ) STRICT;
        CREATE INDEX reservations_open ON reservations (id) WHERE settled_at IS NULL;
        CREATE INDEX reservations_by_user ON reservations (user_id, created_at);
        CREATE TRIGGER reservation_settles_once BEFORE UPDATE ON reservations WHEN OLD.settled_at IS NOT NULL BEGIN
            SELECT RAISE(ABORT, 'a settled reservation does not change');
        END;

        """
}
