import Crypto
import Foundation

/// The key that a token file is encrypted with: in the Secret Service where the desktop has one, else in a file.
struct TokenFileKey: Sendable {
    enum Place: String, Codable, Sendable {
        case keyring
        case file
    }

    private static let secondsMax = 20.0
    private static let attributes = ["application", "quota-voice", "purpose", "token-file-key"]

    let folder: String
    /// `secret-tool` (libsecret), where it is installed.
    let secretTool: String?
    let onWarning: @Sendable (String) -> Void

    private var path: String { folder + "/tokens.key" }

    /// The key that was made for a file which says `place`.
    func find(_ place: Place) async throws -> SymmetricKey {
        switch place {
        case .keyring:
            guard let key = await lookUp() else { throw TokenStoreError.keyringUnavailable }
            return key
        case .file:
            guard let bytes = try PrivateFile.read(path) else { throw TokenStoreError.damaged(path: path) }
            guard bytes.count == 32 else { throw TokenStoreError.damaged(path: path) }
            return SymmetricKey(data: bytes)
        }
    }

    /// A key for a first file: one that is there already, or a new one.
    func make() async throws -> (SymmetricKey, Place) {
        if let key = await lookUp() { return (key, .keyring) }
        let key = SymmetricKey(size: .bits256)
        if await store(key) { return (key, .keyring) }
        if try PrivateFile.read(path) != nil { return (try await find(.file), .file) }
        try PrivateFile.write(key.withUnsafeBytes { Data($0) }, to: path, onlyNew: true)
        onWarning(
            "no keyring answers: the sign-in is encrypted with the key in \(path), which protects copies of the token "
                + "file alone, not this account")
        return (key, .file)
    }

    private func lookUp() async -> SymmetricKey? {
        guard let secretTool else { return nil }
        let outcome = await ToolProcess.run(secretTool, ["lookup"] + Self.attributes, seconds: Self.secondsMax)
        guard let outcome, outcome.status == 0 else { return nil }
        let text = String(decoding: outcome.output, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
        guard let bytes = Base64URL.decode(text), bytes.count == 32 else { return nil }
        return SymmetricKey(data: bytes)
    }

    /// Whether the keyring took the key, and gives it back.
    private func store(_ key: SymmetricKey) async -> Bool {
        guard let secretTool else { return false }
        let bytes = key.withUnsafeBytes { Data($0) }
        let outcome = await ToolProcess.run(
            secretTool, ["store", "--label=Quota sign-in"] + Self.attributes,
            input: Data(Base64URL.encode(bytes).utf8), seconds: Self.secondsMax)
        guard outcome?.status == 0 else { return false }
        return await lookUp() == key
    }
}
