import Foundation
import ProcessSupport
import QuotaAPI
import Synchronization
import Testing

/// The commands of quota-voice as a person runs them, against a server process.
@Suite struct CommandTests {
    /// A person's account on a machine: a home of its own.
    private struct Home {
        let folder = NSTemporaryDirectory() + "quota-home-\(UUID().uuidString)"

        func remove() { try? FileManager.default.removeItem(atPath: folder) }
    }

    private struct Outcome {
        let status: Int32
        let output: String
        let errors: String
    }

    private static let folder = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
        .deletingLastPathComponent()

    /// - Parameter onErrors: gets standard error as it comes.
    private func run(
        _ arguments: [String], home: Home, environment: [String: String] = [:], input: String = "",
        onErrors: @escaping @Sendable (String) -> Void = { _ in }
    ) async throws -> Outcome {
        let process = ChildProcess()
        process.executableURL = Self.folder.appendingPathComponent("quota-voice")
        process.arguments = arguments
        process.environment = ["PATH": "/usr/bin:/bin", "HOME": home.folder].merging(environment) { $1 }
        let (stdin, stdout, stderr) = (Pipe(), Pipe(), Pipe())
        process.standardInput = stdin
        process.standardOutput = stdout
        process.standardError = stderr
        return try await withCheckedThrowingContinuation { continuation in
            Thread.detachNewThread {
                do {
                    try process.run()
                    try stdin.fileHandleForWriting.write(contentsOf: Data(input.utf8))
                    try stdin.fileHandleForWriting.close()
                    let errors = Mutex("")
                    while true {
                        // What is there; `read(upToCount:)` would wait for all it asks for.
                        let part = stderr.fileHandleForReading.availableData
                        if part.isEmpty { break }
                        let text = errors.withLock { errors in
                            errors += String(decoding: part, as: UTF8.self)
                            return errors
                        }
                        onErrors(text)
                    }
                    let output = try stdout.fileHandleForReading.readToEnd() ?? Data()
                    process.waitUntilExit()
                    continuation.resume(
                        returning: Outcome(
                            status: process.terminationStatus, output: String(decoding: output, as: UTF8.self),
                            errors: errors.withLock { $0 }))
                } catch {
                    continuation.resume(throwing: error)
                }
            }
        }
    }

    private func key(_ world: World) -> [String: String] {
        ["QUOTA_API_KEY": "sk-quota-good", "QUOTA_BASE_URL": world.baseURL]
    }

    @Test func anAPIKeyShowsAccountBalanceAndModels() async throws {
        let world = try await Peer.shared.world()
        let home = Home()
        defer { home.remove() }
        let me = try await run(["whoami"], home: home, environment: key(world))
        #expect(me.output == "a@b.example (user_1)\nbalance: $5.00\n")
        #expect(me.status == 0)
        #expect(try await run(["balance"], home: home, environment: key(world)).output == "$5.00\n")
        let json = try await run(["balance", "--json"], home: home, environment: key(world)).output
        #expect(try JSONDecoder().decode(WalletBalance.self, from: Data(json.utf8)).balance == 5_000_000)
        #expect(try await run(["models"], home: home, environment: key(world)).output.contains("per_second 0.0025"))
        let packages = try await run(["packages", "--base-url", world.baseURL], home: home)
        #expect(packages.output == "pack_5  $5.00 for $5.00\n")
    }

    @Test func aMissingWalletIsNotShownAsZero() async throws {
        let world = try await Peer.shared.world([:], ["wallet": "none"])
        let home = Home()
        #expect(try await run(["whoami"], home: home, environment: key(world)).output.contains("no wallet"))
    }

    @Test func chatStreamsAndBills() async throws {
        let world = try await Peer.shared.world()
        let home = Home()
        let chat = try await run(["chat", "olleh"], home: home, environment: key(world))
        #expect(chat.output == "hello\n")
        #expect(chat.errors == "$0.0012, $4.9988 left\n")
        let json = try await run(["chat", "-", "--json"], home: home, environment: key(world), input: "ab")
        #expect(try JSONDecoder().decode(ChatCompletion.self, from: Data(json.output.utf8)).text == "ba")
    }

