import Crypto
import CryptoExtras
import Foundation
import NIOPosix

/// Passwords, kept as scrypt (RFC 7914) with a salt each.
///
/// One hash takes 32 MiB and some tenths of a second of one core, on two threads of its own: a flood of sign-ins waits
/// there and slows nothing else down.
package struct PasswordHasher: Sendable {
    /// As `scrypt$N$r$p$salt$key`, so that costs can grow later.
    private struct Record {
        var rounds = 1 << 15
        var blockSize = 8
        var parallelism = 3
        var salt: Data
        var key = Data()

        init(salt: Data) { self.salt = salt }

        init?(parsing text: String) {
            let parts = text.split(separator: "$", omittingEmptySubsequences: false).map(String.init)
            guard parts.count == 6, parts[0] == "scrypt", let rounds = Int(parts[1]), let blockSize = Int(parts[2]),
                let parallelism = Int(parts[3]), let salt = Data(base64Encoded: parts[4]),
                let key = Data(base64Encoded: parts[5])
            else { return nil }
            (self.rounds, self.blockSize, self.parallelism) = (rounds, blockSize, parallelism)
            (self.salt, self.key) = (salt, key)
        }

        func derived(from password: String) throws -> Data {
            // Two ways to type the same letter are the same password (RFC 8265 §4.2.1).
            let bytes = Data(password.precomposedStringWithCanonicalMapping.utf8)
            let key = try KDF.Scrypt.deriveKey(
                from: bytes, salt: salt, outputByteCount: 32, rounds: rounds, blockSize: blockSize,
                parallelism: parallelism, maxMemory: 256 << 20)
            return key.withUnsafeBytes { Data($0) }
        }

        var text: String {
            "scrypt$\(rounds)$\(blockSize)$\(parallelism)$\(salt.base64EncodedString())$\(key.base64EncodedString())"
        }
    }

    private static let threads: NIOThreadPool = {
        let pool = NIOThreadPool(numberOfThreads: 2)
        pool.start()
        return pool
    }()

    package init() {}

    package func hash(_ password: String) async throws -> String {
        try await Self.threads.runIfActive {
            var generator = SystemRandomNumberGenerator()
            var record = Record(salt: Data((0..<16).map { _ in UInt8.random(in: .min ... .max, using: &generator) }))
            record.key = try record.derived(from: password)
            return record.text
        }
    }

    /// - Parameter hash: `nil` for an account that does not exist: the work is done all the same, so that the time taken
    ///   does not tell.
    package func verify(_ password: String, against hash: String?) async -> Bool {
        let isRight = try? await Self.threads.runIfActive {
            guard let record = hash.flatMap(Record.init(parsing:)) else {
                _ = try Record(salt: Data(repeating: 0, count: 16)).derived(from: password)
                return false
            }
            return equalInConstantTime(try record.derived(from: password), record.key)
        }
        return isRight ?? false
    }
}
