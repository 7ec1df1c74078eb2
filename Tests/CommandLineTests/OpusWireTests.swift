import Foundation
import ProcessSupport
import Testing

/// `convert --wire opus`: against our own server, and against a relay that is not ours and has an Opus of its own.
@Suite(.boundedCrowd) struct OpusWireTests {
    private struct Record: Decodable {
        let ok: Bool
        let creditsUsed: Int?
        let wire: String?
        let delayMs: Double?
    }

    private func record(_ result: ProcessResult) throws -> Record {
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        return try decoder.decode(Record.self, from: Data(result.output.utf8))
    }

    /// How much of the sound's energy is not that of the answer.
    private func error(_ answer: [Float], _ sound: [Float]) -> Float {
        let noise = zip(answer, sound).reduce(Float(0)) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
        return noise / sound.reduce(0) { $0 + $1 * $1 }
    }

    /// Two codecs and a converter's delay between input and output, and not one sample of shift.
    @Test(arguments: [16_000, 48_000, 44_100]) func ourServerGivesBackWhatItGot(_ rate: Int) async throws {
        let folder = try Scratch()
        let relay = try await ServedRelay(keys: ["sk-quota-opus": 1_000_000])
        let speech = try WaveSound.speech("speech-female.wav", from: 0.5, seconds: 1.7)
        try speech.write(to: folder("speech.wav"))
        try await Command.tool(["sox", "speech.wav", "-r", "\(rate)", "in.wav"], folder: folder.path)
        let sound = try WaveSound(file: folder("in.wav"))
        let result = try await Command.quotaVoice(
            ["convert", "in.wav", "--voice", "none", "--relay", relay.url, "--wire", "opus", "--json"],
            environment: ["QUOTA_API_KEY": "sk-quota-opus"], folder: folder.path)
        #expect(result.status == 0, "\(result.errors)")
        let answer = try WaveSound(file: folder("in.none.wav"))
        #expect(answer.frames == sound.frames)
        #expect(answer.sampleRate == rate)
        let lag = Comparison.lag(of: answer.samples, behind: sound.samples, within: 400)
        #expect(abs(lag) <= rate / 16_000)
        let share = error(answer.samples, sound.samples)
        #expect(share < 0.4, "\(share)")
        let record = try record(result)
        #expect(record.wire == "opus_16k_mono")
        // 15 ms of the converter, twice 6.5 ms of Opus.
        #expect(record.delayMs == 28)
        // 1.7 s and 6.5 ms to push the encoder's delay out, in packets of 20 ms.
        #expect(record.creditsUsed == 86 * 50)
    }

    @Test(arguments: [0, 1_234]) func aRelayThatIsNotOursUnderstandsUs(_ delay: Int) async throws {
        let folder = try Scratch()
        let relay = try await PeerRelay.shared
        let sound = try WaveSound.speech("speech-female.wav", from: 0.5, seconds: 3.2)
        try sound.write(to: folder("in.wav"))
        let key = try relay.key(.init { $0.delaySamples = delay })
        let result = try await Command.quotaVoice(
            ["convert", "in.wav", "--relay", "ws://127.0.0.1:\(relay.tapPort)", "--wire", "opus", "-o", "out.wav"],
            environment: ["QUOTA_API_KEY": key], folder: folder.path)
        #expect(result.status == 0, "\(result.errors)")
        #expect(result.errors.isEmpty, "\(result.errors)")
        let answer = try WaveSound(file: folder("out.wav"))
        #expect(answer.frames == sound.frames)
        #expect(abs(Comparison.lag(of: answer.samples, behind: sound.samples, within: 400)) <= 1)
        let share = error(answer.samples, sound.samples)
        #expect(share < 0.4, "\(share)")
        let report = try await relay.report(key)
        #expect(report.auth.contains("opus_16k_mono"))
        // 3.2 s are 160 packets, and one more pushes the encoder's delay out. All have the size of a constant bitrate.
        #expect(report.frameSizes == ["60": 161])
        let window = try #require(report.fullestWindow)
        #expect(window <= 4_500, "one and a half seconds of 24 kbit/s in any second")
        // A busy machine sends more slowly.
        #expect(window > 600, "the tap saw the sound")
        #expect(report.closeCode == 1000)
    }

