import QuotaAPI
import Testing

@Suite struct CredentialTests {
    private func mode(_ credentials: QuotaCredentials) throws -> String {
        try credentials.resolved().description
    }

    @Test func eachValidCombinationIsOneMode() throws {
        #expect(try mode(QuotaCredentials(apiKey: "sk-quota-1")) == "API key")
        #expect(
            try mode(QuotaCredentials(apiKey: "sk-quota-1", externalUserID: "alice")) == "API key on behalf of alice")
        #expect(try mode(QuotaCredentials(accessToken: "quota_token_1")) == "access token")
        #expect(
            try mode(
                QuotaCredentials(
                    accessToken: "quota_token_1", refreshToken: "quota_refresh_1", clientID: "c", clientSecret: "s"))
                == "access token with refresh")
        #expect(
            try mode(QuotaCredentials(accessToken: "quota_token_1", refreshToken: "quota_refresh_1", clientID: "c"))
                == "access token with refresh")
    }

    @Test func anAPIKeyWins() throws {
        let both = QuotaCredentials(apiKey: "sk-quota-1", accessToken: "quota_token_1", refreshToken: "quota_refresh_1")
        #expect(try mode(both) == "API key")
    }

    @Test func everyOtherCombinationSaysWhatIsMissingOrTooMuch() {
        let cases: [(QuotaCredentials, QuotaConfigurationError)] = [
            (QuotaCredentials(), .noCredential),
            (QuotaCredentials(externalUserID: "a"), .missing(.apiKey, neededBy: .externalUserID)),
            (QuotaCredentials(refreshToken: "r"), .missing(.accessToken, neededBy: .refreshToken)),
            (QuotaCredentials(clientID: "c"), .missing(.accessToken, neededBy: .clientID)),
            (
                QuotaCredentials(accessToken: "a", refreshToken: "r"),
                .missing(.clientID, neededBy: .refreshToken)
            ),
            (QuotaCredentials(accessToken: "a", clientID: "c"), .missing(.refreshToken, neededBy: .clientID)),
            (
                QuotaCredentials(accessToken: "a", clientID: "c", clientSecret: "s"),
                .missing(.refreshToken, neededBy: .clientSecret)
            ),
            (QuotaCredentials(accessToken: "a", externalUserID: "u"), .unexpected(.externalUserID, with: .accessToken)),
            (QuotaCredentials(apiKey: ""), .malformed(.apiKey)),
            (QuotaCredentials(apiKey: "sk-quota-1\n"), .malformed(.apiKey)),
            (QuotaCredentials(accessToken: "ä"), .malformed(.accessToken)),
            (QuotaCredentials(apiKey: "sk-quota-1", externalUserID: "a\r\nX: y"), .malformed(.externalUserID)),
        ]
        for (credentials, expected) in cases {
            #expect(throws: expected) { try credentials.resolved() }
        }
    }

    @Test(arguments: [
        "api.usequota.ai", "http://api.usequota.ai", "ftp://127.0.0.1", "https://", "https://a:b@host", "https://h?x=1",
        "https://h#f", "http://127.0.0.1.evil.example", "http://127.evil.0.1", "",
    ])
    func aBaseURLThatWouldLeakOrFailIsRefused(text: String) throws {
        var options = QuotaOptions()
        options.baseURL = text
        #expect(throws: QuotaConfigurationError.baseURL(text)) { try QuotaClient(.none, options: options) }
    }

    @Test(arguments: ["https://api.usequota.ai/", "http://localhost:1", "http://127.0.0.1:8787", "http://[::1]:1"])
    func aServerOrThisMachineIsTaken(text: String) throws {
        var options = QuotaOptions()
        options.baseURL = text
        _ = try QuotaClient(.none, options: options)
    }

    @Test func nothingThatPrintsShowsASecret() throws {
        let credentials = QuotaCredentials(
            apiKey: "sk-quota-hidden", accessToken: "quota_token_hidden", refreshToken: "quota_refresh_hidden",
            clientID: "c", clientSecret: "quota_secret_hidden")
        let oauth = QuotaCredentials(
            accessToken: "quota_token_hidden", refreshToken: "quota_refresh_hidden", clientID: "c",
            clientSecret: "quota_secret_hidden")
        let tokens = TokenSet(accessToken: "hidden_token", refreshToken: "hidden_refresh", idToken: "hidden_id")
        let things: [Any] = [
            credentials, try credentials.resolved(), try oauth.resolved(), try QuotaClient(credentials),
            try QuotaClient(oauth), tokens, TokenRefresh.self, [tokens], ["k": tokens],
        ]
        for thing in things {
            var dumped = ""
            dump(thing, to: &dumped)
            for text in ["\(thing)", String(reflecting: thing), dumped] {
                #expect(!text.contains("hidden"), "\(text)")
            }
        }
    }
}
