import Foundation
import ProcessSupport
import Testing

/// What `convert` does with a sound beside giving it another voice.
@Suite(.boundedCrowd) struct CleanUpTests {
    private func convert(_ words: [String], in folder: Scratch) async throws -> ProcessResult {
        try await Command.quotaVoice(["convert", "in.wav", "--local"] + words, folder: folder.path)
    }

    private func amplitude(_ hertz: Double, _ sound: WaveSound) -> Double {
        Comparison.tone(hertz, in: sound.samples, rate: sound.sampleRate).amplitude
    }

    /// A voice of this machine at a sound card's rate does not sound like a telephone.
    @Test(arguments: [32_000, 44_100, 48_000, 96_000, 192_000])
    func theBandAboveEightKilohertzIsKept(_ rate: Int) async throws {
        let folder = try Scratch()
        let sound = WaveSound(
            sampleRate: rate, samples: Comparison.tones([9_500, 12_500], rate: rate, seconds: 1, amplitude: 0.2))
        try sound.write(to: folder("in.wav"))
        let result = try await convert(["--voice", "rachel", "-o", "out.wav"], in: folder)
        #expect(result.status == 0, "\(result.errors)")
        let answer = try WaveSound(file: folder("out.wav"))
        #expect(answer.frames == sound.frames)
        for hertz in [9_500.0, 12_500] {
            let change = 20 * log10(amplitude(hertz, answer) / amplitude(hertz, sound))
            #expect(abs(change) < 0.5, "\(hertz) Hz: \(change) dB")
        }
    }

    @Test func highPassGateAndLevelDoWhatTheySay() async throws {
        let folder = try Scratch()
        let rate = 16_000
        let quiet = Comparison.tones([1_000], rate: rate, seconds: 1, amplitude: 0.002)
        let loud = Comparison.tones([30, 1_000], rate: rate, seconds: 1, amplitude: 0.2)
        try WaveSound(sampleRate: rate, samples: loud + quiet).write(to: folder("in.wav"))
        func converted(_ words: [String]) async throws -> (first: WaveSound, second: WaveSound) {
            let result = try await convert(["--voice", "none", "-o", "out.wav", "--force"] + words, in: folder)
            #expect(result.status == 0, "\(result.errors)")
            let answer = try WaveSound(file: folder("out.wav"))
            return (
                WaveSound(sampleRate: rate, samples: Array(answer.samples[4_000..<16_000])),
                WaveSound(sampleRate: rate, samples: Array(answer.samples[24_000...]))
            )
        }
        let plain = try await converted([])
        let passed = try await converted(["--high-pass"])
        #expect(amplitude(30, passed.first) < 0.03 * amplitude(30, plain.first))
        #expect(abs(amplitude(1_000, passed.first) / amplitude(1_000, plain.first) - 1) < 0.01)
        let gated = try await converted(["--gate", "-45"])
        #expect(amplitude(1_000, gated.second) < 0.2 * amplitude(1_000, plain.second))
        #expect(abs(amplitude(1_000, gated.first) / amplitude(1_000, plain.first) - 1) < 0.01)

        try WaveSound(sampleRate: rate, samples: WaveSound.speech(seconds: 5).samples.map { $0 * 0.1 })
            .write(to: folder("in.wav"))
        let before = try await converted(["--feedback-guard"])
        let levelled = try await converted(["--level", "--feedback-guard"])
        let gain = 20 * log10(loudest(levelled.second) / loudest(before.second))
        #expect(gain > 6 && gain < 18.1, "\(gain) dB")
    }

    /// A pause is gated by its level in the file, whatever the automatic level makes of it.
    @Test(arguments: [16_000, 48_000]) func theLevelDoesNotOpenTheGate(_ rate: Int) async throws {
        let folder = try Scratch()
        // A second of words at -40 dB, a second of pause at -60 dB.
        let samples = (0..<(16 * rate)).map { index in
            let time = Double(index) / Double(rate)
            let inWord = time.truncatingRemainder(dividingBy: 0.25) < 0.15
            let isWord = inWord && time.truncatingRemainder(dividingBy: 2) < 1
            return Float((isWord ? 0.014 : 0.0014) * sin(2 * .pi * 440 * time))
        }
        try WaveSound(sampleRate: rate, samples: samples).write(to: folder("in.wav"))
        func pause(_ words: [String]) async throws -> Double {
            let result = try await convert(
                ["--voice", "none", "--level", "-o", "out.wav", "--force"] + words, in: folder)
            #expect(result.status == 0, "\(result.errors)")
            let answer = try WaveSound(file: folder("out.wav"))
            let last = Array(answer.samples[(15 * rate + rate / 2)..<(16 * rate - rate / 100)])
            return amplitude(440, WaveSound(sampleRate: rate, samples: last))
        }
        let (raised, gated) = (try await pause([]), try await pause(["--gate", "-50"]))
        #expect(raised > 0.004, "\(raised)")
        #expect(gated < 0.15 * raised, "\(gated) of \(raised)")
    }

    private func loudest(_ sound: WaveSound) -> Double {
        Double(sound.samples.map(abs).max() ?? 0)
    }

    @Test(arguments: [
        (["--gate", "3"], "--gate takes -100 to 0"), (["--gate", "-45", "--relay", "ws://127.0.0.1:1"], "add --local"),
    ])
    func wrongUseIsSaid(_ words: [String], _ sentence: String) async throws {
        let folder = try Scratch()
        try WaveSound.speech(seconds: 0.2).write(to: folder("in.wav"))
        let result = try await Command.quotaVoice(
            ["convert", "in.wav"] + words, environment: ["QUOTA_API_KEY": "sk-quota-test"], folder: folder.path)
        #expect(result.status == 64)
        #expect(result.errors.contains(sentence), "\(result.errors)")
    }
}