    @Test func credentialsAreFoundInOrder() async throws {
        let world = try await Peer.shared.world()
        let home = Home()
        defer { home.remove() }
        try FileManager.default.createDirectory(atPath: home.folder, withIntermediateDirectories: true)
        let file = home.folder + "/key"
        try "sk-quota-good\n".write(toFile: file, atomically: true, encoding: .utf8)
        let bad = ["QUOTA_API_KEY": "sk-quota-hidden", "QUOTA_BASE_URL": world.baseURL]
        #expect(try await run(["balance", "--token-file", file], home: home, environment: bad).status == 0)
        let refused = try await run(["balance"], home: home, environment: bad)
        #expect(refused.status == 77)
        #expect(!refused.errors.contains("hidden"))
        #expect(refused.errors.contains("look at the dashboard"))
        let none = try await run(["balance", "--base-url", world.baseURL], home: home)
        #expect(none.status == 77)
        #expect(none.errors.contains("quota-voice login"))
        let nowhere = try await run(["balance", "--base-url", "http://127.0.0.1:1"], home: home, environment: bad)
        #expect(nowhere.status == 69)
    }

    @Test func loginKeepsASignInThatLogoutEnds() async throws {
        let world = try await Peer.shared.world([:], ["expires_in": 1])
        let home = Home()
        defer { home.remove() }
        let base = ["QUOTA_BASE_URL": world.baseURL]
        let isVisited = Mutex(false)
        let login = try await run(["login", "--no-browser"], home: home, environment: base) { errors in
            guard let start = errors.firstRange(of: world.baseURL + "/oauth/authorize"),
                let end = errors[start.lowerBound...].firstIndex(of: "\n"),
                isVisited.withLock({ visited in
                    defer { visited = true }
                    return !visited
                })
            else { return }
            let url = String(errors[start.lowerBound..<end])
            // A browser in a process of its own, which follows redirects.
            let browser = ChildProcess()
            browser.executableURL = URL(fileURLWithPath: "/usr/bin/env")
            let visit = "import sys, urllib.request as u; u.urlopen(sys.argv[1]).read()"
            browser.arguments = ["python3", "-c", visit, url]
            #expect(throws: Never.self) { try browser.run() }
        }
        #expect(login.output == "Signed in as a@b.example.\n")
        #expect(login.status == 0)
        // No keyring on this machine: said once.
        #expect(login.errors.contains("tokens.key"))
        for secret in ["quota_token", "quota_refresh", "code_0"] { #expect(!login.errors.contains(secret)) }
        let state = home.folder + "/.local/state/quota-voice"
        for name in try FileManager.default.contentsOfDirectory(atPath: state) {
            let bytes = try Data(contentsOf: URL(fileURLWithPath: "\(state)/\(name)"))
            #expect(bytes.range(of: Data("quota_".utf8)) == nil, "\(name)")
        }
        // The token lives for a second: later runs refresh it and keep what they get.
        try await Task.sleep(for: .seconds(1.1))
        for _ in 0..<2 {
            let me = try await run(["whoami"], home: home, environment: base)
            #expect(me.status == 0, "\(me.errors)")
        }
        #expect(try await world.count("POST /oauth/token") >= 2)
        let logout = try await run(["logout"], home: home, environment: base)
        #expect(logout.output == "Signed out.\n")
        #expect(try await world.count("POST /oauth/revoke") == 1)
        #expect(try await run(["whoami"], home: home, environment: base).status == 77)
    }

    /// The price is said before a conversion that a wallet pays; without a key there is none.
    @Test func convertSaysWhatItCosts() async throws {
        let home = Home()
        defer { home.remove() }
        try FileManager.default.createDirectory(atPath: home.folder, withIntermediateDirectories: true)
        let input = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appendingPathComponent("fixtures/speech-female.wav").path
        let free = try await run(["convert", input, "-o", home.folder + "/a.wav"], home: home)
        #expect(free.status == 0, "\(free.errors)")
        #expect(!free.errors.contains("of sound"))
        try await VoiceSessionTests.withRelay { client in
            let base = client.description.split(separator: "(")[1].split(separator: ",")[0].description
            let paid = try await run(
                ["convert", input, "-o", home.folder + "/b.wav", "--relay", base], home: home,
                environment: ["QUOTA_API_KEY": "sk-quota-good"])
            #expect(paid.status == 0, "\(paid.errors)")
            #expect(paid.errors.hasPrefix("5.7 s of sound: $0.014147, $100.00 in the wallet\n"), "\(paid.errors)")
            #expect(paid.errors.contains("$99.98"), "\(paid.errors)")
        }
        // This one has a wallet and no relay: the price comes first, the refusal after it.
        let world = try await Peer.shared.world()
        let asked = try await run(
            ["convert", input, "-o", home.folder + "/c.wav"], home: home, environment: key(world))
        #expect(asked.status == 69)
        #expect(asked.errors.hasPrefix("5.7 s of sound: $0.0"))
        #expect(asked.errors.contains("in the wallet"))
    }

    @Test func topupWaitsForTheCredits() async throws {
        let rich: QuotaJSON = ["json": ["wallet": "developer", "developer_balance": 10_000_000]]
        let world = try await Peer.shared.world(["GET /v1/balance": [[:], [:], rich]])
        let home = Home()
        let topup = try await run(["topup", "pack_5", "--no-browser"], home: home, environment: key(world))
        #expect(topup.errors.contains("https://pay.example/pack_5"))
        #expect(topup.output == "balance: $10.00\n")
        let unknown = try await run(["topup", "pack_9", "--no-browser"], home: home, environment: key(world))
        #expect(unknown.status == 64)
        #expect(unknown.errors.contains("pack_5"))
    }

    @Test func webhookVerifyJudgesADelivery() async throws {
        let home = Home()
        let body = #"{"id":"evt_1","type":"balance.low","created_at":"2026-01-01T00:00:00Z","data":{}}"#
        let secret = ["QUOTA_WEBHOOK_SECRET": "whsec_hidden"]
        let signed = try await Peer.shared.ask("/_webhook", ["body": .string(body), "secret": "whsec_hidden"])
        let signature = try #require(signed["signature"]?.string)
        let good = try await run(
            ["webhook", "verify", "--signature", signature], home: home, environment: secret, input: body)
        #expect(good.status == 0)
        let bad = try await run(
            ["webhook", "verify", "--signature", signature, "--json"], home: home, environment: secret,
            input: body + " ")
        #expect(bad.status == 65)
        #expect(bad.output.contains("\"valid\" : false"))
        #expect(!(bad.output + bad.errors).contains("hidden"))
    }

    /// While a command talks to a slow server, its secrets are not in its arguments.
    @Test func aRunningCommandKeepsItsSecrets() async throws {
        let world = try await Peer.shared.world(["GET /v1/balance": ["held": true]])
        let home = Home()
        defer { home.remove() }
        try FileManager.default.createDirectory(atPath: home.folder, withIntermediateDirectories: true)
        let file = home.folder + "/key"
        try "sk-quota-good\n".write(toFile: file, atomically: true, encoding: .utf8)
        let arguments = ["balance", "--base-url", world.baseURL, "--token-file", file]
        async let outcome = run(arguments, home: home)
        while try await world.log().isEmpty { try await Task.sleep(for: .milliseconds(20)) }
        var found = 0
        for name in try FileManager.default.contentsOfDirectory(atPath: "/proc") where Int(name) != nil {
            guard let line = try? String(contentsOfFile: "/proc/\(name)/cmdline", encoding: .utf8), line.contains(file)
            else { continue }
            found += 1
            #expect(!line.contains("sk-quota-good"))
        }
        #expect(found == 1)
        try await world.release()
        #expect(try await outcome.status == 0)
    }
}
