import Foundation
import ProcessSupport
import QuotaAPI
import Testing

/// The account commands where something is wrong: one sentence that says what to do, and the documented exit code.
@Suite(.boundedCrowd) struct CommandFailureTests {
    private static let key = "sk-quota-failure-test"
    private static let server = Task { try await ServedRelay(keys: [key: 5_000_000]) }

    private static let commands = [
        ["whoami"], ["balance"], ["packages"], ["models"], ["chat", "hello"], ["topup", "pack_5", "--no-browser"],
    ]

    private func base() async throws -> String { "http://127.0.0.1:\(try await Self.server.value.port)" }

    /// A failure as a person and a script see it.
    private func expectFailure(
        _ words: [String], _ environment: [String: String], status: Int32, says text: String,
        location: SourceLocation = #_sourceLocation
    ) async throws {
        for words in [words, words + ["--json"]] {
            let outcome = try await Command.quotaVoice(words, environment: environment)
            #expect(outcome.status == status, "\(words): \(outcome.errors)", sourceLocation: location)
            #expect(outcome.output == "", "\(words)", sourceLocation: location)
            #expect(outcome.errorLines.count == 1, "\(words): \(outcome.errors)", sourceLocation: location)
            #expect(outcome.errors.hasPrefix("quota-voice: "), "\(words)", sourceLocation: location)
            #expect(outcome.errors.contains(text), "\(words): \(outcome.errors)", sourceLocation: location)
            #expect(!outcome.errors.contains("sk-quota-"), "\(words)", sourceLocation: location)
        }
    }

    @Test(arguments: commands) func eachCommandSaysWhatIsWrong(command: [String]) async throws {
        let base = try await base()
        let isPublic = command[0] == "packages"
        if !isPublic {
            try await expectFailure(command, ["QUOTA_BASE_URL": base], status: 77, says: "quota-voice login")
            for (token, advice) in [
                ("sk-quota-wrong", "check QUOTA_API_KEY or the --token-file"),
                ("quota_token_wrong", "quota-voice login, or another token"),
                ("sk quota", "characters that no key has"),
            ] {
                try await expectFailure(
                    command, ["QUOTA_BASE_URL": base, "QUOTA_API_KEY": token], status: 77, says: advice)
            }
        }
        let key = ["QUOTA_API_KEY": Self.key]
        try await expectFailure(
            command + ["--base-url", "http://127.0.0.1:1"], key, status: 69, says: "check the network and the address")
        for address in ["nonsense", "http://example.com", "ftp://a", "https://u:p@a/"] {
            try await expectFailure(command + ["--base-url", address], key, status: 64, says: "not a server's address")
        }
        try await expectFailure(
            command + ["--base-url", base, "--ca-file", "/dev/null"], key, status: 64, says: "has to be PEM")
        let wrong = try await Command.quotaVoice(command + ["--wrong"], environment: key)
        #expect(wrong.status == 64)
        #expect(wrong.errors.contains("--wrong"))
    }

    @Test func tokenFilesAreJudged() async throws {
        let scratch = try Scratch()
        let environment = ["QUOTA_BASE_URL": try await base()]
        for (text, status) in [("", Int32(77)), ("\n", 77), ("two words\n", 77)] {
            let file = try scratch.write("key", text)
            try await expectFailure(
                ["balance", "--token-file", file], environment, status: status, says: "no API key on its first line")
        }
        for path in [scratch("none"), scratch.path] {
            try await expectFailure(
                ["balance", "--token-file", path], environment, status: 66, says: "can't be read; check the name")
        }
        // Readable by all: taken, and told.
        let file = try scratch.write("key", Self.key + "\n")
        chmod(file, 0o644)
        let told = try await Command.quotaVoice(["balance", "--token-file", file], environment: environment)
        #expect(told.output == "$5.00\n")
        #expect(told.errors == "quota-voice: \(file): others may read this key; chmod 600 it\n")
        chmod(file, 0o600)
        let quiet = try await Command.quotaVoice(["balance", "--token-file", file], environment: environment)
        #expect(quiet.output == "$5.00\n")
        #expect(quiet.errors == "")
    }

