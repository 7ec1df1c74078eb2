import GRDB

/// A user as the API shows it.
enum UserAnswer {
    /// All fields, for the user alone.
    static func whole(_ id: String, in database: Database) throws -> JSONTree {
        guard let account = try Accounts.find(id, in: database) else { throw APIError.notFound("no such user") }
        return [
            "id": .string(account.id), "email": JSONTree(account.email), "name": JSONTree(account.name),
            "picture": JSONTree(account.picture), "plan": .string(account.plan),
            "balance": JSONTree(try Ledger.balance(of: id, in: database)),
            "user_metadata": JSONTree(text: account.userMetadata) ?? .object([:]),
            "created_at": JSONTree(account.createdAt),
        ]
    }

    /// What the scopes allow.
    static func visible(_ id: String, scopes: Set<Scope>, in database: Database) throws -> JSONTree {
        guard let account = try Accounts.find(id, in: database) else { throw APIError.notFound("no such user") }
        let wholeAccount = scopes.contains(.accountRead)
        let showsProfile = wholeAccount || scopes.contains(.profile)
        let showsEmail = wholeAccount || scopes.contains(.email)
        let balance = scopes.contains(.creditsRead) ? try Ledger.balance(of: id, in: database) : nil
        return [
            "id": .string(account.id),
            "email": showsEmail ? JSONTree(account.email) : .null,
            "balance": JSONTree(balance),
            "name": showsProfile ? JSONTree(account.name) : .null,
            "picture": showsProfile ? JSONTree(account.picture) : .null,
            "user_metadata": wholeAccount ? JSONTree(text: account.userMetadata) ?? .object([:]) : .object([:]),
        ]
    }
}
