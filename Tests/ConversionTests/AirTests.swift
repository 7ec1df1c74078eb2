import Foundation
import Testing
import VoiceConversion

/// What is added above the end of the speaker's spectrum.
struct AirTests {
    private static let airy = Voice(
        name: "x", summary: "x", pitch: .ratio(1), formants: .ratio(1),
        air: [
            Voice.ColourPoint(hertz: 5000, decibels: -40), Voice.ColourPoint(hertz: 5600, decibels: 0),
            Voice.ColourPoint(hertz: 8000, decibels: 0),
        ])

    private var plain: Voice {
        var voice = Self.airy
        voice.air = []
        return voice
    }

    /// Speech that ends at 5 kHz, with a hiss that reaches up to there.
    private func dullSpeech() -> [Float] {
        let hiss = SyntheticVoice.noise(count: 48_000, amplitude: 0.2, seed: 3).map(Double.init)
        let narrow = SyntheticVoice.resonate(
            SyntheticVoice.resonate(hiss, hertz: 4500, bandwidth: 900), hertz: 3000, bandwidth: 900)
        return zip(SyntheticVoice.vowel(hertz: 120, seconds: 3), SyntheticVoice.scaled(narrow, peak: 0.2)).map(+)
    }

    @Test func air_lies_above_and_changes_nothing_below() {
        let speech = dullSpeech()
        var with = VoiceConverter(voice: Self.airy)
        var without = VoiceConverter(voice: plain)
        let airy = converted(speech, by: &with)
        let dull = converted(speech, by: &without)
        func gain(_ hertz: Double) -> Double {
            10 * log10(SyntheticVoice.power(of: airy, at: hertz) / SyntheticVoice.power(of: dull, at: hertz))
        }
        #expect(gain(6500) > 6, "\(gain(6500)) dB")
        for hertz in [400.0, 1500, 3000] {
            #expect(abs(gain(hertz)) < 0.7, "\(hertz) Hz: \(gain(hertz)) dB")
        }
    }

    @Test func silence_gets_no_air() {
        var converter = VoiceConverter(voice: Self.airy)
        let output = converted([Float](repeating: 0, count: 16_000), by: &converter)
        #expect(output.allSatisfy { abs($0) < 1e-6 })
    }

    @Test func the_blocks_do_not_matter() {
        let speech = dullSpeech()
        var one = VoiceConverter(voice: Self.airy)
        var other = VoiceConverter(voice: Self.airy)
        #expect(converted(speech, by: &one, block: 160) == converted(speech, by: &other, block: 7))
        one.reset()
        other.reset()
        #expect(converted(speech, by: &one) == converted(speech, by: &other))
    }

    /// Air comes and goes without a click, and is gone when it went.
    @Test func air_comes_and_goes() {
        let speech = dullSpeech()
        let voices = (airy: PreparedVoice(Self.airy), plain: PreparedVoice(plain))
        var changing = VoiceConverter(voice: plain)
        let output = converted(speech, by: &changing) { place, converter in
            if place == 16_000 { converter.setVoice(voices.airy) }
            if place == 24_000 { converter.setVoice(voices.plain) }
        }
        var still = VoiceConverter(voice: plain)
        let dull = converted(speech, by: &still)
        #expect(ChangeNoise.bursts(in: output, after: [16_000, 24_000], rate: 16_000, delay: 240).isEmpty)
        // The level's follower needs a while to forget it.
        let difference = zip(output[36_000...], dull[36_000...]).map { abs($0 - $1) }.max() ?? 1
        #expect(difference < 1e-3, "\(difference)")
    }
}
