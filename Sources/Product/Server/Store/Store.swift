import Foundation
import GRDB

/// The server's state in SQLite: durable in a folder, or in memory for the life of the process.
///
/// WAL with `synchronous=FULL`: what a caller was told survives a crash of the process and of the machine. Foreign keys
/// are on. Reads run beside one writer; every `write` is one transaction. Threads: from any; the `async` forms never
/// block the caller's.
package final class Store: Sendable {
    /// For what has no method here. Writes through it are transactions like any other.
    package let database: any DatabaseWriter
    /// The folder of the durable state; `nil` in memory.
    package let folder: String?
    package let keyUse = KeyUse()
    private let lock: FolderLock?

    /// - Parameter folder: made when it is missing, readable by its owner alone; `nil` keeps all in memory.
    /// - Throws: ``FolderLock/Taken`` when another process has the folder, else what GRDB or the file system says.
    package init(folder: String? = nil) throws {
        self.folder = folder
        var configuration = Configuration()
        configuration.foreignKeysEnabled = true
        configuration.busyMode = .timeout(10)
        // Nobody who looks something up waits for another who does.
        configuration.maximumReaderCount = max(4, 2 * ProcessInfo.processInfo.activeProcessorCount)
        guard let folder else {
            lock = nil
            database = try DatabaseQueue(configuration: configuration)
            try Self.migrator.migrate(database)
            return
        }
        try FileManager.default.createDirectory(
            atPath: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        lock = try FolderLock(folder: folder)
        configuration.prepareDatabase { database in
            try database.execute(sql: "PRAGMA synchronous = FULL")
        }
        let path = folder + "/quota.sqlite"
        // Before SQLite makes it: its journal files take the permissions of the database.
        if !FileManager.default.fileExists(atPath: path) {
            _ = FileManager.default.createFile(atPath: path, contents: nil, attributes: [.posixPermissions: 0o600])
        }
        database = try DatabasePool(path: path, configuration: configuration)
        try Self.migrator.migrate(database)
    }

    /// A folder that a server made.
    package convenience init(existing folder: String) throws {
        guard FileManager.default.fileExists(atPath: folder + "/quota.sqlite") else {
            throw CocoaError(.fileNoSuchFile)
        }
        try self.init(folder: folder)
    }

    /// Every area's tables, in the order in which they came to be. A migration that was released never changes.
    private static var migrator: DatabaseMigrator {
        var migrator = DatabaseMigrator()
        for area in Self.migrations { migrator.registerMigration(area.name, migrate: area.migrate) }
        return migrator
    }

    private static let migrations: [Migration] = [
        .accounts, .apps, .ledger, .commerce, .voice, .webhooks, .refunds,
    ]

    /// Looks up a few rows by their keys, at once, on the caller's thread: that takes some microseconds, a hop to another
    /// thread and back takes many more.
    package func lookUp<Value>(_ body: (Database) throws -> Value) throws -> Value {
        try database.read(body)
    }

    package func read<Value: Sendable>(_ body: @escaping @Sendable (Database) throws -> Value) async throws -> Value {
        try await database.read(body)
    }

    package func write<Value: Sendable>(_ body: @escaping @Sendable (Database) throws -> Value) async throws -> Value {
        try await database.write(body)
    }
}

/// The tables of one area.
struct Migration: Sendable {
    let name: String
    let migrate: @Sendable (Database) throws -> Void

    init(_ name: String, sql: String) {
        self.name = name
        migrate = { try $0.execute(sql: sql) }
    }
}