    @Test func aStoredSignInThatEndedSaysSo() async throws {
        let scratch = try Scratch()
        let world = try await Peer.shared.world()
        let store = FileTokenStore(folder: scratch("quota-voice"), secretTool: "")
        let tokens = TokenSet(
            accessToken: "quota_token_old", refreshToken: "quota_refresh_old",
            expiresAt: Date(timeIntervalSince1970: 5),
            clientID: "quota_client_1")
        try await store.set(tokens, for: world.baseURL)
        let environment = ["QUOTA_BASE_URL": world.baseURL, "XDG_STATE_HOME": scratch.path]
        chmod(scratch("quota-voice/tokens"), 0o644)
        try await expectFailure(["whoami"], environment, status: 77, says: "others may read it (chmod 600 it")
        chmod(scratch("quota-voice/tokens"), 0o600)
        let ended = try await Command.quotaVoice(["whoami"], environment: environment)
        #expect(ended.status == 77)
        #expect(
            ended.errors == "quota-voice: the sign-in has ended; connect again (quota-voice login, or another token)\n")
        #expect(try await store.get(world.baseURL) == nil)
        try await expectFailure(["whoami"], environment, status: 77, says: "no credential: run quota-voice login")
        let logout = try await Command.quotaVoice(["logout"], environment: environment)
        #expect(logout.output == "Not signed in at \(world.baseURL).\n")
        #expect(logout.status == 0)
    }

    @Test func aServerThatDoesNotKnowThisProgramSaysWhatToDo() async throws {
        let environment = ["QUOTA_BASE_URL": try await base()]
        try await expectFailure(
            ["login", "--client-id", "quota_client_nobody"], environment, status: 77,
            says: "does not know the client id quota_client_nobody; register a public app there")
        try await expectFailure(
            ["login", "--client-id", "a b"], environment, status: 64, says: "clientID is empty or has characters")
        var named = environment
        named["QUOTA_CLIENT_ID"] = "quota_client_other"
        try await expectFailure(["login"], named, status: 77, says: "quota_client_other")
    }

    /// What the program assumes of the server can be set otherwise.
    @Test func whatIsAssumedCanBeSet() async throws {
        let world = try await Peer.shared.world([
            "POST /api/payments/checkout": ["json": ["url": "https://pay.example/x"]]
        ])
        var environment = ["QUOTA_BASE_URL": world.baseURL, "QUOTA_API_KEY": "sk-quota-good"]
        let topup = ["topup", "pack_5", "--no-browser", "--no-wait"]
        let set = ["--package-field", "bundle", "--success-url", "https://a/yes", "--cancel-url", "https://a/no"]
        for words in [topup, topup + set, ["chat", "a"], ["chat", "a", "--model", "mine"]] {
            #expect(try await Command.quotaVoice(words, environment: environment).status == 0, "\(words)")
        }
        environment["QUOTA_CHAT_MODEL"] = "theirs"
        #expect(try await Command.quotaVoice(["chat", "a"], environment: environment).status == 0)
        let bodies = try await world.log().filter { $0.endpoint.hasPrefix("POST ") }.map { entry in
            try JSONDecoder().decode(QuotaJSON.self, from: Data(entry.body.utf8))
        }
        #expect(
            bodies.prefix(2) == [
                [
                    "package_id": "pack_5", "success_url": .string(world.baseURL + "/checkout/success"),
                    "cancel_url": .string(world.baseURL + "/checkout/cancel"),
                ], ["bundle": "pack_5", "success_url": "https://a/yes", "cancel_url": "https://a/no"],
            ])
        #expect(bodies.dropFirst(2).map { $0["model"] } == ["openai/gpt-4o-mini", "mine", "theirs"])
        for (command, name) in [
            ("chat", "QUOTA_CHAT_MODEL"), ("login", "QUOTA_CLIENT_ID"), ("topup", "--package-field"),
        ] {
            #expect(try await Command.quotaVoice([command, "--help"]).output.contains(name))
        }
    }

    @Test func anEmptyDeliveryIsJudgedToo() async throws {
        let outcome = try await Command.quotaVoice(
            ["webhook", "verify", "--signature", "00"], environment: ["QUOTA_WEBHOOK_SECRET": "whsec_1"])
        #expect(outcome.status == 65)
        #expect(outcome.errors == "quota-voice: the signature is not that of this body and secret\n")
    }
}
