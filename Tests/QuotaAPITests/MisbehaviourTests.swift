import Foundation
import QuotaAPI
import Testing

/// Every call of the client, each against a server that misbehaves in every way: an error with a type, within the time
/// limit, with no secret in its text and no credential for anybody else.
@Suite struct MisbehaviourTests {
    /// A call, and the endpoint where the fault lies.
    struct Call: Sendable, CustomTestStringConvertible {
        let name: String
        let endpoint: String
        let run: @Sendable (QuotaClient, QuotaOAuth, QuotaOptions) async throws -> Void
        /// A call that needs nothing of its answer's body.
        var ignoresBody = false

        var testDescription: String { name }
    }

    private static let question = ChatRequest(model: "m", messages: [ChatMessage(.user, "a")])

    static let calls = [
        Call(name: "getMe", endpoint: "GET /v1/me") { client, _, _ in _ = try await client.getMe() },
        Call(name: "getBalance", endpoint: "GET /v1/balance") { client, _, _ in _ = try await client.getBalance() },
        Call(name: "getPackages", endpoint: "GET /v1/packages") { client, _, _ in _ = try await client.getPackages() },
        Call(name: "models", endpoint: "GET /v1/models") { client, _, _ in _ = try await client.models() },
        Call(name: "users", endpoint: "GET /v1/users/alice") { client, _, _ in _ = try await client.users("alice") },
        Call(name: "unlink", endpoint: "DELETE /v1/users/alice/link") { client, _, _ in
            try await client.unlink("alice")
        },
        Call(name: "checkout", endpoint: "POST /api/payments/checkout") { client, _, _ in
            _ = try await client.createCheckout(packageID: "p", successURL: "https://a/", cancelURL: "https://b/")
        },
        Call(name: "chat", endpoint: "POST /v1/chat/completions") { client, _, _ in
            _ = try await client.chat(question)
        },
        Call(name: "chatStream", endpoint: "POST /v1/chat/completions") { client, _, _ in
            for try await _ in try await client.chatStream(question) {}
        },
        Call(name: "discovery", endpoint: "GET /.well-known/openid-configuration") { _, oauth, _ in
            _ = try await oauth.start()
        },
        Call(name: "keys", endpoint: "GET /.well-known/jwks.json") { _, oauth, _ in
            let answer = try await Peer.shared.ask("/_token", ["claims": ["sub": "a"]])
            _ = try await oauth.verify(idToken: answer["token"]?.string ?? "", nonce: nil)
        },
        Call(name: "code", endpoint: "POST /oauth/token") { _, oauth, _ in
            _ = try await oauth.exchange(code: "code_secret", pending: oauth.start().pending)
        },
        Call(name: "refresh", endpoint: "POST /oauth/token") { _, _, options in
            _ = try await QuotaClient(
                .oauth(
                    accessToken: "quota_token_stale", refreshToken: "quota_refresh_secret", clientID: "client",
                    clientSecret: "quota_secret_secret"), options: options
            ).getMe()
        },
        Call(name: "userInfo", endpoint: "GET /oauth/userinfo") { _, oauth, _ in
            _ = try await oauth.userInfo(accessToken: "quota_token_0")
        },
        Call(
            name: "revoke", endpoint: "POST /oauth/revoke",
            run: { _, oauth, _ in
                try await oauth.revoke(TokenSet(accessToken: "a", refreshToken: "quota_refresh_secret"))
            }, ignoresBody: true),
    ]

    /// What a server does, by name.
    static func faults(_ elsewhere: String) -> [(name: String, action: QuotaJSON, isOfTheBody: Bool)] {
        let drip = QuotaJSON.array((0..<1_200).map { _ in [" ", 0.1] })
        return [
            ("half JSON", ["body": "{\"id\":\"us"], true),
            ("cut short", ["body": "{\"id\":\"us", "length": 100, "cut": true], false),
            ("a page", ["body": "<html>", "headers": ["Content-Type": "text/html"]], true),
            ("nothing", ["body": ""], true), ("null", ["body": "null"], true), ("a list", ["json": [1, [2]]], true),
            ("other types", ["json": wrong], true), ("deep", ["repeat": ["[", 100_000]], true),
            ("huge", ["repeat": [" ", 12_000_000]], false), ("a drip", ["parts": drip], false),
            ("silence", ["held": true, "body": "{}"], false), ("a reset", ["reset": true], false),
            ("no HTTP", ["raw": "SSH-2.0-OpenSSH\r\n"], false),
            ("a redirect", ["status": 307, "headers": ["Location": .string(elsewhere)]], false),
            ("an error", ["status": 500, "body": "quota_refresh_secret sk-quota-good code_secret {"], false),
            (
                "an odd error", ["status": 400, "json": ["error": ["code": [], "message": ["quota_refresh_secret"]]]],
                false
            ),
        ]
    }

