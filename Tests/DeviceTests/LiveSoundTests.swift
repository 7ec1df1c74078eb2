import Foundation
import ProcessSupport
import Testing

/// `quota-voice live` from a virtual microphone to a virtual speaker, heard by programs that are not ours.
@Suite(.boundedCrowd) struct LiveSoundTests {
    private struct Status: Decodable {
        struct Delay: Decodable {
            let codec: Double
            let gate: Double
            let packet: Double?
            let monitor: Double?
            let measured: Double
        }

        struct Monitor: Decodable {
            struct Device: Decodable {
                let name: String
            }

            let device: Device
        }

        let event: String
        let wire: String?
        let heard: String?
        let reconnects: Int?
        let delayMs: Delay?
        let monitor: Monitor?
    }

    private func lines(_ process: RunningProcess) -> [Status] {
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        return process.outputSoFar.split(separator: "\n")
            .compactMap { try? decoder.decode(Status.self, from: Data($0.utf8)) }
    }

    /// How loud a tone is in each tenth of a second: a jitter buffer that moves on a busy machine shifts its phase now and
    /// then.
    private func levels(_ samples: [Float], hertz: Double) -> [Double] {
        stride(from: 0, to: samples.count - 4_800, by: 2_400)
            .map { amplitude(of: Array(samples[$0..<$0 + 4_800]), hertz: hertz) }
    }

    private func loudest(_ samples: [Float], hertz: Double) -> Double { levels(samples, hertz: hertz).max() ?? 0 }

    /// What a source delivers or a speaker plays, once the tone of 600 Hz is in it.
    private func recordTone(_ system: SoundSystem, _ name: String, isSpeaker: Bool = false) async throws -> [Float] {
        var samples: [Float] = []
        try await system.wait(for: "a tone of 600 Hz from \(name)") {
            samples =
                isSpeaker
                ? try await system.record(name, isSpeaker: true, seconds: 3)
                : try await system.record(microphone: name, seconds: 3)
            return loudest(samples, hertz: 600) >= 0.15
        }
        return samples
    }

    /// A tone keeps its pitch and its level through two codecs, also after the relay was lost and is back.
    @Test func opusSoundsAndComesBack() async throws {
        let system = try await SoundSystem()
        let key = "sk-quota-live-opus"
        let first = try await ServedRelay(keys: [key: 1_000_000_000])
        let live = try system.run(
            Checkout.binary,
            [
                "live", "--input", "vmic", "--output", "vspk", "--voice", "none", "--relay", first.url, "--wire",
                "opus",
                "--gate", "-60", "--json",
            ], adding: ["QUOTA_API_KEY": key])
        let voice = try system.speak(hertz: 600)
        try await live.wait(for: "sound", within: 60) { lines(live).contains { $0.heard == "converted" } }
        let heard = try await recordTone(system, "vspk", isSpeaker: true)
        // 0.3, and the speaker's two channels add up to 1.4 times that in one.
        #expect((0.15...0.45).contains(loudest(heard, hertz: 600)), "\(loudest(heard, hertz: 600))")
        // In most tenths of a second: a busy machine makes holes, and those have every pitch.
        let others = levels(heard, hertz: 900).sorted()
        #expect(others[others.count / 2] < 0.02, "\(others)")
        let status = try #require(lines(live).last { $0.heard == "converted" })
        #expect(status.wire == "opus_16k_mono")
        let delay = try #require(status.delayMs)
        #expect((delay.codec, delay.packet, delay.gate) == (13, 20, 10))
        #expect(delay.measured > 53)
        first.process.signal(SIGKILL)
        try await live.wait(for: "the loss", within: 60) { lines(live).contains { $0.event == "lost" } }
        let second = try await ServedRelay(keys: [key: 1_000_000_000], options: ["--port", "\(first.port)"])
        try await live.wait(for: "the return", within: 60) {
            lines(live).contains { $0.reconnects == 1 && $0.heard == "converted" }
        }
        let again = try await recordTone(system, "vspk", isSpeaker: true)
        #expect((0.15...0.45).contains(loudest(again, hertz: 600)), "\(loudest(again, hertz: 600))")
        withExtendedLifetime((voice, second)) {}
        live.signal(SIGINT)
        #expect(try await live.result(within: 60).status == 130)
    }

    /// The converted voice goes to others by the virtual microphone, and to the speaker for oneself.
    @Test func aMonitorHearsWhatTheMicrophoneSays() async throws {
        let system = try await SoundSystem()
        let live = try system.run(
            Checkout.binary,
            [
                "live", "--local", "--voice", "none", "--input", "vmic", "--virtual-mic", "spoken.monitor", "--monitor",
                "vspk", "--json",
            ])
        let voice = try system.speak(hertz: 600)
        try await live.wait(for: "the session", within: 60) { lines(live).contains { $0.heard == "converted" } }
        async let forOthers = recordTone(system, "spoken.monitor")
        async let forOneself = recordTone(system, "vspk", isSpeaker: true)
        let (microphone, speaker) = (try await forOthers, try await forOneself)
        #expect(loudest(microphone, hertz: 600) > 0.1)
        #expect(loudest(speaker, hertz: 600) > 0.1)
        withExtendedLifetime(voice) {}
        let status = try #require(lines(live).last { $0.monitor != nil })
        #expect(status.monitor?.device.name == "vspk")
        let delay = try #require(status.delayMs)
        #expect((delay.monitor ?? 0) > 0)
        live.signal(SIGTERM)
        #expect(try await live.result(within: 60).status == 143)
    }
}
