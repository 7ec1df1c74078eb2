import Foundation
import ProcessSupport
import Testing

/// Heartbeats, limits, HTTP, start and stop of the server process.
@Suite(.boundedCrowd) struct LifeTests {
    @Test func aPeerThatGoesSilentIsGivenUp() async throws {
        // So long that a client which waits for the processor is not taken for a silent one.
        let relay = try await ServedRelay(keys: ["sk-l": 50_000], options: ["--heartbeat", "3"])
        let session = try await PeerClient.run(
            relay.url, [.auth("sk-l"), .wait("ready"), .deaf, .wait("close")])
        #expect(session.first("ready")?.heartbeatSeconds == 3)
        #expect(session.closeCode == 4504)
        #expect(session.closeReason?.hasPrefix("HEARTBEAT_LOST") == true)
        // The reservation came back.
        let next = try await PeerClient.run(relay.url, [.auth("sk-l"), .wait("ready"), .close])
        #expect(next.first("ready")?.reservedCredits == 50_000)
    }

    @Test func aPeerThatAnswersPingsStays() async throws {
        let relay = try await ServedRelay(keys: ["sk-l": 500_000], options: ["--heartbeat", "3"])
        let session = try await PeerClient.run(
            relay.url,
            [.auth("sk-l", ["max_duration_seconds": 100]), .wait("ready"), .pinged(3), .end, .wait("close")])
        #expect(session.closeCode == 1000)
        #expect(session.serverPings >= 3)
        // One for each interval; some are gone before the client looks at its clock first.
        #expect(Double(session.serverPings) <= (session.closedAt ?? 0) / 3 + 3)
    }

    @Test func oneSessionTooManyIsAskedToComeAgain() async throws {
        let relay = try await ServedRelay(keys: ["sk-l": 1_000_000], options: ["--sessions", "2"])
        let holders = try PeerClient.start(
            relay.url,
            [
                [
                    .auth("sk-l", ["max_duration_seconds": 150]), .wait("ready"), .mark("in"),
                    .wait("close", seconds: 150),
                ],
                [
                    .auth("sk-l", ["max_duration_seconds": 150]), .wait("ready"), .mark("in"),
                    .wait("close", seconds: 150),
                ],
            ])
        try await holders.wait(for: "both sessions") { holders.sessions(at: "in") == 2 }
        let third = try await PeerClient.run(relay.url, [.wait("close")])
        #expect(third.closeCode == 1013)
        #expect(third.closeReason?.contains("sessions") == true)
        holders.signal(SIGKILL)
        _ = try await holders.result()
        var next = try await PeerClient.run(relay.url, [.auth("sk-l"), .wait("ready"), .close])
        for _ in 0..<200 where next.closeCode == 1013 {
            next = try await PeerClient.run(relay.url, [.auth("sk-l"), .wait("ready"), .close])
        }
        #expect(next.first("ready") != nil)
    }

