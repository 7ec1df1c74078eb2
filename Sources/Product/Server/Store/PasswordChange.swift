import GRDB

/// What an operator does for someone who forgot a password: a server of one's own sends no mail.
public enum PasswordChange {
    public enum Failure: Error, Sendable {
        /// Another process, a server most likely, has the folder.
        case folderTaken
        /// The folder holds no state that can be read; the text says why.
        case noState(String)
        case noAccount
        /// The text says what a password must be.
        case badPassword(String)
    }

    /// Sets a password and ends all that was signed in with the old one: sessions of the pages and of the API, and what
    /// apps hold. API keys stay.
    ///
    /// - Throws: ``Failure``; nothing has changed then.
    public static func set(_ password: String, of email: String, inFolder folder: String) async throws {
        do {
            _ = try TextRule.password(password)
        } catch {
            throw Failure.badPassword("a password has from 8 to 256 characters")
        }
        let store: Store
        do {
            store = try Store(existing: folder)
        } catch is FolderLock.Taken {
            throw Failure.folderTaken
        } catch {
            throw Failure.noState("\(error)")
        }
        guard let account = try await store.read({ try Accounts.find(email: email, in: $0) }) else {
            throw Failure.noAccount
        }
        let hash = try await PasswordHasher().hash(password)
        try await store.write { database in
            let now = WallTime.now
            try database.execute(
                sql: "UPDATE users SET password_hash = ? WHERE id = ?", arguments: [hash, account.id])
            for table in ["sessions", "oauth_tokens"] {
                try database.execute(
                    sql: "UPDATE \(table) SET revoked_at = ? WHERE user_id = ? AND revoked_at IS NULL",
                    arguments: [now, account.id])
            }
        }
    }
}
