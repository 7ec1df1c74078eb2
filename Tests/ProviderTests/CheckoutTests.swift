import Foundation
import ProcessSupport
import Testing

/// Credits are bought once.
@Suite(.boundedCrowd) struct CheckoutTests {
    @Test(arguments: ["paid_once", "cancelled", "forged"]) func moneyMovesAsSaid(_ scenario: String) async throws {
        let result = try await Provider.run("checkout.py", [try await Provider.address(), scenario])
        #expect(result.output == "ok\n", "\(scenario): \(result.errors)")
    }

    @Test func theCommandLineTopsUp() async throws {
        let home = try Scratch()
        let base = try await Provider.address()
        let email = try await Provider.login(home: home)
        let me = try await Command.quotaVoice(["whoami", "--base-url", base], environment: ["HOME": home.path])
        #expect(me.output.contains(email) && me.output.contains("$1.00"), "\(me.output)\(me.errors)")
        let command = try RunningProcess(
            Checkout.binary, ["topup", "pack_5", "--no-browser", "--base-url", base], environment: ["HOME": home.path])
        try await command.wait(for: "the address") { command.errorsSoFar.contains("Waiting for the credits") }
        let words = command.errorsSoFar.split(whereSeparator: \.isWhitespace)
        let address = try #require(words.first { $0.contains("/checkout/") })
        let press = try await Provider.run("checkout.py", [base, "press", String(address)])
        #expect(press.output == "ok\n", "\(press.errors)")
        let result = try await command.result(within: 120)
        #expect(result.output == "balance: $6.00\n", "\(result.errors)")
    }
}
