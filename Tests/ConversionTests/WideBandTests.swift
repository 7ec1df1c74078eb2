import Foundation
import Testing
import VoiceConversion

struct WideBandTests {
    private func converted(
        _ input: [Float], rate: Int, voice: String, block: Int = 480, delay: ConversionDelay = .ms15
    ) throws -> (samples: [Float], delay: Int) {
        var converter = try WideBandConverter(voice: try catalogVoice(voice), rate: rate, delay: delay)
        var output = [Float](repeating: 0, count: input.count)
        var place = 0
        while place < input.count {
            let size = min(block, input.count - place)
            input.withUnsafeBufferPointer { source in
                output.withUnsafeMutableBufferPointer { target in
                    converter.process(
                        UnsafeBufferPointer(rebasing: source[place..<(place + size)]),
                        into: UnsafeMutableBufferPointer(rebasing: target[place..<(place + size)]))
                }
            }
            place += size
        }
        return (output, converter.delaySamples)
    }

    private func tone(_ hertz: Double, rate: Int, seconds: Double = 1) -> [Float] {
        (0..<Int(seconds * Double(rate))).map { Float(0.3 * sin(2 * .pi * hertz * Double($0) / Double(rate))) }
    }

    @Test(arguments: WideBandConverter.supportedRates, ConversionDelay.allCases)
    func none_is_the_delayed_input_bit_for_bit(rate: Int, delay: ConversionDelay) throws {
        let input = SyntheticVoice.noise(count: rate / 4, amplitude: 0.9, seed: 3)
        let output = try converted(input, rate: rate, voice: "none", block: 77, delay: delay)
        #expect(output.delay == (delay.rawValue + 2) * rate / 1000)
        let same = Array(output.samples[output.delay...]) == Array(input[..<(input.count - output.delay)])
        #expect(same)
    }

    @Test(arguments: WideBandConverter.supportedRates)
    func the_band_above_eight_kilohertz_is_kept(rate: Int) throws {
        let input = tone(11_000, rate: rate)
        let output = try converted(input, rate: rate, voice: "rachel").samples
        let change = SyntheticVoice.level(output[(rate / 10)...]) - SyntheticVoice.level(input[(rate / 10)...])
        #expect(abs(change) < 0.5, "\(change) dB")
    }

    @Test func the_radio_has_no_band_above_eight_kilohertz() throws {
        let output = try converted(tone(11_000, rate: 48_000), rate: 48_000, voice: "radio").samples
        #expect(SyntheticVoice.level(output[9600...]) < -45)
    }

    /// A colour that rises towards its end doesn't lift the hiss above it, and one that falls is continued.
    @Test func a_colour_goes_on_above_its_end_but_never_upwards() throws {
        func change(_ points: [(Double, Double)]) throws -> Double {
            var voice = try catalogVoice("deep")
            voice.colour = points.map { Voice.ColourPoint(hertz: $0.0, decibels: $0.1) }
            let input = tone(11_000, rate: 48_000)
            var converter = try WideBandConverter(voice: voice, rate: 48_000)
            var output = input
            output.withUnsafeMutableBufferPointer { converter.process(UnsafeBufferPointer($0), into: $0) }
            return SyntheticVoice.level(output[9600...]) - SyntheticVoice.level(input[9600...])
        }
        let rising = try change([(3000, 0), (6500, 11)])
        #expect(abs(rising) < 0.2, "\(rising) dB")
        let falling = try change([(3000, 0), (6500, 11), (7800, -20)])
        #expect(abs(falling + 20) < 1, "\(falling) dB")
    }

    /// Without a share of the voice the output is the delayed input, above 8 kHz as well.
    @Test(arguments: [false, true]) func a_mix_of_nothing_is_the_input(fixed: Bool) throws {
        let input = SyntheticVoice.noise(count: 48_000, amplitude: 0.3, seed: 5)
        var converter = try WideBandConverter(voice: try catalogVoice("radio"), rate: 48_000)
        if fixed { converter.setFixedRatio(pitch: 1.5, formant: 1.1) }
        converter.setMix(0)
        var output = input
        output.withUnsafeMutableBufferPointer { converter.process(UnsafeBufferPointer($0), into: $0) }
        let delay = converter.delaySamples
        let same = Array(output[9600...]) == Array(input[(9600 - delay)..<(input.count - delay)])
        #expect(same)
        converter.setMix(0.5)
        converter.setVoice(PreparedVoice(try catalogVoice("none")))
        converter.setVoice(PreparedVoice(try catalogVoice("radio")))
        let high = tone(12_000, rate: 48_000)
        var half = high
        half.withUnsafeMutableBufferPointer { converter.process(UnsafeBufferPointer($0), into: $0) }
        let change = SyntheticVoice.level(half[9600...]) - SyntheticVoice.level(high[9600...])
        #expect(abs(change + 6) < 0.5, "\(change) dB at 12 kHz")
    }

    @Test func lowered_formants_leave_no_gap_below_the_kept_band() throws {
        let input = SyntheticVoice.noise(count: 96_000, amplitude: 0.2, seed: 31)
        var converter = try WideBandConverter(voice: try catalogVoice("adam"), rate: 48_000)
        converter.setFixedRatio(pitch: 0.6, formant: 0.87)
        var output = [Float](repeating: 0, count: input.count)
        input.withUnsafeBufferPointer { source in
            output.withUnsafeMutableBufferPointer { converter.process(source, into: $0) }
        }
        for low in stride(from: 5000.0, to: 9000, by: 400) {
            // The measure counts in samples at 16 kHz.
            let powers = [output, input].map { signal in
                stride(from: low, to: low + 400, by: 100).reduce(0.0) {
                    $0 + SyntheticVoice.power(of: Array(signal[4800...]), at: $1 / 3)
                }
            }
            let change = 10 * log10(powers[0] / powers[1])
            #expect(change > -7, "\(change) dB at \(low) Hz")
        }
    }

    @Test func the_voice_below_eight_kilohertz_is_converted() throws {
        let narrow = SyntheticVoice.vowel(hertz: 120, seconds: 2, waver: 0.02)
        let wide: [Float] = narrow.flatMap { [$0 * 3, 0, 0] }
        let output = try converted(wide, rate: 48_000, voice: "robot").samples
        let low: [Float] = (0..<(output.count / 3)).map { index in
            let sum: Float = output[3 * index] + output[3 * index + 1] + output[3 * index + 2]
            return sum / 3
        }
        #expect(abs(SyntheticVoice.pitch(of: low, from: 4800).hertz - 100) < 2)
    }

    @Test func the_output_does_not_depend_on_the_blocks() throws {
        let input = SyntheticVoice.speech(hertz: 300, seconds: 1)
        let whole = try converted(input, rate: 48_000, voice: "bella", block: input.count).samples
        for block in [1, 31, 480] {
            let same = try converted(input, rate: 48_000, voice: "bella", block: block).samples == whole
            #expect(same, "blocks of \(block)")
        }
    }

    @Test(arguments: [0, -1, 16_000, 44_100, 192_000])
    func other_rates_are_refused(rate: Int) throws {
        let voice = try catalogVoice("rachel")
        #expect(throws: WideBandError.unsupportedRate(hertz: rate)) {
            _ = try WideBandConverter(voice: voice, rate: rate).delaySamples
        }
    }
}
