import Foundation
import Testing
import VoiceConversion

struct DelayTests {
    @Test(arguments: ConversionDelay.allCases)
    func none_is_the_delayed_input_bit_for_bit(delay: ConversionDelay) throws {
        let input = SyntheticVoice.noise(count: 8000, amplitude: 0.9, seed: 11)
        let output = try converted(input, voice: "none", delay: delay, block: 37)
        let shift = delay.rawValue * 16
        let same = Array(output[shift...]) == Array(input[..<(input.count - shift)])
        let silentBefore = output[..<shift].allSatisfy { $0 == 0 }
        #expect(same)
        #expect(silentBefore)
    }

    /// Bursts of noise 0.25 s apart: the energy envelopes of both sides must agree at the promised delay.
    @Test(arguments: ConversionDelay.allCases, [(1.0, 1.0), (1.7, 1.15), (0.6, 0.87)])
    func the_delay_is_what_it_says(delay: ConversionDelay, ratios: (pitch: Double, formant: Double)) throws {
        let hiss = SyntheticVoice.noise(count: 32_000, amplitude: 0.4, seed: 5)
        let input = hiss.indices.map { index in index % 4000 < 900 ? hiss[index] : 0 }
        let converter = VoiceConverter(voice: try catalogVoice("adam"), delay: delay)
        #expect(converter.delaySamples == delay.rawValue * 16)
        let output = try converted(input, voice: "adam", delay: delay, fixed: ratios)
        let found = bestShift(envelope(input), envelope(output))
        #expect(abs(found - delay.rawValue * 16) <= 24, "\(Double(found) / 16) ms")
    }

    private func envelope(_ signal: [Float]) -> [Float] {
        var sum: Float = 0
        return signal.indices.map { index in
            sum += signal[index] * signal[index]
            if index >= 64 { sum -= signal[index - 64] * signal[index - 64] }
            return max(0, sum).squareRoot()
        }
    }

    private func bestShift(_ left: [Float], _ right: [Float]) -> Int {
        var best = 0
        var most: Float = -1
        for shift in stride(from: 0, through: 800, by: 4) {
            var product: Float = 0
            for index in stride(from: 0, to: left.count - shift, by: 4) {
                product += left[index] * right[index + shift]
            }
            if product > most {
                most = product
                best = shift
            }
        }
        return best
    }
}
