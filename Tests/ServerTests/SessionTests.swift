import Foundation
import ProcessSupport
import Testing

/// `quota-voice serve` met by a client that is not ours: what a session may do.
@Suite(.boundedCrowd) struct SessionTests {
    private static let key = "sk-quota-server"
    private static let relay = Task { try await ServedRelay(keys: [key: 1_000_000_000]) }

    private func run(_ steps: [PeerClient.Step]) async throws -> PeerClient.Transcript {
        try await PeerClient.run(Self.relay.value.url, steps)
    }

    @Test func readyHasTheProfilesFields() async throws {
        let session = try await run([.auth(Self.key), .wait("ready"), .close])
        let ready = try #require(session.events.first)
        #expect(ready.type == "ready")
        #expect(ready.sessionId?.hasPrefix("v2v_") == true)
        #expect(ready.reservedCredits == 20 * 2_500)
        #expect(ready.heartbeatSeconds == 5)
        #expect(Set(ready.features ?? []).isSuperset(of: ["end", "usage", "voice"]))
        #expect(ready.formats?.contains("pcm_16le_16k_mono") == true)
        #expect((ready.delaySamples ?? -1) > 0)
        #expect(session.closeCode == 1000)
    }

    /// All that was sent comes back, moved by the declared delay, and is billed to the credit.
    @Test(arguments: [(16_000, 320), (15_999, 160), (1, 1), (0, 320), (12_345, 1_000), (8_000, 33)])
    func endGivesTheRestAndTheBill(_ samples: Int, _ frame: Int) async throws {
        let session = try await run([
            .auth(Self.key), .wait("ready"), .audio(samples, frame: frame, speed: 1.3), .end, .wait("close"),
        ])
        let delay = try #require(session.first("ready")?.delaySamples)
        #expect(session.samplesSent == samples)
        #expect(session.samplesReceived == samples + delay)
        #expect(session.differingSamples == 0)
        let done = try #require(session.events.last)
        #expect(done.type == "done")
        #expect(done.seconds == Double(samples) / 16_000)
        let credits = (samples * 2_500 + 15_999) / 16_000
        #expect(done.creditsUsed == credits)
        #expect(done.creditsRefunded == 50_000 - credits)
        #expect(session.closeCode == 1000)
    }

