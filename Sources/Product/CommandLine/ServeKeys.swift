import Foundation
import QuotaAPI

/// The keys that a server accepts.
struct ServeKeys {
    static let creditsDefault = 1_000_000
    /// A billion dollars: the sum of many such keys still is a number of the ledger.
    static let creditsMax = 1_000_000_000_000_000

    let path: String
    let balances: [String: Int]

    static func read(_ path: String, creditsDefault: Int = creditsDefault) throws -> ServeKeys {
        guard let text = try? String(contentsOfFile: path, encoding: .utf8) else {
            throw CommandFailure(
                status: .noInput, sentence: "\(path): the key file can't be read; check the name and its permissions")
        }
        var balances: [String: Int] = [:]
        for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
            let words = line.split(whereSeparator: \.isWhitespace)
            guard let key = words.first, !key.hasPrefix("#") else { continue }
            guard words.count <= 2, let credits = words.count == 2 ? Int(words[1]) : creditsDefault,
                (0...creditsMax).contains(credits)
            else {
                // The line is not shown: it holds a key.
                throw CommandFailure(
                    status: .usage,
                    sentence: "\(path): line \(index + 1) is not a key with an optional number of credits")
            }
            balances[String(key)] = credits
        }
        guard !balances.isEmpty else {
            throw CommandFailure(status: .usage, sentence: "\(path): no key in it; write one a line")
        }
        return ServeKeys(path: path, balances: balances)
    }

    /// The key of this user's own server, made on first use.
    static func own(environment: [String: String] = ProcessInfo.processInfo.environment) throws -> ServeKeys {
        let folder = FileTokenStore.defaultFolder(environment: environment)
        let path = folder + "/serve-key"
        // Whoever serves for himself does not want to run dry: 400,000 seconds.
        let credits = 1_000_000_000
        if FileManager.default.fileExists(atPath: path) { return try read(path, creditsDefault: credits) }
        do {
            try FileManager.default.createDirectory(
                atPath: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        } catch {
            throw CommandFailure(
                status: .cantCreate, sentence: "\(folder): can't be made; set XDG_STATE_HOME, or give --token-file")
        }
        let key = "sk-quota-local-\(randomHex(bytes: 24))"
        // Made for its owner alone from the first byte on, and only by one process.
        let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else {
            throw CommandFailure(
                status: .cantCreate, sentence: "\(path): can't be written; set XDG_STATE_HOME, or give --token-file")
        }
        let file = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
        try file.write(contentsOf: Data("\(key)\n".utf8))
        return try read(path, creditsDefault: credits)
    }

    /// Swift's system generator reads the kernel's CSPRNG on Linux.
    static func randomHex(bytes: Int) -> String {
        var generator = SystemRandomNumberGenerator()
        return (0..<bytes).map { _ in
            let byte = UInt8.random(in: .min ... .max, using: &generator)
            return (byte < 16 ? "0" : "") + String(byte, radix: 16)
        }.joined()
    }
}
