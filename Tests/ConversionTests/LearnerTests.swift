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

    @Test(arguments: [(110.0, 1000.0), (200, 1180)])
    func a_profile_finds_pitch_and_formants(pair: (hertz: Double, spacing: Double)) throws {
        let found = try profile(SyntheticVoice.speech(hertz: pair.hertz, seconds: 16, spacing: pair.spacing))
        #expect(abs(12 * log2(found.medianHertz / pair.hertz)) < 0.5)
        #expect(abs(found.spacingHertz / pair.spacing - 1) < 0.08, "\(found.spacingHertz) Hz")
        #expect(found.speechSeconds > 10 && found.speechSeconds < 16)
        #expect(found.bandDecibels.count == SpeakerProfile.bandCentresHertz.count)
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
