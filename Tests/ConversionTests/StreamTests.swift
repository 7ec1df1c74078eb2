import Foundation
import Testing
import VoiceConversion

struct StreamTests {
    @Test(arguments: ["rachel", "whisper", "alien", "radio", "robot", "none"])
    func the_output_does_not_depend_on_the_blocks(name: String) throws {
        let input = SyntheticVoice.speech(hertz: 130, seconds: 1.5)
        let whole = try converted(input, voice: name, block: input.count)
        for block in [1, 17, 160, 479] {
            let same = try converted(input, voice: name, block: block) == whole
            #expect(same, "blocks of \(block)")
        }
    }

    @Test func conversion_in_place_is_the_same() throws {
        let input = SyntheticVoice.speech(hertz: 130, seconds: 1)
        var converter = VoiceConverter(voice: try catalogVoice("bella"))
        var samples = input
        samples.withUnsafeMutableBufferPointer { buffer in
            converter.process(UnsafeBufferPointer(buffer), into: buffer)
        }
        let same = try converted(input, voice: "bella") == samples
        #expect(same)
    }

    @Test func the_seed_decides_the_noise() throws {
        let input = SyntheticVoice.speech(hertz: 130, seconds: 0.5)
        let first = try converted(input, voice: "whisper", seed: 5)
        let again = try converted(input, voice: "whisper", seed: 5) == first
        let other = try converted(input, voice: "whisper", seed: 6) == first
        #expect(again)
        #expect(!other)
    }

    @Test(arguments: ["rachel", "whisper", "alien"])
    func reset_starts_over(name: String) throws {
        let input = SyntheticVoice.speech(hertz: 180, seconds: 1)
        var converter = VoiceConverter(voice: try catalogVoice(name))
        let first = converted(input, by: &converter)
        converter.reset()
        let same = converted(input, by: &converter) == first
        #expect(same)
    }

    @Test(arguments: VoiceCatalog.all.map(\.name))
    func silence_stays_silence(name: String) throws {
        let output = try converted([Float](repeating: 0, count: 16_000), voice: name)
        let quiet = output.allSatisfy { abs($0) < 1e-6 }
        #expect(quiet)
        let afterSpeech = SyntheticVoice.speech(hertz: 120, seconds: 0.3) + [Float](repeating: 0, count: 16_000)
        let tail = try converted(afterSpeech, voice: name).suffix(8000)
        let quietAgain = tail.allSatisfy { abs($0) < 1e-5 }
        #expect(quietAgain)
    }

    /// A colour is no volume: it is brought to where the level can be kept.
    @Test(arguments: [24.0, -24]) func a_strong_colour_keeps_the_level(decibels: Double) throws {
        let input = SyntheticVoice.speech(hertz: 130, seconds: 3)
        var voice = try catalogVoice("deep")
        voice.colour = [
            Voice.ColourPoint(hertz: 1000, decibels: decibels), Voice.ColourPoint(hertz: 1500, decibels: 0),
        ]
        var converter = VoiceConverter(voice: voice)
        let output = converted(input, by: &converter)
        let change = SyntheticVoice.level(output[4800...]) - SyntheticVoice.level(input[4800...])
        #expect(abs(change) < 2, "\(change) dB")
    }

    @Test(arguments: ["rachel", "adam", "child", "deep", "robot"])
    func the_level_is_kept(name: String) throws {
        let input = SyntheticVoice.speech(hertz: 130, seconds: 3)
        let output = try converted(input, voice: name)
        let change = SyntheticVoice.level(output[4800...]) - SyntheticVoice.level(input[4800...])
        #expect(abs(change) < 1, "\(change) dB")
    }
}
