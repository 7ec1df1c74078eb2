import Foundation
import Testing
import VoiceConversion

/// Loud recordings: peaks come down without bending the waveform, and nothing passes full scale.
struct PeakTests {
    private func scaled(_ signal: [Float], to peak: Float) -> [Float] {
        let most = signal.reduce(0) { max($0, abs($1)) }
        return signal.map { $0 / most * peak }
    }

    private func wide(_ input: [Float], voice: String, mix: Double = 1) throws -> [Float] {
        var converter = try WideBandConverter(voice: try catalogVoice(voice), rate: 48_000)
        converter.setMix(mix)
        var output = input
        output.withUnsafeMutableBufferPointer { converter.process(UnsafeBufferPointer($0), into: $0) }
        return output
    }

    /// A loud vowel is converted as a quiet one: what is left beside one gain for every 10 ms is far below it.
    @Test(arguments: [(0.55, 0.83), (0.5, 1.2)])
    func a_loud_voice_keeps_its_waveform(ratio: (pitch: Double, formant: Double)) throws {
        let vowel = SyntheticVoice.vowel(hertz: 190, seconds: 3, spacing: 1180, waver: 0.02)
        let quiet = try converted(scaled(vowel, to: 0.24), voice: "adam", fixed: ratio)[8000...].map { 4 * $0 }
        // The figure that this is all about; otherwise the voice proves nothing.
        #expect(quiet.contains { abs($0) > 1.1 })
        let loud = try Array(converted(scaled(vowel, to: 0.96), voice: "adam", fixed: ratio)[8000...])
        let within = loud.allSatisfy { abs($0) <= 0.985 }
        #expect(within)
        var left = 0.0
        var all = 0.0
        for start in stride(from: 0, to: loud.count - 160, by: 160) {
            let pairs = (start..<(start + 160)).map { (Double(loud[$0]), Double(quiet[$0])) }
            let square = pairs.reduce(1e-12) { $0 + $1.1 * $1.1 }
            let gain = pairs.reduce(0) { $0 + $1.0 * $1.1 } / square
            left += pairs.reduce(0) { $0 + pow($1.0 - gain * $1.1, 2) }
            all += pairs.reduce(0) { $0 + $1.0 * $1.0 }
        }
        let decibels = 10 * log10(left / all)
        #expect(decibels < -33, "\(decibels) dB")
    }

    @Test(arguments: ["rachel", "adam"]) func an_ordinary_level_is_kept(name: String) throws {
        let input = scaled(SyntheticVoice.speech(hertz: 150, seconds: 4), to: 0.5)
        let output = try converted(input, voice: name)
        let change = SyntheticVoice.level(output[8000...]) - SyntheticVoice.level(input[8000...])
        #expect(abs(change) < 0.5, "\(change) dB")
    }

    /// Hiss above 8 kHz comes on top of a voice that is near full scale already.
    @Test(arguments: ["rachel", "adam"]) func the_whole_band_stays_inside_full_scale(name: String) throws {
        let narrow = SyntheticVoice.speech(hertz: 140, seconds: 3)
        let hiss = SyntheticVoice.noise(count: 3 * narrow.count, amplitude: 0.4, seed: 9)
        let input = scaled(hiss.indices.map { narrow[$0 / 3] + hiss[$0] }, to: 0.99)
        let within = try wide(input, voice: name).allSatisfy { abs($0) <= 0.985 }
        #expect(within)
        let same = try wide(input, voice: "none")[816...].elementsEqual(input[..<(input.count - 816)])
        #expect(same)
    }

    /// Two waveforms that have nothing in common lose half their power when they are averaged.
    @Test(arguments: [0.25, 0.5, 0.75]) func a_mix_is_as_loud_as_either_side(share: Double) throws {
        let input = scaled(SyntheticVoice.speech(hertz: 150, seconds: 4), to: 0.3)
        for name in ["rachel", "adam", "radio"] {
            var converter = VoiceConverter(voice: try catalogVoice(name))
            let whole = SyntheticVoice.level(converted(input, by: &converter)[16_000...])
            converter.reset()
            converter.setMix(share)
            let mixed = SyntheticVoice.level(converted(input, by: &converter)[16_000...])
            let source = SyntheticVoice.level(input[16_000...])
            let low = min(whole, source) - 0.7
            let high = max(whole, source) + 0.7
            #expect((low...high).contains(mixed), "\(name): \(mixed) dB between \(source) and \(whole)")
        }
    }

    /// What lies above 8 kHz is the same on both sides, and so has no level to make up.
    @Test func a_mix_leaves_the_upper_band_alone() throws {
        let narrow = SyntheticVoice.speech(hertz: 140, seconds: 2)
        let voice = narrow.flatMap { [0.3 * $0, 0.3 * $0, 0.3 * $0] }
        let input = voice.indices.map { voice[$0] + 0.05 * Float(sin(2 * .pi * 12_000 * Double($0) / 48_000)) }
        // The measure counts in samples at 16 kHz.
        let levels = try [input, wide(input, voice: "rachel", mix: 0.5)].map {
            10 * log10(SyntheticVoice.power(of: Array($0[9600...]), at: 4000))
        }
        #expect(abs(levels[1] - levels[0]) < 0.3, "\(levels[1] - levels[0]) dB")
    }

    @Test(arguments: ["adam", "radio"]) func loud_output_does_not_depend_on_the_blocks(name: String) throws {
        let input = scaled(SyntheticVoice.speech(hertz: 190, seconds: 1), to: 0.97)
        let whole = try converted(input, voice: name, block: input.count)
        for block in [1, 37, 160] {
            let same = try converted(input, voice: name, block: block) == whole
            #expect(same, "blocks of \(block)")
        }
    }
}
