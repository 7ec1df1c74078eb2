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

    /// Runs the command's `login` and lets a person with a new account answer.
    static func login(
        _ answer: [String], home: Scratch
    ) async throws -> (person: ProcessResult, command: ProcessResult) {
        let base = try await address()
        let command = try RunningProcess(
            Checkout.binary, ["login", "--no-browser", "--base-url", base], environment: ["HOME": home.path])
        try await command.wait(for: "the address") { command.errorsSoFar.contains(/\/oauth\/authorize\?\S+\s/) }
        guard let address = command.errorsSoFar.firstMatch(of: /\S+\/oauth\/authorize\?\S+/) else {
            throw ProcessFailure("no address: \(command.errorsSoFar)")
        }
        let person = try await run("login.py", [base, String(address.output)] + answer)
        return (person, try await command.result())
    }

    /// - Returns: the email of the account that is signed in at `home` now.
    static func login(home: Scratch) async throws -> String {
        let (person, command) = try await login([], home: home)
        guard person.status == 0, command.status == 0 else { throw ProcessFailure(person.errors + command.errors) }
        return person.output.trimmingCharacters(in: .whitespacesAndNewlines)
    }
}
