import Foundation
import Testing
import VoiceConversion

struct RobustnessTests {
    static let hostile: [(name: String, samples: [Float])] = [
        ("not a number", [.nan, 0.5, .infinity, -.infinity, .signalingNaN]),
        ("huge", [1e30, -1e30, 3e38]),
        ("denormal", [.leastNonzeroMagnitude, -.leastNonzeroMagnitude * 9000, .leastNormalMagnitude]),
        ("full scale square", [1, 1, 1, 1, 1, 1, 1, -1, -1, -1, -1, -1, -1, -1]),
        ("offset", [0.8]),
    ]

    @Test(arguments: hostile.indices, ["rachel", "whisper", "robot", "alien", "none"])
    func hostile_input_gives_finite_output(index: Int, name: String) throws {
        let pattern = Self.hostile[index].samples
        let input = (0..<16_000).map { pattern[$0 % pattern.count] }
        let output = try converted(input + SyntheticVoice.vowel(hertz: 120, seconds: 1), voice: name)
        let bounded = output.allSatisfy { $0.isFinite && abs($0) <= 8 }
        #expect(bounded, "\(Self.hostile[index].name)")
        #expect(SyntheticVoice.level(output.suffix(8000)) > -40, "speaks again after \(Self.hostile[index].name)")
    }

    @Test func an_offset_is_taken_out() throws {
        let output = try converted([Float](repeating: 0.5, count: 32_000), voice: "rachel")
        let bounded = output.suffix(8000).allSatisfy { abs($0) < 1e-3 }
        #expect(bounded)
    }

    @Test func full_scale_speech_is_not_clipped() throws {
        let input = SyntheticVoice.speech(hertz: 110, seconds: 2).map { $0 * 1.99 }
        for name in ["rachel", "adam", "child"] {
            let bounded = try converted(input, voice: name).allSatisfy { abs($0) < 0.999 }
            #expect(bounded)
        }
    }

    @Test func two_speakers_and_music_give_finite_output() throws {
        let first = SyntheticVoice.speech(hertz: 110, seconds: 3)
        let second = SyntheticVoice.speech(hertz: 213, seconds: 3)
        let chord = first.indices.map { index in
            [261.6, 329.6, 392].reduce(Float(0)) { $0 + 0.1 * Float(sin(2 * .pi * $1 * Double(index) / 16_000)) }
        }
        let input = first.indices.map { first[$0] * 0.5 + second[$0] * 0.5 + chord[$0] }
        let output = try converted(input, voice: "bella")
        let bounded = output.allSatisfy { $0.isFinite && abs($0) < 1 }
        #expect(bounded)
    }

    @Test func extreme_voices_are_bounded() {
        var voice = Voice(name: "x", summary: "x", pitch: .ratio(.nan), formants: .ratio(.infinity))
        voice.colour = [Voice.ColourPoint(hertz: .nan, decibels: 3), Voice.ColourPoint(hertz: 500, decibels: 900)]
        voice.effects.drive = -.infinity
        voice.effects.ringHertz = 1e300
        voice.effects.ringDepth = .nan
        var converter = VoiceConverter(voice: voice)
        let output = converted(SyntheticVoice.speech(hertz: 120, seconds: 1), by: &converter)
        let bounded = output.allSatisfy { $0.isFinite && abs($0) < 1 }
        #expect(bounded)
    }

    /// As many changes as an hour of fidgeting makes: every setter with random values after every 10 ms.
    @Test func random_changes_never_break_the_output() throws {
        var random = SystemlessRandom(state: 42)
        let speech = SyntheticVoice.speech(hertz: 150, seconds: 20)
        var converter = VoiceConverter(voice: try catalogVoice("rachel"))
        let output = converted(speech, by: &converter) { _, converter in
            switch random.next(below: 8) {
            case 0: converter.setVoice(VoiceCatalog.all[random.next(below: VoiceCatalog.all.count)])
            case 1: converter.setOffsets(pitchSemitones: random.unit() * 60 - 30, formantRatio: random.unit() * 3)
            case 2: converter.setMix(random.unit() * 1.4 - 0.2)
            case 3: converter.setFixedRatio(pitch: random.unit() * 5, formant: random.unit() * 2.5)
            case 4: converter.clearFixedRatio()
            case 5 where random.next(below: 20) == 0: converter.reset()
            default: break
            }
        }
        let bounded = output.allSatisfy { $0.isFinite && abs($0) <= 1 }
        #expect(bounded)
    }

    @Test(arguments: ["rachel", "adam", "child", "deep", "robot"])
    func a_steady_vowel_has_no_clicks(name: String) throws {
        for hertz in [90.0, 150, 230] {
            let output = try converted(ChangeNoise.vowel(hertz: hertz, seconds: 2, rate: 16_000), voice: name)
            // The vowel itself starts hard; what counts is what follows.
            let places = Array(stride(from: 2400, to: output.count - 2400, by: 640))
            let found = ChangeNoise.bursts(in: output, after: places, rate: 16_000)
            #expect(found.isEmpty, "\(hertz) Hz: \(found)")
        }
    }

    @Test func a_click_in_a_steady_vowel_is_noticed() throws {
        var output = try converted(ChangeNoise.vowel(hertz: 150, seconds: 2, rate: 16_000), voice: "rachel")
        let places = Array(stride(from: 2400, to: output.count - 2400, by: 640))
        output[places[20] + 300] += 0.2
        #expect(ChangeNoise.bursts(in: output, after: places, rate: 16_000) == [places[20]])
    }
}

struct SystemlessRandom {
    var state: UInt64

    mutating func unit() -> Double {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return Double(state >> 11) / 9_007_199_254_740_992
    }

    mutating func next(below limit: Int) -> Int { Int(unit() * Double(limit)) }
}
