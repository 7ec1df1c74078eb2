import Foundation
import Testing
import VoiceConversion

/// What the grains make of the source: where they are placed, what they keep and what they fill.
struct GrainTests {
    /// A vowel whose periods differ at random by some percent, as a person's do.
    private func unevenVowel(hertz: Double, seconds: Double, percent: Double) -> [Float] {
        let deviations = SyntheticVoice.noise(count: Int(seconds * hertz) + 2, amplitude: 1, seed: 11)
        var pulses = [Double](repeating: 0, count: Int(seconds * SyntheticVoice.rate))
        var place = 40.0
        for deviation in deviations where Int(place) + 1 < pulses.count {
            let share = place - Double(Int(place))
            pulses[Int(place)] += 1 - share
            pulses[Int(place) + 1] += share
            place += SyntheticVoice.rate / hertz * (1 + percent / 100 * Double(deviation))
        }
        for centre in [620.0, 1450, 2600, 3600] {
            pulses = SyntheticVoice.resonate(pulses, hertz: centre, bandwidth: 60 + 0.03 * centre)
        }
        return SyntheticVoice.scaled(pulses, peak: 0.5)
    }

    /// Power between two frequencies in dB, over what lies after the first 0.2 s.
    private func decibels(_ signal: [Float], from low: Double, to high: Double) -> Double {
        let settled = Array(signal[3200...])
        let sum = stride(from: low, through: high, by: 50).reduce(0.0) {
            $0 + SyntheticVoice.power(of: settled, at: $1)
        }
        return 10 * log10(sum + 1e-12)
    }

    @Test func the_pulses_follow_every_period_of_the_source() throws {
        var deviation = 0.0
        let pitches = [170.0, 190, 210, 230, 250]
        for hertz in pitches {
            let input = unevenVowel(hertz: hertz, seconds: 2, percent: 3)
            let output = try converted(input, voice: "adam", fixed: (1, 1))
            // Each 20 ms of the output lie just the delay behind what they are made of.
            let delay = ConversionDelay.ms15.samples
            let lags = stride(from: 4800, to: input.count - 1000, by: 320).map { start in
                (-16...16).max { one, other in
                    likeness(output, input, at: start, lag: delay + one)
                        < likeness(output, input, at: start, lag: delay + other)
                }!
            }
            let middle = lags.sorted()[lags.count / 2]
            deviation += lags.reduce(0.0) { $0 + Double(abs($1 - middle)) } / Double(lags.count * pitches.count)
        }
        #expect(deviation < 0.4, "\(deviation) samples")
    }

    private func likeness(_ output: [Float], _ input: [Float], at start: Int, lag: Int) -> Double {
        var product = 0.0
        var energy = 1e-9
        for index in start..<(start + 320) {
            product += Double(output[index + lag]) * Double(input[index])
            energy += Double(output[index + lag]) * Double(output[index + lag])
        }
        return product / energy.squareRoot()
    }

    @Test(arguments: [(0.6, 0.87), (0.7, 0.8), (1, 0.75)])
    func slower_reading_leaves_no_empty_band_at_the_top(ratio: (pitch: Double, formant: Double)) throws {
        let hiss = SyntheticVoice.noise(count: 32_000, amplitude: 0.2, seed: 21)
        let breath = zip(unevenVowel(hertz: 200, seconds: 2, percent: 1), hiss).map { $0 + 0.2 * $1 }
        for input in [hiss, breath] {
            let output = try converted(input, voice: "adam", fixed: ratio)
            let edge = 8000 * ratio.formant
            let change = decibels(output, from: edge + 100, to: edge + 600) - decibels(input, from: 7000, to: 7800)
            #expect(change > -12, "\(change) dB above \(edge) Hz")
        }
    }

    @Test(arguments: [(0.6, 0.87), (1.7, 1.15)])
    func a_hiss_is_not_coloured(ratio: (pitch: Double, formant: Double)) throws {
        let input = SyntheticVoice.noise(count: 64_000, amplitude: 0.2, seed: 23)
        let output = try converted(input, voice: "adam", fixed: ratio)
        let levels = stride(from: 2000.0, to: 5900, by: 300).map { low in
            decibels(output, from: low, to: low + 250) - decibels(input, from: low, to: low + 250)
        }
        let spread = levels.max()! - levels.min()!
        #expect(spread < 2.5, "\(levels)")
    }

    @Test func two_grains_do_not_weaken_each_others_high_frequencies() throws {
        let hiss = SyntheticVoice.noise(count: 48_000, amplitude: 0.2, seed: 29)
        let input = zip(unevenVowel(hertz: 200, seconds: 3, percent: 1), hiss).map { $0 + 0.2 * $1 }
        let output = try converted(input, voice: "adam", fixed: (0.6, 1))
        let low = decibels(output, from: 400, to: 1000) - decibels(input, from: 400, to: 1000)
        let high = decibels(output, from: 5000, to: 6500) - decibels(input, from: 5000, to: 6500)
        #expect(abs(high - low) < 1, "\(high - low) dB")
    }

    /// What noise between two words may look like to the tracker: a few periods of a low voice.
    struct Interlude {
        let hertz: Double
        let seconds: Double
        let amplitude: Float
        let wordHertz: Double
    }

    @Test(arguments: [
        Interlude(hertz: 78, seconds: 0.04, amplitude: 0.1, wordHertz: 220),
        Interlude(hertz: 78, seconds: 0.04, amplitude: 0.1, wordHertz: 250),
        Interlude(hertz: 85, seconds: 0.06, amplitude: 0.03, wordHertz: 220),
        Interlude(hertz: 70, seconds: 0.1, amplitude: 0.03, wordHertz: 220),
        Interlude(hertz: 70, seconds: 0.04, amplitude: 0.1, wordHertz: 250),
    ])
    func a_word_that_begins_after_a_lower_voice_is_not_left_out(between: Interlude) throws {
        let word = unevenVowel(hertz: between.wordHertz, seconds: 0.5, percent: 0)
        let low = unevenVowel(hertz: between.hertz, seconds: between.seconds, percent: 0)
        let output = try converted(word + low.map { $0 * between.amplitude } + word, voice: "adam", fixed: (0.6, 0.87))
        let start = word.count + low.count + ConversionDelay.ms15.samples
        let usual = SyntheticVoice.level(output[(start + 1600)..<(start + 6000)])
        let quietest = stride(from: start + 64, to: start + 1200, by: 16).map { place in
            SyntheticVoice.level(output[place..<(place + 128)]) - usual
        }.min()!
        #expect(quietest > -8, "\(quietest) dB")
    }
}
