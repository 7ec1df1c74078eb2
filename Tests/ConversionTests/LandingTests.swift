import Foundation
import Testing
import VoiceConversion

struct LandingTests {
    /// The spacing of a speaker's formants as the tracker finds it.
    private func spacing(of signal: [Float]) throws -> Double {
        var learner = VoiceLearner()
        signal.withUnsafeBufferPointer { learner.add($0) }
        return try learner.profile().spacingHertz
    }

    /// How far the second formant is moved beside what the measured spacings ask for, in logarithms.
    private func share(voice name: String, hertz: Double, spacingHertz: Double) throws -> Double {
        guard case .landing(let target) = try catalogVoice(name).formants else { throw UnknownVoice(name: name) }
        let input = SyntheticVoice.speech(hertz: hertz, seconds: 20, spacing: spacingHertz)
        let output = try converted(input, voice: name)
        let measured = log(target / (try spacing(of: input)))
        // The last seconds: the landing takes its time.
        let second = 1.5 * 0.92 * spacingHertz
        let before = SyntheticVoice.peak(of: Array(input.suffix(64_000)), between: 0.8 * second, and: 1.2 * second)
        let expected = before * exp(measured)
        let after = SyntheticVoice.peak(
            of: Array(output.suffix(64_000)), between: 0.88 * expected, and: 1.12 * expected)
        return log(after / before) / measured
    }

    @Test func formants_are_moved_by_what_was_measured() throws {
        let down = try share(voice: "adam", hertz: 200, spacingHertz: 1250)
        let up = try share(voice: "rachel", hertz: 115, spacingHertz: 950)
        let mean = (down + up) / 2
        #expect(mean > 0.85 && mean < 1.15, "\(down) downwards, \(up) upwards")
    }

    /// Men and children, and those in whom a formant makes no peak, land on the voice's formants.
    @Test(arguments: ["rachel", "adam"], [(85.0, 900.0), (140, 1000), (220, 1200), (320, 1300)])
    func any_speaker_lands_on_the_voices_formants(
        name: String, speaker: (hertz: Double, spacing: Double)
    ) throws {
        for blurred in [nil, 4] {
            try expectLanding(on: name, hertz: speaker.hertz, spacing: speaker.spacing, blurred: blurred)
        }
    }

    private func expectLanding(on name: String, hertz: Double, spacing: Double, blurred: Int?) throws {
        guard case .landing(let target) = try catalogVoice(name).formants else { throw UnknownVoice(name: name) }
        let input = SyntheticVoice.vowels(hertz: hertz, seconds: 24, spacing: spacing, blurred: blurred)
        let output = try converted(input, voice: name)
        // Without the seconds in which the speaker is not known yet.
        let found = try self.spacing(of: Array(output.suffix(output.count - 64_000)))
        #expect(abs(found / target - 1) < 0.06, "\(found) Hz, wanted \(target)")
    }
}
