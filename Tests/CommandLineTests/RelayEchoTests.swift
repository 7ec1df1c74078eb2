import Foundation
import ProcessSupport
import Testing

/// Files through a relay that is not ours and gives back what it is sent.
@Suite(.boundedCrowd) struct RelayEchoTests {
    /// What must not matter to the result.
    static let relays: [(name: String, behaviour: PeerRelay.Case)] = [
        ("mirror", .init()),
        ("declared delay", .init { $0.delaySamples = 1_234 }),
        ("one sample a frame", .init { $0.answerBytes = 2 }),
        (
            "odd sizes",
            .init {
                $0.answerBytes = 998
                $0.delaySamples = 77
            }
        ),
        ("frames of 64 KiB", .init { $0.answerBytes = 65_536 }),
        ("unknown types and fields", .init { $0.addsUnknown = true }),
        ("no features", .init { $0.features = [] }),
        (
            "no features, declared delay",
            .init {
                $0.features = []
                $0.delaySamples = 640
            }
        ),
        (
            "closes without done",
            .init {
                $0.fault = "close_without_done"
                $0.at = "end"
                $0.delaySamples = 320
            }
        ),
    ]

    /// 16 kHz in and out: nothing but two roundings to 16 bit, with dither, stands between input and output.
    @Test(arguments: relays.indices) func whatTheRelayReturnsIsWhatIsWritten(_ index: Int) async throws {
        let folder = try Scratch()
        let sound = try WaveSound.speech("speech-female.wav", from: 0.5, seconds: index == 4 ? 2.2 : 1.3)
        let input = try sound.write(to: folder("in.wav"))
        let relay = try await PeerRelay.shared
        let result = try await Command.quotaVoice(
            ["convert", input, "--relay", relay.url, "-o", folder("out.wav")],
            environment: ["QUOTA_API_KEY": relay.key(Self.relays[index].behaviour)])
        #expect(result.status == 0, "\(Self.relays[index].name): \(result.errors)")
        #expect(result.errors.isEmpty, "\(result.errors)")
        let answer = try WaveSound(file: folder("out.wav"))
        #expect(answer.sampleRate == 16_000)
        #expect(answer.channels == 1)
        #expect(answer.frames == sound.frames)
        #expect(Comparison.largestDifference(answer.samples, sound.samples) <= 3.1 / 32_768)
        #expect(folder.files == ["in.wav", "out.wav"])
    }

    /// The relay's silence at the beginning is then part of the sound, but nothing is lost or too long.
    @Test func aDelayThatIsNotDeclaredShiftsTheSound() async throws {
        let folder = try Scratch()
        let sound = try WaveSound.speech("speech-female.wav", from: 0.5, seconds: 1)
        let input = try sound.write(to: folder("in.wav"))
        let relay = try await PeerRelay.shared
        for features in [["end"], []] {
            let key = try relay.key(
                .init {
                    $0.delaySamples = 400
                    $0.declaresDelay = false
                    $0.features = features
                })
            let result = try await Command.quotaVoice(
                ["convert", input, "--relay", relay.url, "-o", folder("out.wav"), "--force"],
                environment: ["QUOTA_API_KEY": key])
            #expect(result.status == 0, "\(result.errors)")
            let answer = try WaveSound(file: folder("out.wav"))
            #expect(answer.frames == sound.frames)
            #expect(Comparison.lag(of: answer.samples, behind: sound.samples, within: 500) == 400)
        }
    }

    /// The promise of the rate ceiling, measured by the relay's side alone.
    @Test func noSecondHoldsMoreThanTheCeiling() async throws {
        let folder = try Scratch()
        let relay = try await PeerRelay.shared
        let sound = try WaveSound.speech(seconds: 3.2)
        let input = try sound.write(to: folder("in.wav"))
        let key = try relay.key(.init { $0.delaySamples = 500 })
        let result = try await Command.quotaVoice(
            ["convert", input, "--relay", "ws://127.0.0.1:\(relay.tapPort)", "-o", folder("out.wav")],
            environment: ["QUOTA_API_KEY": key])
        #expect(result.status == 0, "\(result.errors)")
        let report = try await relay.report(key)
        let window = try #require(report.fullestWindow)
        #expect(window <= 48_000)
        #expect(window > 32_000, "the tap saw a second of sound")
        #expect(report.samples == 51_200)
        #expect(report.frameSizes == ["640": 160])
        #expect(report.texts.count == 1)
        #expect(report.closeCode == 1000)
        #expect(try WaveSound(file: folder("out.wav")).frames == sound.frames)
    }