    /// Every field that any answer has, with another type.
    private static let wrong: QuotaJSON = [
        "id": [], "wallet": 5, "packages": 7, "data": 7, "user": "x", "success": "maybe", "url": 4, "choices": "none",
        "issuer": 3, "keys": "none", "access_token": ["a"], "sub": 9, "balance": "lots", "error": .null,
    ]

    @Test(arguments: calls) func everyFaultIsATypedError(call: Call) async throws {
        let other = try await Peer.shared.world()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for fault in Self.faults(other.baseURL + "/stolen") {
                group.addTask { try await check(call, fault.name, fault.action, fault.isOfTheBody) }
            }
            try await group.waitForAll()
        }
        // A redirect takes no credential anywhere.
        #expect(try await other.log().isEmpty)
    }

    private func check(_ call: Call, _ name: String, _ action: QuotaJSON, _ isOfTheBody: Bool) async throws {
        let world = try await Peer.shared.world([call.endpoint: action])
        var options = world.options
        // Only where nothing else ends it: what comes before the fault must not be late on a busy machine.
        if ["a drip", "silence"].contains(name) { options.timeout = .seconds(8) }
        let client = try QuotaClient(.apiKey("sk-quota-good"), options: options)
        let oauth = try QuotaOAuth(
            clientID: "client", clientSecret: "quota_secret_secret", redirectURI: "https://app.example/cb",
            options: options)
        do {
            try await call.run(client, oauth, options)
            #expect(isOfTheBody && call.ignoresBody, "\(call.name), \(name): no error")
        } catch {
            #expect(error is QuotaError || error is SignInError, "\(call.name), \(name): \(error)")
            for text in ["\(error)", "\(String(reflecting: error))", error.localizedDescription] {
                for secret in ["sk-quota-good", "refresh_secret", "secret_secret", "code_secret"] {
                    #expect(!text.contains(secret), "\(call.name), \(name): \(text)")
                }
            }
        }
        #expect(try await world.count(call.endpoint) > 0, "\(call.name), \(name): never asked")
    }

    /// How long a token lives is the server's word, from the moment it was asked: a clock that is wrong changes nothing.
    @Test(arguments: [("0", 1), ("-5", 1), ("99999999999", 0), ("null", 0)])
    func anOddLifetimeIsNoTrap(expires: String, refreshes: Int) async throws {
        let answer = """
            {"access_token":"quota_token_0","refresh_token":"quota_refresh_1","token_type":"bearer","expires_in":\(expires)}
            """
        let world = try await Peer.shared.world(["POST /oauth/token": ["body": .string(answer)]])
        let client = try world.signedIn(isStale: true)
        #expect(try await client.getMe().id == "user_1")
        let before = try await world.count("POST /oauth/token")
        #expect(before == 1)
        #expect(try await client.getMe().id == "user_1")
        #expect(try await world.count("POST /oauth/token") == before + refreshes)
    }

    /// The relay's upgrade, too.
    @Test func aVoiceSessionFollowsNoRedirect() async throws {
        let other = try await Peer.shared.world()
        let world = try await Peer.shared.world([
            "GET /v1/audio/voice-conversion": ["status": 307, "headers": ["Location": .string(other.baseURL + "/v1")]]
        ])
        let client = try world.client()
        await #expect(throws: VoiceConnectError.self) {
            _ = try await client.connectVoiceConversion(VoiceSessionOptions(voice: "rachel"))
        }
        #expect(try await other.log().isEmpty)
    }
}
