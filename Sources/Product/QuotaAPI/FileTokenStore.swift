import Crypto
import Foundation

/// Keeps tokens in an encrypted file of their owner's alone, for programs that people run.
///
/// `tokens` in its folder (0600, replaced as a whole, AES-GCM), with the key in the desktop's keyring (through
/// `secret-tool`), else in `tokens.key` beside it. Any number of processes may use it at once.
public struct FileTokenStore: TokenStore, CustomStringConvertible {
    public let folder: String
    private let key: TokenFileKey

    /// - Parameters:
    ///   - folder: `$XDG_STATE_HOME/quota-voice` unless given.
    ///   - secretTool: the path of `secret-tool`; found in PATH unless given; empty for none.
    ///   - onWarning: hears once, when the first key file is made, that there is no keyring.
    public init(
        folder: String? = nil, secretTool: String? = nil, onWarning: @escaping @Sendable (String) -> Void = { _ in }
    ) {
        self.folder = folder ?? Self.defaultFolder()
        let tool = secretTool ?? ToolProcess.find("secret-tool") ?? ""
        key = TokenFileKey(folder: self.folder, secretTool: tool.isEmpty ? nil : tool, onWarning: onWarning)
    }

    /// `$XDG_STATE_HOME/quota-voice`, by default `~/.local/state/quota-voice`.
    public static func defaultFolder(
        environment: [String: String] = ProcessInfo.processInfo.environment
    ) -> String {
        // XDG Base Directory: a relative path is to be ignored.
        if let state = environment["XDG_STATE_HOME"], state.hasPrefix("/") { return state + "/quota-voice" }
        return (environment["HOME"] ?? NSHomeDirectory()) + "/.local/state/quota-voice"
    }

    public var description: String { "FileTokenStore(\(folder))" }

    private var path: String { folder + "/tokens" }

    /// The file: what is needed to read it, and the rest encrypted.
    private struct Container: Codable {
        var version: Int
        var key: TokenFileKey.Place
        var box: Data
    }

    public func get(_ name: String) async throws -> TokenSet? {
        // Without a folder nothing is stored, and nothing is made to find that out.
        guard access(folder, F_OK) == 0 else { return nil }
        return try await load()?.tokens[name]
    }

    public func set(_ tokens: TokenSet, for name: String) async throws {
        try await update { $0[name] = tokens }
    }

    public func delete(_ name: String) async throws {
        guard access(path, F_OK) == 0 else { return }
        try await update { $0[name] = nil }
    }

    public func exclusively<Value: Sendable>(
        _ name: String, _ body: @Sendable () async throws -> Value
    ) async throws -> Value {
        try PrivateFile.prepareFolder(folder)
        let digest = SHA256.hash(data: Data(name.utf8)).prefix(8).map { String($0, radix: 16) }.joined()
        // Not the file's own lock: `body` sets and gets.
        let lock = try await FileLock("\(folder)/refresh-\(digest).lock")
        let value = try await body()
        _ = consume lock
        return value
    }

    private func update(_ change: (inout [String: TokenSet]) -> Void) async throws {
        try PrivateFile.prepareFolder(folder)
        let lock = try await FileLock(folder + "/tokens.lock")
        var found = try await load()
        if found == nil {
            let (key, place) = try await key.make()
            found = ([:], key, place)
        }
        guard let (stored, secret, place) = found else { return }
        var tokens = stored
        change(&tokens)
        let plain = try JSONEncoder().encode(tokens)
        let sealed = try AES.GCM.seal(plain, using: secret, authenticating: Self.label(place))
        guard let box = sealed.combined else { throw TokenStoreError.damaged(path: path) }
        try PrivateFile.write(try JSONEncoder().encode(Container(version: 1, key: place, box: box)), to: path)
        _ = consume lock
    }

    private func load() async throws -> (tokens: [String: TokenSet], key: SymmetricKey, place: TokenFileKey.Place)? {
        guard let bytes = try PrivateFile.read(path) else { return nil }
        guard let container = try? JSONDecoder().decode(Container.self, from: bytes), container.version == 1 else {
            throw TokenStoreError.damaged(path: path)
        }
        let secret = try await key.find(container.key)
        guard let box = try? AES.GCM.SealedBox(combined: container.box),
            let plain = try? AES.GCM.open(box, using: secret, authenticating: Self.label(container.key)),
            let tokens = try? JSONDecoder().decode([String: TokenSet].self, from: plain)
        else { throw TokenStoreError.damaged(path: path) }
        return (tokens, secret, container.key)
    }

    private static func label(_ place: TokenFileKey.Place) -> Data {
        Data("quota-voice tokens 1 \(place.rawValue)".utf8)
    }
}
