import Foundation
import Testing
import VoiceConversion

struct SpeakerMeterTests {
    /// Somebody who begins high and goes on a good deal lower, as a reader does.
    private func sentence(from high: Double, to low: Double, spacing: Double) -> [Float] {
        SyntheticVoice.speech(hertz: high, seconds: 1.2, spacing: spacing)
            + SyntheticVoice.speech(hertz: low, seconds: 2.4, spacing: spacing)
    }

    private func measured(_ sound: [Float], pieces: Int = 1000) -> Voice.Speaker? {
        var meter = SpeakerMeter()
        for start in stride(from: 0, to: sound.count, by: pieces) {
            sound[start..<min(start + pieces, sound.count)].withUnsafeBufferPointer { meter.add($0) }
        }
        return meter.speaker
    }

    private func semitones(_ hertz: Double, beside other: Double) -> Double { 12 * log2(hertz / other) }

    @Test(arguments: [(160.0, 110.0, 1000.0), (290, 200, 1180)])
    func a_short_recording_lands(speaker: (high: Double, low: Double, spacing: Double)) throws {
        let sound = sentence(from: speaker.high, to: speaker.low, spacing: speaker.spacing)
        let known = try #require(measured(sound))
        #expect(abs(semitones(known.medianHertz, beside: speaker.low)) < 0.7)
        #expect(abs(known.spacingHertz / speaker.spacing - 1) < 0.1, "\(known.spacingHertz) Hz")
        for (name, hertz) in [("rachel", 195.0), ("adam", 105)] {
            var blind = VoiceConverter(voice: try catalogVoice(name))
            var knowing = VoiceConverter(voice: try catalogVoice(name), speaker: known)
            let before = semitones(SyntheticVoice.pitch(of: converted(sound, by: &blind)).hertz, beside: hertz)
            let after = semitones(SyntheticVoice.pitch(of: converted(sound, by: &knowing)).hertz, beside: hertz)
            #expect(abs(after) < 1, "\(name): \(after) semitones, \(before) without")
            // The figure that this is all about; otherwise the sentence proves nothing.
            #expect(abs(before) > 1.5, "\(name): \(before) semitones")
        }
    }

    @Test func the_pieces_do_not_matter_and_a_reset_keeps_the_speaker() throws {
        let sound = sentence(from: 160, to: 110, spacing: 1000)
        let known = try #require(measured(sound))
        #expect(measured(sound, pieces: 77) == known)
        var converter = VoiceConverter(voice: try catalogVoice("rachel"), speaker: known)
        let first = converted(sound, by: &converter)
        converter.reset()
        let same = converted(sound, by: &converter, block: 77) == first
        #expect(same)
    }

    @Test func noise_and_next_to_nothing_are_nobody() {
        #expect(measured([]) == nil)
        #expect(measured([Float](repeating: 0, count: 32_000)) == nil)
        #expect(measured([Float](repeating: .nan, count: 32_000)) == nil)
        #expect(measured(SyntheticVoice.vowel(hertz: 130, seconds: 0.3)) == nil)
    }

    @Test func a_minute_of_voice_is_enough() {
        let sound = SyntheticVoice.vowel(hertz: 130, seconds: 13)
        var meter = SpeakerMeter()
        for _ in 0..<4 { sound.withUnsafeBufferPointer { meter.add($0) } }
        let early = meter.isSatisfied
        #expect(!early)
        sound.withUnsafeBufferPointer { meter.add($0) }
        let late = meter.isSatisfied
        #expect(late)
    }

    /// A voice that was made for somebody goes on from them.
    @Test func the_voices_own_speaker_comes_first() throws {
        let sound = SyntheticVoice.speech(hertz: 130, seconds: 2)
        var voice = try catalogVoice("rachel")
        voice.speaker = Voice.Speaker(medianHertz: 115, spreadSemitones: 2.6, spacingHertz: 1050)
        let other = Voice.Speaker(medianHertz: 250, spreadSemitones: 2, spacingHertz: 1250)
        var one = VoiceConverter(voice: voice)
        var two = VoiceConverter(voice: voice, speaker: other)
        let same = converted(sound, by: &one) == converted(sound, by: &two)
        #expect(same)
    }
}
