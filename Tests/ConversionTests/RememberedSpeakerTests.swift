import Foundation
import Testing
import VoiceConversion

/// A session that begins with the speaker of the one before, who may be there again or not.
struct RememberedSpeakerTests {
    private static let man = (hertz: 112.0, spacing: 1000.0)
    private static let woman = (hertz: 205.0, spacing: 1180.0)

    private func remembered(_ who: (hertz: Double, spacing: Double)) -> Voice.Speaker {
        Voice.Speaker(medianHertz: who.hertz, spreadSemitones: 2, spacingHertz: who.spacing, mayBeAnother: true)
    }

    private func speech(_ who: (hertz: Double, spacing: Double), seconds: Double) -> [Float] {
        SyntheticVoice.speech(hertz: who.hertz, seconds: seconds, spacing: who.spacing)
    }

    /// Semitones beside rachel's pitch from one second to another.
    private func miss(_ sound: [Float], from start: Double, to end: Double) -> Double {
        let part = Array(sound[Int(start * 16_000)..<Int(end * 16_000)])
        return 12 * log2(SyntheticVoice.pitch(of: part).hertz / 195)
    }

    /// The sentence that a session begins with lies some semitones above what the whole of it would say of them.
    @Test func whoever_is_known_lands_from_the_first_word_on() throws {
        let sound = SyntheticVoice.speech(hertz: 136, seconds: 1.8, spacing: 1000) + speech(Self.man, seconds: 3)
        var blind = VoiceConverter(voice: try catalogVoice("rachel"))
        var knowing = VoiceConverter(voice: try catalogVoice("rachel"), speaker: remembered(Self.man))
        let without = miss(converted(sound, by: &blind), from: 2, to: 3)
        let with = miss(converted(sound, by: &knowing), from: 2, to: 3)
        #expect(abs(with) < 1, "\(with) semitones, \(without) without")
        #expect(abs(without) > 1.5, "otherwise this proves nothing: \(without) semitones")
    }

    @Test(arguments: [true, false]) func somebody_else_is_followed_after_a_second_of_voice(isMan: Bool) throws {
        let (here, expected) = isMan ? (Self.man, Self.woman) : (Self.woman, Self.man)
        let sound = speech(here, seconds: 6)
        var converter = VoiceConverter(voice: try catalogVoice("rachel"), speaker: remembered(expected))
        let output = converted(sound, by: &converter)
        #expect(abs(miss(output, from: 0.2, to: 1)) > 5, "another was expected")
        let late = miss(output, from: 2.5, to: 6)
        #expect(abs(late) < 1, "\(late) semitones")
        let heard = try #require(converter.heardSpeaker == nil ? nil : converter.heardSpeaker)
        #expect(abs(12 * log2(heard.medianHertz / here.hertz)) < 0.7)
    }

    /// Who is certain, as the speaker of a file that was heard to its end, is not given up for a high beginning.
    @Test func a_certain_speaker_stays() throws {
        let sound = SyntheticVoice.speech(hertz: 205, seconds: 3, spacing: 1000)
        var certain = Voice.Speaker(medianHertz: 112, spreadSemitones: 2, spacingHertz: 1000)
        var sure = VoiceConverter(voice: try catalogVoice("rachel"), speaker: certain)
        certain.mayBeAnother = true
        var unsure = VoiceConverter(voice: try catalogVoice("rachel"), speaker: certain)
        let kept = miss(converted(sound, by: &sure), from: 2.2, to: 3)
        let given = miss(converted(sound, by: &unsure), from: 2.2, to: 3)
        #expect(kept > 5, "\(kept) semitones")
        #expect(given < 2, "\(given) semitones")
    }

    @Test func nobody_is_known_from_little_or_from_noise() throws {
        var converter = VoiceConverter(voice: try catalogVoice("adam"), speaker: remembered(Self.man))
        _ = converted(SyntheticVoice.noise(count: 160_000, amplitude: 0.2, seed: 3), by: &converter)
        _ = converted(speech(Self.man, seconds: 3), by: &converter)
        let early = converter.heardSpeaker
        #expect(early == nil)
        _ = converted(speech(Self.man, seconds: 6), by: &converter)
        let late = converter.heardSpeaker
        #expect(late != nil)
        converter.reset()
        let forgotten = converter.heardSpeaker
        #expect(forgotten == nil)
    }
}