    @Test func usageComesAboutOnceASecond() async throws {
        let session = try await run([
            .auth(Self.key), .wait("ready"), .audio(24_000), .wait("usage"), .audio(16_000), .wait("usage", count: 2),
            .audio(16_000), .end, .wait("close"),
        ])
        let usage = session.events("usage")
        #expect(usage.count >= 2)
        for (earlier, later) in zip(usage, usage.dropFirst()) {
            #expect(try #require(later.seconds) > #require(earlier.seconds))
        }
        // A busy machine may hand over late, and two at once, but never before a second has gone for each.
        for (index, message) in usage.enumerated() { #expect(message.at >= Double(index + 1)) }
        for message in usage {
            let seconds = try #require(message.seconds)
            let used = try #require(message.creditsUsed)
            #expect(abs(Double(used) - seconds * 2_500) <= 1)
            #expect(try #require(message.creditsLeft) > 0)
        }
    }

    /// 1.47 times real time is what our own client does with a file.
    @Test func belowTheCeilingIsFine() async throws {
        let session = try await run([
            .auth(Self.key), .wait("ready"), .audio(64_000, speed: 1.47), .end, .wait("close"),
        ])
        #expect(session.closeCode == 1000)
        #expect(session.differingSamples == 0)
        #expect(session.first("done")?.creditsUsed == 10_000)
    }

    /// 1.5 seconds of sound at once and a few per cent are within the tolerance; far beyond it not even a server that was
    /// held up itself forgives. RateMeterTests have the exact bound, in virtual time.
    @Test func theCeilingHasALittleTolerance() async throws {
        let within = try await run([
            .auth(Self.key), .wait("ready"), .audio(25_200, frame: 1_200, speed: 0), .end, .wait("close"),
        ])
        #expect(within.closeCode == 1000)
        let beyond = try await run([
            .auth(Self.key), .wait("ready"), .audio(160_000, frame: 1_200, speed: 0), .wait("close"),
        ])
        #expect(beyond.closeCode == 4_415)
        #expect(beyond.closeReason?.hasPrefix("FORMAT_VIOLATION") == true)
        #expect(beyond.events.last?.code == "FORMAT_VIOLATION")
    }

    @Test func aSteadyStreamThatIsTooFastIsNoticed() async throws {
        let session = try await run([
            .auth(Self.key, ["max_duration_seconds": 60]), .wait("ready"), .audio(640_000, speed: 2), .wait("close"),
        ])
        #expect(session.closeCode == 4_415)
        #expect(session.samplesSent < 640_000)
    }

    @Test func theVoiceChangesInsideTheSession() async throws {
        let session = try await run([
            .auth(Self.key, ["voice": "rachel"]), .wait("ready"),
            .audio(16_000, speed: 1.4, file: Checkout.fixture("speech-female.wav")),
            .text(#"{"type":"voice","voice":"adam"}"#),
            .audio(8_000, speed: 1.2, file: Checkout.fixture("speech-female.wav")), .end, .wait("close"),
        ])
        #expect(session.closeCode == 1000)
        #expect(session.samplesReceived == 24_000 + (try #require(session.first("ready")?.delaySamples)))
        #expect(session.loudest > 1_000)
        // Another voice is not what was sent.
        #expect(session.differingSamples > 12_000)
        #expect(session.first("voice")?.voice == "adam")
    }

    /// A voice that is not there ends nothing: the client is told, and the old one goes on.
    @Test func anUnknownVoiceLeavesTheSessionAsItIs() async throws {
        let session = try await run([
            .auth(Self.key, ["voice": "none"]), .wait("ready"), .text(#"{"type":"voice","voice":"nobody"}"#),
            .wait("voice"), .audio(16_000, speed: 1.4, file: Checkout.fixture("speech-female.wav")), .end,
            .wait("close"),
        ])
        #expect(session.first("ready")?.features?.contains("voice_answer") == true)
        let answer = try #require(session.first("voice"))
        #expect(answer.voice == "none")
        #expect(answer.refused == "nobody")
        #expect(answer.message?.contains("unknown voice nobody") == true)
        #expect(session.closeCode == 1000)
        #expect(session.differingSamples == 0)
    }

    @Test func unknownTypesAndFieldsAreIgnored() async throws {
        let session = try await run([
            .auth(Self.key, ["colour": ["red", 1.5, NSNull()], "nested": ["a": ["b": true]]]), .wait("ready"),
            .text(#"{"type":"weather","sky":[1,{"x":null}]}"#), .audio(3_200),
            .text(#"{"type":"applause","volume":11}"#), .text(#"{"type":"end","why":"done"}"#), .wait("close"),
        ])
        #expect(session.closeCode == 1000)
        #expect(session.differingSamples == 0)
        #expect(session.first("done")?.creditsUsed == 500)
    }

    @Test func oneFrameMayHoldASecondsAllowance() async throws {
        // 64 KiB, the format's limit, is more than the rate ceiling allows at once.
        let session = try await run([
            .auth(Self.key), .wait("ready"), .audio(24_000, frame: 24_000, speed: 0), .end, .wait("close"),
        ])
        #expect(session.closeCode == 1000)
        #expect(session.differingSamples == 0)
        #expect(session.frameBytesMax <= 65_536)
    }

    @Test func pingsAreAnsweredAtOnce() async throws {
        let session = try await run([.auth(Self.key), .wait("ready"), .ping, .ping, .close])
        #expect(session.events("(pong)").count == 2)
        #expect(session.closeCode == 1000)
    }

    @Test func manySessionsAtOnceDoNotMix() async throws {
        let sessions = (0..<12).map { index -> [PeerClient.Step] in
            [
                .auth(Self.key), .wait("ready"), .audio(9_600 + 100 * index, frame: 160 + index, speed: 1.2), .end,
                .wait("close"),
            ]
        }
        let transcripts = try await PeerClient.run(Self.relay.value.url, sessions: sessions)
        #expect(transcripts.count == 12)
        #expect(Set(transcripts.compactMap { $0.first("ready")?.sessionId }).count == 12)
        for (index, session) in transcripts.enumerated() {
            #expect(session.closeCode == 1000)
            #expect(session.differingSamples == 0)
            #expect(session.first("done")?.creditsUsed == ((9_600 + 100 * index) * 2_500 + 15_999) / 16_000)
        }
    }
}
