import Foundation
import ProcessSupport
import Testing

/// The command line signs in at a served provider, with no set-up at all.
@Suite(.boundedCrowd) struct LoginTests {
    @Test func theCommandSignsInOutOfTheBox() async throws {
        let home = try Scratch()
        let (person, command) = try await Provider.login([], home: home)
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
        let (person, command) = try await Provider.login(["deny"], home: home)
        #expect(person.status == 0, "\(person.errors)")
        #expect(command.status == 77)
        #expect(command.errors.contains("access_denied"), "\(command.errors)")
    }
}
