import Foundation
import Testing
import VoiceConversion

struct PitchTests {
    @Test(arguments: ["rachel", "adam", "bella", "child", "oscar", "robin"], [85.0, 120, 170, 240])
    func any_speaker_lands_on_the_voices_median(name: String, hertz: Double) throws {
        let voice = try catalogVoice(name)
        guard case .landing(let target, _) = voice.pitch else {
            Issue.record("\(name) should have a median to land on")
            return
        }
        let output = try converted(SyntheticVoice.speech(hertz: hertz, seconds: 4), voice: name)
        let landed = SyntheticVoice.pitch(of: output, from: 16_000)
        let semitones = 12 * log2(landed.hertz / target)
        #expect(abs(semitones) < 1.5, "\(name) from \(hertz) Hz: \(landed.hertz) Hz, wanted \(target)")
        #expect(landed.voicedShare > 0.5)
    }

    @Test(arguments: ConversionDelay.allCases, [(110.0, 1.7), (110, 1), (200, 0.6), (200, 1.3)])
    func a_fixed_ratio_moves_the_pitch_by_it(delay: ConversionDelay, pair: (hertz: Double, ratio: Double)) throws {
        let input = SyntheticVoice.vowel(hertz: pair.hertz, seconds: 2, waver: 0.02)
        let output = try converted(input, voice: "rachel", delay: delay, fixed: (pair.ratio, 1))
        let landed = SyntheticVoice.pitch(of: output, from: 3200).hertz
        let wanted = pair.ratio * SyntheticVoice.pitch(of: input, from: 3200).hertz
        #expect(abs(landed / wanted - 1) < 0.03, "\(landed) Hz, wanted \(wanted)")
    }

    @Test func the_robot_speaks_on_one_note() throws {
        let output = try converted(SyntheticVoice.speech(hertz: 140, seconds: 3), voice: "robot")
        #expect(abs(SyntheticVoice.pitch(of: output, from: 3200).hertz - 100) < 2)
    }

    @Test func a_whisper_has_no_pitch() throws {
        let input = SyntheticVoice.vowel(hertz: 140, seconds: 2)
        let output = try converted(input, voice: "whisper")
        #expect(SyntheticVoice.pitch(of: output, from: 3200).voicedShare < 0.2)
        #expect(abs(SyntheticVoice.level(output[8000...]) - SyntheticVoice.level(input[8000...])) < 3)
    }

    @Test func an_offset_moves_the_landing() throws {
        var converter = VoiceConverter(voice: try catalogVoice("adam"))
        converter.setOffsets(pitchSemitones: 7, formantRatio: 1)
        let output = converted(SyntheticVoice.speech(hertz: 200, seconds: 4), by: &converter)
        let semitones = 12 * log2(SyntheticVoice.pitch(of: output, from: 16_000).hertz / 105)
        #expect(abs(semitones - 7) < 1.5, "\(semitones) semitones")
    }
}
