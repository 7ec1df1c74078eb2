import Foundation
import GRDB
import Logging
import ProcessSupport
import Testing
import VoiceServer

/// What the person who runs a server has: settings, metrics, forgotten passwords, and a database that stays small.
@Suite(.boundedCrowd) struct OperatorTests {
    @Test func everyOptionIsASettingToo() async throws {
        let folder = try Scratch()
        let keys = try folder.write("keys", "sk-s 1000000\n")
        let settings = try folder.write(
            "settings.json",
            """
            {"port": 0, "tokenFile": "\(keys)", "workers": 1, "lateness": 0, "echo": true, "webhookRetry": 0.5,
            "webhooksToLoopback": true, "heartbeat": 7.5, "devCa": true, "data": "\(folder("data"))"}
            """)
        let process = try RunningProcess(
            Checkout.binary, ["serve", "--config", settings, "--no-dev-ca"],
            environment: ["QUOTA_VOICE_HEARTBEAT": "6.25"])
        try await process.wait(for: "listening on") { process.errorsSoFar.contains("try:") }
        let match = try #require(process.outputSoFar.firstMatch(of: /listening on (ws:\/\/[^\/]+)\//))
        // --echo gives back what came, also where another voice was asked for.
        let session = try await PeerClient.run(
            String(match.output.1),
            [.auth("sk-s", ["voice": "adam"]), .wait("ready"), .audio(3_200), .end, .wait("close")])
        #expect(session.first("ready")?.heartbeatSeconds == 6.25)
        #expect(session.first("ready")?.delaySamples == 0)
        #expect(session.differingSamples == 0)
    }

    @Test(arguments: [
        ("QUOTA_VOICE_WORKERS", "0", "workers"), ("QUOTA_VOICE_WORKERS", "many", "workers"),
        ("QUOTA_VOICE_LATENESS", "-1", "lateness"), ("QUOTA_VOICE_WEBHOOK_RETRY", "0", "webhook-retry"),
        ("QUOTA_VOICE_ECHO", "perhaps", "echo"), ("QUOTA_VOICE_HEARTBEAT", "100", "heartbeat"),
        ("QUOTA_VOICE_REQUESTS_PER_MINUTE", "-5", "requests-per-minute"),
        ("QUOTA_VOICE_UPSTREAM_RELAY", "wss://relay.example", "upstream-token-file"),
    ]) func settingsThatMakeNoSenseAreNamed(_ name: String, _ value: String, _ said: String) async throws {
        let keys = try Scratch()
        let result = try await Command.quotaVoice(
            ["serve", "--port", "0", "--token-file", keys.write("keys", "sk-s\n")], environment: [name: value])
        #expect(result.status == 64 || result.status == 77, "\(result.status)")
        #expect(result.errors.contains(said), "\(result.errors)")
    }

