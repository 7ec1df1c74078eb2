import Foundation
import ProcessSupport
import Testing

/// A server whose voices are another's: two real processes, and what becomes of a session when one of them dies.
@Suite(.boundedCrowd) struct UpstreamRelayTests {
    private static let secret = "sk-quota-operators-own"

    /// A server in front of `upstream`, with the operator's key in a file.
    private func front(
        _ upstream: String, key: String = secret, options: [String] = []
    ) async throws -> (relay: ServedRelay, folder: Scratch) {
        let folder = try Scratch()
        let file = try folder.write("upstream-key", key + "\n")
        let relay = try await ServedRelay(
            keys: ["sk-user": 100_000],
            options: ["--upstream-relay", upstream, "--upstream-token-file", file] + options)
        return (relay, folder)
    }

    private func balance(_ relay: ServedRelay, _ key: String) async throws -> Int? {
        try await ServedQuota(relay).ask("GET", "/v1/balance", key).number("developer_balance")
    }

    @Test func soundGoesThroughBothAndEachBillsItsOwn() async throws {
        let back = try await ServedRelay(keys: [Self.secret: 200_000])
        let (relay, _) = try await front(back.url)
        let transcripts = try await PeerClient.run(
            relay.url,
            sessions: [
                [.auth("sk-user"), .wait("ready"), .audio(24_000, speed: 1.3), .end, .wait("close")],
                [
                    .auth("sk-user", ["format": "opus_16k_mono", "max_duration_seconds": 20]), .wait("ready"),
                    .opus(16_000, speed: 1.3), .end, .wait("close"),
                ],
            ])
        #expect(transcripts.map(\.closeCode) == [1000, 1000], "\(transcripts.map(\.closeReason))")
        let plain = try #require(transcripts.first)
        #expect(plain.samplesReceived == 24_000 + (plain.first("ready")?.delaySamples ?? 0))
        #expect(plain.differingSamples == 0, "voice none gives back every bit, through two relays")
        #expect(plain.first("done")?.creditsUsed == 3_750)
        let used = transcripts.compactMap { $0.first("done")?.creditsUsed }.reduce(0, +)
        #expect(try await balance(relay, "sk-user") == 100_000 - used)
        #expect(try await balance(back, Self.secret) == 200_000 - used)
    }

    /// The processor's plug is pulled in mid-session: the user hears it by name at once, and pays what was said.
    @Test func anUpstreamThatDiesIsDisconnected() async throws {
        let back = try await ServedRelay(keys: [Self.secret: 200_000])
        let (relay, _) = try await front(back.url)
        // A second has been counted when the plug is pulled, which is to be paid.
        let steps =
            [.auth("sk-user", ["max_duration_seconds": 40]), .wait("ready"), .audio(16_000)]
            + PeerClient.Step.counted + [.mark("in"), .audio(1_600_000)]
        let client = try PeerClient.start(relay.url, [steps])
        try await client.wait(for: "the session") { client.errorsSoFar.contains("in") }
        back.process.signal(SIGKILL)
        let session = try #require(try await PeerClient.transcripts(client).first)
        #expect(session.closeCode == 4502)
        #expect(session.closeReason?.hasPrefix("UPSTREAM_DISCONNECTED") == true)
        #expect(session.events.last?.code == "UPSTREAM_DISCONNECTED")
        let left = try #require(try await balance(relay, "sk-user"))
        #expect(left <= 100_000 - 2_500)
        #expect(left >= 100_000 - (session.samplesSent * 2_500 + 15_999) / 16_000)
        // Nothing is there any more: the next one is told the same, before it is billed.
        let next = try await PeerClient.run(relay.url, [.auth("sk-user"), .wait("close")])
        #expect(next.closeCode == 4502)
        #expect(next.first("ready") == nil)
        #expect(try await balance(relay, "sk-user") == left)
        try await relay.process.wait(for: "the log") { relay.process.errorsSoFar.contains("can't be reached") }
    }

    /// What the operator owes is not the user's business; the log says it, without the key.
    @Test(arguments: [("sk-quota-unknown", "INVALID_AUTH"), ("sk-quota-poor", "BALANCE_EXHAUSTED")])
    func theOperatorsAffairsStayTheOperators(_ key: String, _ logged: String) async throws {
        let back = try await ServedRelay(keys: ["sk-quota-poor": 2_000])
        let (relay, _) = try await front(back.url, key: key)
        let session = try await PeerClient.run(relay.url, [.auth("sk-user"), .wait("close")])
        #expect(session.closeCode == 4502)
        let heard = session.events.compactMap(\.message).joined() + (session.closeReason ?? "")
        #expect(!heard.contains("key") && !heard.contains("wallet") && !heard.contains("credits"), "\(heard)")
        #expect(try await balance(relay, "sk-user") == 100_000)
        relay.process.signal(SIGTERM)
        let log = try await relay.process.result().errors
        #expect(log.contains(logged), "\(log)")
        #expect(!log.contains(key), "\(log)")
    }

    @Test func voicesAreTheOtherEnds() async throws {
        let back = try await ServedRelay(keys: [Self.secret: 10_000_000])
        let (relay, _) = try await front(back.url)
        let transcripts = try await PeerClient.run(
            relay.url,
            sessions: [
                [.auth("sk-user", ["voice": "nobody-knows", "max_duration_seconds": 2]), .wait("close")],
                [
                    .auth("sk-user", ["voice": "adam", "max_duration_seconds": 18]), .wait("ready"), .audio(1_600),
                    .text(#"{"type":"voice","voice":"rachel"}"#), .text(#"{"type":"voice","voice":"none"}"#),
                    .text(#"{"type":"voice","voice":"nobody-at-all"}"#), .audio(1_600),
                    .wait("voice", count: 3), .end, .wait("close"),
                ],
                [
                    .auth("sk-user", ["max_duration_seconds": 18]), .wait("ready"),
                    .text(#"{"type":"voice","voice":"nobody-knows"}"#), .audio(1_600), .wait("voice"), .end,
                    .wait("close"),
                ],
            ])
        // A voice that is not there at the other end ends nothing there, and nothing here.
        #expect(transcripts.map(\.closeCode) == [1008, 1000, 1000], "\(transcripts.map(\.closeReason))")
        #expect(transcripts[0].events.last?.message?.contains("nobody-knows") == true)
        // What the other end answers is passed on, and offered here as there.
        #expect(transcripts[1].first("ready")?.features?.contains("voice_answer") == true)
        #expect(transcripts[1].events("voice").map(\.voice) == ["rachel", "none", "none"])
        #expect(transcripts[1].events("voice").map(\.refused) == [nil, nil, "nobody-at-all"])
        #expect(transcripts[2].events("voice").map(\.voice) == ["none"])
        #expect(transcripts[2].first("voice")?.refused == "nobody-knows")
        #expect(transcripts[2].first("voice")?.message?.contains("nobody-knows") == true)
    }

    /// A relay that stands still is found by its heartbeat.
    @Test func anUpstreamThatHangsIsDisconnected() async throws {
        let back = try await ServedRelay(keys: [Self.secret: 200_000], options: ["--heartbeat", "2.5"])
        let (relay, _) = try await front(back.url)
        let client = try PeerClient.start(
            relay.url, [[.auth("sk-user"), .wait("ready"), .mark("in"), .audio(1_600_000)]])
        try await client.wait(for: "the session") { client.errorsSoFar.contains("in") }
        back.process.signal(SIGSTOP)
        let session = try #require(try await PeerClient.transcripts(client).first)
        back.process.signal(SIGCONT)
        #expect(session.closeCode == 4502)
    }
}