    @Test func severalFilesHaveASessionAndACeilingEach() async throws {
        let folder = try Scratch()
        let relay = try await PeerRelay.shared
        var inputs: [String] = []
        for index in 0..<3 {
            inputs.append(
                try WaveSound.speech(from: Double(index), seconds: 1 + Double(index) / 4).write(
                    to: folder("\(index).wav")))
        }
        let key = try relay.key()
        let result = try await Command.quotaVoice(
            ["convert"] + inputs + ["--relay", relay.url, "--jobs", "3", "-o", folder("out/")],
            environment: ["QUOTA_API_KEY": key])
        #expect(result.status == 0, "\(result.errors)")
        for index in 0..<3 {
            #expect(
                try WaveSound(file: folder("out/\(index).rachel.wav")).frames
                    == WaveSound(file: inputs[index]).frames)
        }
    }

    @Test func theHandshakeIsThatOfTheProfile() async throws {
        let folder = try Scratch()
        let relay = try await PeerRelay.shared
        let key = try relay.key()
        let input = try WaveSound.speech(seconds: 0.25).write(to: folder("in.wav"))
        let keyFile = try folder.write("key", "  \(key)\n")
        // A voice that only the relay knows; the URL in the forms that people paste.
        let result = try await Command.quotaVoice(
            [
                "convert", input, "--relay", "http://localhost:\(relay.port)/", "--token-file", keyFile, "--voice",
                "some voice", "-o", folder("out.wav"),
            ], environment: ["QUOTA_API_KEY": "sk-quota-not-this-one"])
        #expect(result.status == 0, "\(result.errors)")
        let report = try await relay.report(key)
        #expect(report.path == "/v1/audio/voice-conversion")
        let auth = try #require(try JSONSerialization.jsonObject(with: Data(report.auth.utf8)) as? [String: Any])
        #expect(auth["type"] as? String == "auth")
        #expect(auth["token"] as? String == key)
        #expect(auth["model"] as? String == "elevenlabs/voice-conversion-v1")
        #expect(auth["voice"] as? String == "some voice")
        #expect(auth["format"] as? String == "pcm_16le_16k_mono")
        let seconds = try #require(auth["max_duration_seconds"] as? Int)
        #expect((1...60).contains(seconds))
        #expect(report.texts == [#"{"type":"end"}"#])
    }

    @Test func theKeyIsInTheFirstFrameAlone() async throws {
        let folder = try Scratch()
        let relay = try await PeerRelay.shared
        let key = try relay.key()
        // So long that it is met while it runs.
        let input = try WaveSound.speech(seconds: 5).repeated(2).write(to: folder("in.wav"))
        let process = try RunningProcess(
            Checkout.binary, ["convert", input, "--relay", relay.url, "-o", folder("out.wav"), "--json"],
            environment: ["QUOTA_API_KEY": key])
        try await process.wait(for: "a temporary file") { folder.files.contains { $0.hasSuffix(".part") } }
        let words = try Data(contentsOf: URL(fileURLWithPath: "/proc/\(process.identifier)/cmdline"))
        let result = try await process.result()
        #expect(result.status == 0)
        let report = try await relay.report(key)
        let name = String(key.dropFirst("sk-quota-test-".count))
        let places = [String(decoding: words, as: UTF8.self), result.output, result.errors, report.path]
        #expect(words.count > 20)
        for place in places + report.headers { #expect(!place.contains(name), "\(place)") }
        #expect(report.auth.contains(name))
    }

    @Test func tlsIsVerified() async throws {
        let folder = try Scratch()
        try await Command.tool([
            "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days",
            "2", "-subj", "/CN=relay", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", folder("key.pem"), "-out",
            folder("cert.pem"),
        ])
        let relay = try await PeerRelay(certificate: (folder("cert.pem"), folder("key.pem")))
        let input = try WaveSound.speech(seconds: 0.2).write(to: folder("in.wav"))
        let words = ["convert", input, "--relay", "wss://127.0.0.1:\(relay.port)", "-o", folder("out.wav")]
        let stranger = try await Command.quotaVoice(words, environment: ["QUOTA_API_KEY": relay.key()])
        expectFailure(
            stranger, 69, saying: ["127.0.0.1", "certificate"], leaving: ["in.wav", "key.pem", "cert.pem"], in: folder)
        let trusted = try await Command.quotaVoice(
            words + ["--ca-file", folder("cert.pem")], environment: ["QUOTA_API_KEY": relay.key()])
        #expect(trusted.status == 0, "\(trusted.errors)")
        #expect(folder.exists("out.wav"))
    }
}