    @Test func plainHTTPIsAnswered() async throws {
        let relay = try await ServedRelay(keys: ["sk-l": 1])
        let script = """
            import http.client, sys
            for path in sys.argv[2:]:
                connection = http.client.HTTPConnection("127.0.0.1", int(sys.argv[1]), timeout=10)
                connection.request("GET", path)
                answer = connection.getresponse()
                print(path, answer.status, answer.getheader("Upgrade"), repr(answer.read()))
            """
        let paths = ["/health", "/v1/audio/voice-conversion", "/nowhere", "/v1/audio", "/health?x=1"]
        let nothing = #"b'{"error":{"code":"not_found","message":"Not Found"}}'"#
        let result = try await Command.run(Checkout.python, ["-c", script, "\(relay.port)"] + paths)
        #expect(result.status == 0, "\(result.errors)")
        #expect(
            result.outputLines == [
                "/health 200 None b'ok\\n'", "/v1/audio/voice-conversion 426 websocket b''",
                "/nowhere 404 None \(nothing)", "/v1/audio 404 None \(nothing)", "/health?x=1 200 None b'ok\\n'",
            ])
    }

    /// A WebSocket on another path is not a relay.
    @Test func anotherPathIsNoRelay() async throws {
        let relay = try await ServedRelay(keys: ["sk-l": 1])
        let client = try PeerClient.start(relay.url + "/elsewhere", [[.wait("close")]])
        let result = try await client.result()
        #expect(result.status != 0)
        #expect(result.errors.contains("404"), "\(result.errors)")
    }

    @Test(arguments: [SIGTERM, SIGINT]) func stopsGracefullyWithSessionsOpen(_ signal: Int32) async throws {
        let relay = try await ServedRelay(keys: ["sk-l": 1_000_000])
        let steps: [PeerClient.Step] = [
            .auth("sk-l"), .wait("ready"), .mark("in"), .audio(160_000), .wait("close", seconds: 20),
        ]
        let clients = try PeerClient.start(relay.url, [steps, steps])
        try await clients.wait(for: "both sessions") { clients.sessions(at: "in") == 2 }
        relay.process.signal(signal)
        let result = try await relay.process.result(within: 60)
        #expect(result.status == 0, "\(result.errors)")
        for session in try await PeerClient.transcripts(clients) {
            #expect(session.closeCode == 1001)
            #expect(session.closeReason?.hasPrefix("UPSTREAM_DISCONNECTED") == true)
        }
    }

    @Test func aPortThatIsTakenIsNamed() async throws {
        let relay = try await ServedRelay(keys: ["sk-l": 1])
        let folder = try Scratch()
        let result = try await Command.quotaVoice(
            ["serve", "--port", "\(relay.port)", "--token-file", try folder.write("keys", "sk-x\n")])
        #expect(result.status == 69)
        #expect(result.errors.contains("127.0.0.1:\(relay.port)"), "\(result.errors)")
        #expect(result.errors.contains("--port"), "\(result.errors)")
    }

    @Test func keyFilesThatMakeNoSense() async throws {
        let folder = try Scratch()
        let files: [(String, Int32, String)] = [
            ("", 64, "no key"), ("# nothing\n", 64, "no key"), ("sk-good 5\nsk-secret many\n", 64, "line 2"),
            ("sk-secret -1\n", 64, "line 1"),
        ]
        for (text, status, part) in files {
            let result = try await Command.quotaVoice(
                ["serve", "--port", "0", "--token-file", try folder.write("keys", text)])
            #expect(result.status == status)
            #expect(result.errorLines.count == 1)
            #expect(result.errors.contains(part), "\(result.errors)")
            #expect(!result.errors.contains("sk-secret"))
        }
        let missing = try await Command.quotaVoice(["serve", "--token-file", folder("nowhere")])
        #expect(missing.status == 66)
    }

    /// Without a key file the server makes a key for its user alone, once.
    @Test func aKeyOfItsOwn() async throws {
        let home = try Scratch()
        var first = ""
        for _ in 0..<2 {
            let process = try RunningProcess(
                Checkout.binary, ["serve", "--port", "0"], environment: ["HOME": home.path])
            try await process.wait(for: "listening") { process.errorsSoFar.contains("try:") }
            let key = String(decoding: try home.read(".local/state/quota-voice/serve-key"), as: UTF8.self)
            #expect(key.hasPrefix("sk-quota-"))
            #expect(first.isEmpty || first == key)
            first = key
            var status = stat()
            #expect(stat(home(".local/state/quota-voice/serve-key"), &status) == 0)
            #expect(status.st_mode & 0o777 == 0o600)
            let word = try #require(key.split(separator: " ").first)
            #expect(!(process.outputSoFar + process.errorsSoFar).contains(word))
            process.signal(SIGTERM)
            #expect(try await process.result().status == 0)
        }
    }
}
