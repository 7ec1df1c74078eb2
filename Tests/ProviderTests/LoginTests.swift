import Foundation
import ProcessSupport
import Testing

/// The command line signs in at a served provider, with no set-up at all.
@Suite(.boundedCrowd) struct LoginTests {
    /// Begins `login` and lets a person answer.
    private func login(
        _ answer: [String], home: Scratch, options: [String] = []
    ) async throws -> (person: ProcessResult, command: ProcessResult) {
        let base = try await Provider.address()
        let command = try RunningProcess(
            Checkout.binary, ["login", "--no-browser", "--base-url", base] + options,
            environment: ["HOME": home.path])
        try await command.wait(for: "the address") { command.errorsSoFar.contains("/oauth/authorize?") }
        try await command.wait(for: "its end") { command.errorsSoFar.hasSuffix("\n") }
        let words = command.errorsSoFar.split(whereSeparator: \.isWhitespace)
        let address = try #require(words.first { $0.contains("/oauth/authorize?") })
        let person = try await Provider.run("login.py", [base, String(address)] + answer)
        return (person, try await command.result())
    }

    @Test func theCommandSignsInOutOfTheBox() async throws {
        let home = try Scratch()
        let (person, command) = try await login([], home: home)
        #expect(person.status == 0, "\(person.errors)")
        let email = person.output.trimmingCharacters(in: .whitespacesAndNewlines)
        #expect(command.output == "Signed in as \(email).\n", "\(command.errors)")
        #expect(command.status == 0)
        let out = try await Command.quotaVoice(
            ["logout", "--json", "--base-url", try await Provider.address()], environment: ["HOME": home.path])
        #expect(out.output.contains("\"revoked\" : true"), "\(out.output)\(out.errors)")
    }

    @Test func aRefusalIsSaid() async throws {
        let home = try Scratch()
        let (person, command) = try await login(["deny"], home: home)
        #expect(person.status == 0, "\(person.errors)")
        #expect(command.status == 77)
        #expect(command.errors.contains("access_denied"), "\(command.errors)")
    }
}