    @Test func metricsAreForThisMachineOrForABearer() async throws {
        let folder = try Scratch()
        let process = try RunningProcess(
            Checkout.binary,
            [
                "serve", "--port", "0", "--host", "0.0.0.0", "--token-file", folder.write("keys", "sk-s\n"),
                "--lateness", "0",
            ], environment: ["QUOTA_VOICE_METRICS_TOKEN": "metrics-secret"])
        try await process.wait(for: "listening on") { process.errorsSoFar.contains("try:") }
        let port = try #require(process.outputSoFar.firstMatch(of: /0\.0\.0\.0:(\d+)\//)).output.1
        let own = try await Command.tool(["hostname", "-I"]).split(separator: " ").first { !$0.contains(":") }
        func status(_ host: Substring, _ headers: [String] = []) async throws -> String {
            try await Command.tool(
                ["curl", "-sS", "-o", "/dev/null", "-w", "%{http_code}", "http://\(host):\(port)/metrics"]
                    + headers.flatMap { ["-H", $0] })
        }
        #expect(try await status("127.0.0.1") == "200")
        #expect(try await status("127.0.0.1", ["X-Forwarded-For: 127.0.0.1"]) == "403", "a proxy on this machine")
        #expect(try await status("127.0.0.1", ["Forwarded: for=1.2.3.4", "Authorization: Bearer wrong"]) == "403")
        #expect(
            try await status("127.0.0.1", ["X-Forwarded-For: 1.2.3.4", "Authorization: Bearer metrics-secret"]) == "200"
        )
        // A machine of tests may have no address but loopback's.
        guard let own else { return }
        #expect(try await status(own) == "403")
        #expect(try await status(own, ["Authorization: Bearer metrics-secret"]) == "200")
    }

    @Test func aForgottenPasswordIsSetByTheOperator() async throws {
        let folder = try Scratch()
        let data = folder("data")
        let options = ["--data", data]
        var relay = try await ServedRelay(keys: ["sk-s": 1], options: options)
        var quota = ServedQuota(relay)
        let session = try await quota.register("forgets@test.example")
        let reset = ["serve", "--data", data, "--reset-password", "forgets@test.example"]
        let input = try folder.write("input", "a new password\n")
        // Not while a server runs, which would go on with what it knows.
        let busy = try await Command.quotaVoice(reset, input: input)
        #expect(busy.status == 73)
        #expect(busy.errors.contains("stop that first"), "\(busy.errors)")
        relay.process.signal(SIGTERM)
        _ = try await relay.process.result()
        let short = try await Command.quotaVoice(reset, input: folder.write("short", "short\n"))
        #expect(short.status == 64)
        let nobody = try await Command.quotaVoice(
            ["serve", "--data", data, "--reset-password", "no@test.example"], input: input)
        #expect(nobody.status == 66)
        let nowhere = try await Command.quotaVoice(
            ["serve", "--data", folder("none"), "--reset-password", "no@test.example"], input: input)
        #expect(nowhere.status == 66)
        #expect(!FileManager.default.fileExists(atPath: folder("none")))
        let done = try await Command.quotaVoice(reset, input: input)
        #expect(done.status == 0, "\(done.errors)")
        #expect(!(done.output + done.errors).contains("a new password"))
        relay = try await ServedRelay(keys: ["sk-s": 1], options: options)
        quota = ServedQuota(relay)
        func login(_ password: String) async throws -> Int {
            try await quota.ask(
                "POST", "/auth/login", json: #"{"email":"forgets@test.example","password":"\#(password)"}"#
            ).status
        }
        #expect(try await login("correct horse") == 401)
        #expect(try await login("a new password") == 200)
        #expect(try await quota.ask("GET", "/auth/me", session).status == 401, "old sessions have ended")
    }

    @Test func whenAKeyWasUsedIsShownAndKept() async throws {
        let folder = try Scratch()
        let options = ["--data", folder("data")]
        let relay = try await ServedRelay(keys: ["sk-s": 1], options: options)
        let quota = ServedQuota(relay)
        let session = try await quota.register()
        let key = try await quota.key(session)
        func uses(_ quota: ServedQuota) async throws -> [Any?] {
            let keys = try await quota.ask("GET", "/developers/keys", session).value("keys") as? [[String: Any]]
            return (keys ?? []).map { $0["last_used_at"] }
        }
        #expect(try await uses(quota).first is NSNull)
        _ = try await quota.ask("GET", "/v1/balance", key)
        let used = try #require(try await uses(quota).first as? String)
        relay.process.signal(SIGTERM)
        _ = try await relay.process.result()
        let again = try await ServedRelay(keys: ["sk-s": 1], options: options)
        #expect(try await uses(ServedQuota(again)).first as? String == used)
    }

    /// Old things go, a few hundred at a time; what money or the discovery of a theft needs stays.
    @Test func theDatabaseStaysSmall() async throws {
        let store = try Store()
        let now = WallTime.now
        let user = try await store.write { database in
            let user = try Accounts.create(email: nil, passwordHash: nil, now: now, in: database)
            for index in 0..<1_200 {
                _ = try Accounts.openSession(
                    seconds: index < 1_150 ? -8 * 86_400 : -86_400, of: user, now: now, in: database)
            }
            for days in [-31, -29] as [Int64] {
                let id = try #require(
                    try Checkout.open(
                        package: "pack_5", for: user, successURL: "https://a.example/", cancelURL: "https://a.example/",
                        now: now.adding(seconds: (days - 1) * 86_400), in: database))
                if days == -29 { continue }
                let paid = try Checkout.open(
                    package: "pack_5", for: user, successURL: "https://a.example/", cancelURL: "https://a.example/",
                    now: now.adding(seconds: -86_400 * 40), in: database)
                _ = try Checkout.pay(
                    try #require(paid), now: now.adding(seconds: -86_400 * 40), in: database)
                #expect(id != paid)
            }
            return user
        }
        var logger = Logger(label: "test")
        logger.logLevel = .critical
        try await Housekeeper(store: store, logger: logger).sweep(now: now)
        let left = try await store.read { database in
            [
                try Int.fetchOne(database, sql: "SELECT COUNT(*) FROM sessions"),
                try Int.fetchOne(database, sql: "SELECT COUNT(*) FROM checkouts WHERE state = 'open'"),
                try Int.fetchOne(database, sql: "SELECT COUNT(*) FROM checkouts WHERE state = 'paid'"),
                try Ledger.balance(of: user, in: database),
            ]
        }
        #expect(left == [50, 1, 1, 6_000_000])
    }
}
