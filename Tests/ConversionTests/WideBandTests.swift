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
