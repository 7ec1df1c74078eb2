import Foundation
import Testing
import VoiceConversion

struct LearnerTests {
    private func profile(_ signal: [Float], pieces: Int = 1000) throws -> SpeakerProfile {
        var learner = VoiceLearner()
        var place = 0
        while place < signal.count {
            let end = min(signal.count, place + pieces)
            signal.withUnsafeBufferPointer { learner.add(UnsafeBufferPointer(rebasing: $0[place..<end])) }
            place = end
        }
        return try learner.profile()
    }

    @Test(arguments: [85.0, 120, 180, 240, 300, 340], [900.0, 1000, 1100, 1200, 1300, 1400])
    func a_profile_finds_pitch_and_formants(hertz: Double, spacing: Double) throws {
        let found = try profile(SyntheticVoice.vowels(hertz: hertz, seconds: 16, spacing: spacing))
        #expect(abs(12 * log2(found.medianHertz / hertz)) < 0.5)
        #expect(abs(found.spacingHertz / spacing - 1) < 0.05, "\(found.spacingHertz) Hz")
        #expect(found.speechSeconds > 10 && found.speechSeconds < 16)
        #expect(found.bandDecibels.count == SpeakerProfile.bandCentresHertz.count)
    }

    /// Where one formant makes no peak, no other one is taken for it.
    @Test(arguments: [120.0, 220], [900.0, 1000, 1100, 1200])
    func a_missing_formant_does_not_move_the_others(hertz: Double, spacing: Double) throws {
        let vowels = SyntheticVoice.vowels(hertz: hertz, seconds: 16, spacing: spacing, blurred: 4)
        // No voice is without breath, and none ends above its formants as if it were cut off.
        let breath = SyntheticVoice.noise(count: vowels.count, amplitude: 0.003, seed: 7)
        let found = try profile(zip(vowels, breath).map { $0 + $1 })
        #expect(abs(found.spacingHertz / spacing - 1) < 0.1, "\(found.spacingHertz) Hz")
    }

    @Test func the_pieces_do_not_matter() throws {
        let signal = SyntheticVoice.speech(hertz: 150, seconds: 14)
        let same = try profile(signal, pieces: 333) == profile(signal, pieces: signal.count)
        #expect(same)
    }

    @Test func little_speech_is_refused_with_what_was_found() throws {
        var learner = VoiceLearner()
        SyntheticVoice.speech(hertz: 150, seconds: 6).withUnsafeBufferPointer { learner.add($0) }
        do {
            _ = try learner.profile()
            Issue.record("six seconds should not be enough")
        } catch LearningError.tooLittleSpeech(let found, let needed) {
            #expect(found > 3 && found < 6)
            #expect(needed == VoiceLearner.neededSeconds)
        }
    }

    @Test func noise_and_silence_are_refused() {
        #expect(throws: LearningError.noVoice) {
            try profile(SyntheticVoice.noise(count: 200_000, amplitude: 0.3, seed: 1))
        }
        #expect(throws: LearningError.tooLittleSpeech(foundSeconds: 0, neededSeconds: 10)) {
            try profile([Float](repeating: 0, count: 200_000))
        }
        #expect(throws: LearningError.tooLittleSpeech(foundSeconds: 0, neededSeconds: 10)) {
            try profile([Float](repeating: .nan, count: 200_000))
        }
    }

    @Test(arguments: [(1000.0, 1180.0), (1180, 1000), (1050, 1050)])
    func the_factor_between_two_speakers_is_found(spacings: (source: Double, target: Double)) throws {
        let source = SyntheticVoice.vowels(hertz: 120, seconds: 14, spacing: spacings.source)
        let target = SyntheticVoice.vowels(hertz: 170, seconds: 14, spacing: spacings.target)
        let ratio = VoiceFitting.formantRatio(from: try profile(source), to: try profile(target))
        #expect(abs(ratio / (spacings.target / spacings.source) - 1) < 0.05, "\(ratio)")
    }

    /// Who begins high is not brought down when it is known where their voice lies.
    @Test func a_known_speaker_needs_no_finding_out() throws {
        let high = SyntheticVoice.vowel(hertz: 150, seconds: 1)
        var voice = try catalogVoice("rachel")
        var unknown = VoiceConverter(voice: voice)
        voice.speaker = Voice.Speaker(medianHertz: 115, spreadSemitones: 2.6, spacingHertz: 1050)
        var known = VoiceConverter(voice: voice)
        let free = ConversionTests.converted(high, by: &unknown)
        let held = ConversionTests.converted(high, by: &known)
        #expect(abs(12 * log2(SyntheticVoice.pitch(of: free, from: 4000).hertz / 195)) < 1)
        // 4.6 semitones above, which are slowly forgotten.
        #expect(12 * log2(SyntheticVoice.pitch(of: held, from: 4000).hertz / 195) > 3)
        known.reset()
        let again = ConversionTests.converted(high, by: &known)
        #expect(again == held)
    }

    /// The learned voice is nearer to the target than the nearest preset: in pitch, in spectrum.
    @Test func a_learned_voice_comes_near_its_target() throws {
        let source = SyntheticVoice.speech(hertz: 115, seconds: 16, spacing: 1000)
        let dull = SyntheticVoice.speech(hertz: 165, seconds: 16, spacing: 1120)
        var state: Float = 0
        let target = dull.map { sample -> Float in
            state += 0.3 * (sample - state)
            return state
        }
        let wanted = try profile(target)
        let voice = Voice(name: "x", summary: "x", target: wanted, source: try profile(source))
            .refined(towards: wanted, speech: source)
        var learned = VoiceConverter(voice: voice)
        var plain = VoiceConverter(voice: try catalogVoice("clara"))
        let near = try profile(ConversionTests.converted(source, by: &learned))
        let far = try profile(ConversionTests.converted(source, by: &plain))
        #expect(abs(12 * log2(near.medianHertz / wanted.medianHertz)) < 0.7)
        #expect(distance(near, wanted) < 0.7 * distance(far, wanted))
    }

    private func distance(_ left: SpeakerProfile, _ right: SpeakerProfile) -> Double {
        let squares = zip(left.bandDecibels, right.bandDecibels).map { ($0 - $1) * ($0 - $1) }
        return (squares.reduce(0, +) / Double(squares.count)).squareRoot()
    }
}
