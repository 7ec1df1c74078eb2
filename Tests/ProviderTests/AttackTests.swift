import ProcessSupport
import Testing

/// Attacks on the served provider. Each is a function of `attacks.py` that fails when it works.
@Suite(.boundedCrowd) struct AttackTests {
    @Test(arguments: [
        "replayed_code", "wrong_verifier", "no_challenge", "other_client", "basic_authentication", "redirects",
        "loopback_ports", "open_redirects", "forged_forms", "refresh_reuse", "revocation", "scopes", "prompts",
        "markup_in_names", "cookies", "guessing", "algorithms",
    ])
    func doesNotWork(_ attack: String) async throws {
        let result = try await Provider.run("attacks.py", [try await Provider.address(), attack])
        #expect(result.output == "ok\n", "\(attack): \(result.errors)")
    }

    @Test(arguments: [
        "revoked_tokens", "revoked_grants", "removed_apps", "codes_at_once", "refreshes_at_once", "payments_at_once",
    ])
    func endsAndCountsOnce(_ scenario: String) async throws {
        let result = try await Provider.run("endings.py", [try await Provider.address(), scenario])
        #expect(result.output == "ok\n", "\(scenario): \(result.errors)")
    }
}
