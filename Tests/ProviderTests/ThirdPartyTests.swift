import ProcessSupport
import Testing

/// Standard clients that know nothing of this server but its discovery document.
@Suite(.boundedCrowd) struct ThirdPartyTests {
    @Test(arguments: ["authlib", "authlib_basic", "authlib_public", "requests_oauthlib"])
    func drivesTheWholeFlow(_ client: String) async throws {
        let result = try await Provider.run(
            "third_party.py", [try await Provider.address(), client], needsPackages: true)
        #expect(result.output == "ok\n", "\(client): \(result.errors)")
    }
}
