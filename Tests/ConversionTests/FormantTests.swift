import Foundation
import Testing
import VoiceConversion

struct FormantTests {
    @Test(arguments: [0.8, 0.87, 1.15, 1.35])
    func a_voiced_formant_moves_by_the_ratio(ratio: Double) throws {
        let pulses = SyntheticVoice.vowel(hertz: 115, seconds: 2, spacing: 40_000).map(Double.init)
        let input = SyntheticVoice.scaled(SyntheticVoice.resonate(pulses, hertz: 2000, bandwidth: 90), peak: 0.5)
        let output = try converted(input, voice: "adam", fixed: (1.3, ratio))
        let peak = SyntheticVoice.peak(of: output, between: 1200, and: 3200)
        #expect(abs(peak / (2000 * ratio) - 1) < 0.06, "\(peak) Hz, wanted \(2000 * ratio)")
    }

    @Test(arguments: [0.87, 1.15])
    func an_unvoiced_formant_moves_by_the_ratio(ratio: Double) throws {
        let hiss = SyntheticVoice.noise(count: 32_000, amplitude: 0.5, seed: 3).map(Double.init)
        let input = SyntheticVoice.scaled(SyntheticVoice.resonate(hiss, hertz: 4000, bandwidth: 300), peak: 0.5)
        let output = try converted(input, voice: "adam", fixed: (1.3, ratio))
        let peak = SyntheticVoice.peak(of: output, between: 2500, and: 5500)
        #expect(abs(peak / (4000 * ratio) - 1) < 0.06, "\(peak) Hz, wanted \(4000 * ratio)")
    }

    @Test func the_radio_has_no_bass_and_no_treble() throws {
        let input = SyntheticVoice.noise(count: 32_000, amplitude: 0.1, seed: 5)
        let output = try converted(input, voice: "radio")
        let middle = SyntheticVoice.power(of: output, at: 1500)
        #expect(SyntheticVoice.power(of: output, at: 100) < 0.05 * middle)
        #expect(SyntheticVoice.power(of: output, at: 6500) < 0.05 * middle)
    }
}
