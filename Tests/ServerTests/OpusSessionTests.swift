import Foundation
import ProcessSupport
import Testing

/// `opus_16k_mono` at the server, by a client that is not ours and has an Opus of its own.
@Suite(.boundedCrowd) struct OpusSessionTests {
    private static let key = "sk-quota-opus-server"
    private static let relay = Task { try await ServedRelay(keys: [key: 1_000_000_000]) }

    private func run(_ steps: [PeerClient.Step]) async throws -> PeerClient.Transcript {
        try await PeerClient.run(Self.relay.value.url, steps)
    }

    private func auth(_ fields: [String: Any] = [:]) -> PeerClient.Step {
        .auth(Self.key, ["format": "opus_16k_mono"].merging(fields) { $1 })
    }

    /// Packets of any length up to 20 ms: what comes back is the sound, as late as declared, billed by its seconds.
    @Test(arguments: [320, 160, 80, 40]) func soundComesBackAsLateAsDeclared(_ packet: Int) async throws {
        let folder = try Scratch()
        let seconds = 2
        let session = try await run([
            auth(), .wait("ready"),
            .opus(
                seconds * 16_000, packet: packet, speed: 1.4, file: Checkout.fixture("speech-female.wav"),
                bitsPerSecond: packet < 160 ? 60_000 : 24_000), .end, .wait("close"), .save(folder("answer.wav")),
        ])
        #expect(session.closeCode == 1000, "\(session.closeReason ?? "")")
        let ready = try #require(session.first("ready"))
        #expect(ready.formats == ["pcm_16le_16k_mono", "opus_16k_mono"])
        let delay = try #require(ready.delaySamples)
        // The client's encoder holds 104 samples back, so a little silence follows the sound.
        let samplesIn = (seconds * 16_000 + 104 + packet - 1) / packet * packet
        #expect(session.first("done")?.creditsUsed == (samplesIn * 2_500 + 15_999) / 16_000)
        #expect(session.first("done")?.seconds == Double(samplesIn) / 16_000)
        #expect(session.samplesReceived >= samplesIn + delay)
        #expect(session.samplesReceived < samplesIn + delay + 320)
        let answer = try WaveSound(file: folder("answer.wav")).samples
        let sound = try WaveSound.speech("speech-female.wav", seconds: Double(seconds)).samples
        let lags = (0...2 * (delay + 104)).map { lag in
            (lag: lag, score: (0..<24_000).reduce(Float(0)) { $0 + sound[$1] * answer[$1 + lag] })
        }
        let best = try #require(lags.max { $0.score < $1.score })
        #expect(abs(best.lag - delay - 104) <= 1)
        #expect(session.frameBytesMax == 60)
    }

    /// Each with its typed close: none reaches the converter.
    static let wrongs: [(String, String, [PeerClient.Step])] = [
        ("nothing", "0 bytes", [.hex("")]),
        ("two frames of odd length", "4 bytes", [.hex("49000000")]),
        ("no frame count", "1 bytes", [.hex("4b")]),
        ("zero frames", "2 bytes", [.hex("4b00")]),
        ("padding beyond the end", "3 bytes", [.hex("4b41ff")]),
        ("40 ms", "2 bytes", [.hex("5000")]),
        ("two of 20 ms", "3 bytes", [.hex("490000")]),
        ("120 ms", "2 bytes", [.hex("4b06")]),
        ("a frame that is too long", "1300 bytes", [.hex(String(repeating: "00", count: 1_300))]),
        ("PCM", "640 bytes", [.hex("0b" + String(repeating: "ff", count: 639))]),
        ("2 times real time", "1.5 times", [.opus(192_000, speed: 2)]),
        ("256 kbit/s", "12000 bytes", [.opus(160_000, speed: 1, bitsPerSecond: 256_000)]),
    ]

    @Test(arguments: wrongs.indices) func isRefusedByName(_ index: Int) async throws {
        let (name, said, steps) = Self.wrongs[index]
        let session = try await run([auth(), .wait("ready")] + steps + [.wait("close")])
        #expect(session.closeCode == 4415, "\(name)")
        #expect(session.closeReason?.hasPrefix("FORMAT_VIOLATION") == true, "\(name)")
        #expect(session.closeReason?.contains(said) == true, "\(name): \(session.closeReason ?? "")")
        #expect(session.events.last?.code == "FORMAT_VIOLATION", "\(name)")
    }

    @Test func belowBothCeilingsIsFine() async throws {
        let session = try await run([
            auth(), .wait("ready"), .opus(64_000, speed: 1.4, bitsPerSecond: 60_000), .end, .wait("close"),
        ])
        #expect(session.closeCode == 1000, "\(session.closeReason ?? "")")
    }

    /// PCM and Opus sessions side by side, and other voices inside.
    @Test func sessionsOfBothWiresDoNotMix() async throws {
        let file = Checkout.fixture("speech-male.wav")
        let sessions: [[PeerClient.Step]] = [
            [.auth(Self.key), .wait("ready"), .audio(16_000, speed: 1.2), .end, .wait("close")],
            [auth(["voice": "rachel"]), .wait("ready"), .opus(16_000, speed: 1.2, file: file), .end, .wait("close")],
            [
                auth(), .wait("ready"), .opus(8_000, speed: 1.2, file: file),
                .text(#"{"type":"voice","voice":"adam"}"#), .end, .wait("close"),
            ],
        ]
        let transcripts = try await PeerClient.run(Self.relay.value.url, sessions: sessions)
        for session in transcripts { #expect(session.closeCode == 1000, "\(session.closeReason ?? "")") }
        #expect(transcripts.first?.differingSamples == 0)
        #expect(transcripts.allSatisfy { $0.loudest > 1_000 })
    }

    @Test func soundIsUpByItsSeconds() async throws {
        let session = try await run([
            auth(["max_duration_seconds": 1]), .wait("ready"), .opus(16_320, speed: 1.4), .wait("close"),
        ])
        #expect(session.closeCode == 4408)
    }
}