    /// Without `end` the client pads, by packets too.
    @Test func aRelayWithoutFeatures() async throws {
        let folder = try Scratch()
        let relay = try await PeerRelay.shared
        let sound = try WaveSound.speech("speech-female.wav", from: 0.5, seconds: 1.3)
        try sound.write(to: folder("in.wav"))
        let key = try relay.key(
            .init {
                $0.features = []
                $0.delaySamples = 640
            })
        let result = try await Command.quotaVoice(
            ["convert", "in.wav", "--relay", relay.url, "--wire", "opus", "-o", "out.wav"],
            environment: ["QUOTA_API_KEY": key], folder: folder.path)
        #expect(result.status == 0, "\(result.errors)")
        let answer = try WaveSound(file: folder("out.wav"))
        #expect(answer.frames == sound.frames)
        #expect(abs(Comparison.lag(of: answer.samples, behind: sound.samples, within: 400)) <= 1)
    }

    /// One that does not offer Opus, and one that refuses it: the sound goes as PCM, and that is said.
    @Test(arguments: ["not offered", "refused"]) func whereThereIsNoOpusItIsPCM(_ how: String) async throws {
        let folder = try Scratch()
        let relay = try await PeerRelay.shared
        let sound = try WaveSound.speech("speech-female.wav", from: 0.5, seconds: 1)
        try sound.write(to: folder("in.wav"))
        let key = try relay.key(
            .init {
                $0.formats = ["pcm_16le_16k_mono"]
                if how == "refused" { $0.fault = "unless_pcm" }
                $0.at = "auth"
                $0.code = 4415
                $0.reason = "FORMAT_VIOLATION: unknown format"
            })
        let result = try await Command.quotaVoice(
            ["convert", "in.wav", "--relay", relay.url, "--wire", "opus", "-o", "out.wav"],
            environment: ["QUOTA_API_KEY": key], folder: folder.path)
        #expect(result.status == 0, "\(result.errors)")
        #expect(result.errorLines.count == 1)
        #expect(result.errors.contains("opus_16k_mono"), "\(result.errors)")
        #expect(result.errors.contains("pcm_16le_16k_mono"), "\(result.errors)")
        let answer = try WaveSound(file: folder("out.wav"))
        #expect(Comparison.largestDifference(answer.samples, sound.samples) <= 3.1 / 32_768)
    }

    /// A frame of nothing, one that is too long for a packet (RFC 6716 §3.4).
    @Test(arguments: [0, 1_300]) func aRelayThatSendsJunk(_ bytes: Int) async throws {
        let folder = try Scratch()
        let relay = try await PeerRelay.shared
        try WaveSound.speech(seconds: 1).write(to: folder("in.wav"))
        let key = try relay.key(
            .init {
                $0.fault = "binary"
                $0.at = "ready"
                $0.bytes = bytes
            })
        let result = try await Command.quotaVoice(
            ["convert", "in.wav", "--relay", relay.url, "--wire", "opus"], environment: ["QUOTA_API_KEY": key],
            folder: folder.path)
        expectFailure(result, 76, saying: ["Opus packet", "check the URL"], leaving: ["in.wav"], in: folder)
    }

    @Test func opusIsForARelay() async throws {
        let folder = try Scratch()
        try WaveSound.speech(seconds: 0.3).write(to: folder("in.wav"))
        let result = try await Command.quotaVoice(
            ["convert", "in.wav", "--local", "--wire", "opus"], folder: folder.path)
        expectFailure(result, 64, saying: ["--wire opus", "--relay"], leaving: ["in.wav"], in: folder)
    }
}
