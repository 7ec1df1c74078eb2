import Foundation
import ProcessSupport

/// A served provider, and the Python programs that meet it.
enum Provider {
    /// One for all tests of this target: each makes accounts and apps of its own.
    static let shared = Task { try await ServedRelay(keys: ["sk-provider-tests": 1_000_000]) }

    static func address() async throws -> String { "http://127.0.0.1:\(try await shared.value.port)" }

    /// Debian's Python, or one with the packages of `requirements.txt`.
    private static let equipped = Task {
        try await Command.run("\(folder)/set-up.sh", [], within: 300)
    }

    static let folder = Checkout.root + "/Tests/ProviderTests"

    /// Runs a program of this folder to its end.
    ///
    /// - Parameter needsPackages: of PyPI; set up on first use.
    static func run(_ script: String, _ arguments: [String], needsPackages: Bool = false) async throws -> ProcessResult
    {
        var python = Checkout.python
        if needsPackages {
            let setUp = try await equipped.value
            guard setUp.status == 0 else { throw ProcessFailure("set-up.sh: \(setUp.errors)") }
            python = setUp.output.trimmingCharacters(in: .whitespacesAndNewlines)
        }
        return try await Command.run(python, ["-B", "\(folder)/\(script)"] + arguments, within: 240)
    }
}
