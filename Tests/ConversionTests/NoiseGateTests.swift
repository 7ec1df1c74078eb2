import Foundation
import Testing
import VoiceConversion

struct NoiseGateTests {
    private func gated(_ input: [Float], decibels: Double?) throws -> [Float] {
        var converter = VoiceConverter(voice: try catalogVoice("none"))
        converter.setGate(thresholdDecibels: decibels)
        return converted(input, by: &converter)
    }

    @Test func pauses_are_lowered_and_speech_is_not() throws {
        let noise = SyntheticVoice.noise(count: 32_000, amplitude: 0.003, seed: 2)
        let speech = SyntheticVoice.vowel(hertz: 140, seconds: 2)
        let input = noise.indices.map { noise[$0] + ($0 < 16_000 ? 0 : speech[$0]) }
        let output = try gated(input, decibels: -40)
        #expect(SyntheticVoice.level(output[8000..<15_000]) < SyntheticVoice.level(input[8000..<15_000]) - 20)
        let same = Array(output[16_240...]) == Array(input[16_000..<(32_000 - 240)])
        #expect(same, "not one sample of the speech may change, its onset included")
    }

    /// What is weaker than the level is kept for 10 ms before it is passed, and no longer.
    @Test func of_a_weak_beginning_the_last_ten_milliseconds_are_whole() throws {
        let hiss = SyntheticVoice.noise(count: 32_000, amplitude: 0.007, seed: 2)
        let vowel = SyntheticVoice.noise(count: 32_000, amplitude: 0.3, seed: 3)
        for (milliseconds, whole) in [(9, true), (80, false)] {
            let onset = 16_000
            let loud = onset + milliseconds * 16
            let input = hiss.indices.map { $0 < onset ? 0 : $0 < loud ? hiss[$0] : vowel[$0] }
            let output = try gated(input, decibels: -45)
            let same = Array(output[(onset + 240)...]) == Array(input[onset..<(32_000 - 240)])
            #expect(same == whole, "\(milliseconds) ms")
            let kept = Array(output[(loud - 144 + 240)...]) == Array(input[(loud - 144)..<(32_000 - 240)])
            #expect(kept, "\(milliseconds) ms")
        }
    }

    /// The automatic level raises the pauses as well: the threshold goes with it, and holds for the input.
    @Test func behind_the_automatic_level_the_threshold_is_the_inputs() throws {
        let voice = SyntheticVoice.speech(hertz: 140, seconds: 24)
        let noise = SyntheticVoice.noise(count: voice.count, amplitude: 0.0017, seed: 2)
        // A second of speech and a second of pause in turn.
        let input = voice.indices.map { noise[$0] + ($0 / 16_000 % 2 == 0 ? 0.05 * voice[$0] : 0) }
        func output(gate decibels: Double?) throws -> [Float] {
            var cleanUp = CleanUp(rate: 16_000, settings: CleanUpSettings(level: true))
            var converter = VoiceConverter(voice: try catalogVoice("none"))
            var threshold = LevelledThreshold(decibels: decibels)
            converter.setGate(thresholdDecibels: decibels)
            var output = input
            for start in stride(from: 0, to: output.count, by: 160) {
                output.withUnsafeMutableBufferPointer { samples in
                    let block = UnsafeMutableBufferPointer(rebasing: samples[start..<(start + 160)])
                    cleanUp.process(block)
                    if let moved = threshold.moved(by: cleanUp.levelDecibels) {
                        converter.setGate(thresholdDecibels: moved)
                    }
                    converter.process(UnsafeBufferPointer(block), into: block)
                }
            }
            #expect(cleanUp.levelDecibels > 10)
            return output
        }
        let levelled = try output(gate: nil)
        let gated = try output(gate: -50)
        for second in [17, 19, 21] {
            let pause = (second * 16_000 + 9_600)..<(second * 16_000 + 15_900)
            #expect(SyntheticVoice.level(gated[pause]) < SyntheticVoice.level(levelled[pause]) - 18, "at \(second) s")
            let speech = (second * 16_000 + 16_400)..<(second * 16_000 + 31_000)
            #expect(abs(SyntheticVoice.level(gated[speech]) - SyntheticVoice.level(levelled[speech])) < 0.1)
        }
    }

    @Test func a_threshold_follows_the_level_and_no_gate_is_no_threshold() {
        var threshold = LevelledThreshold(decibels: -40)
        #expect(threshold.moved(by: 0) == nil)
        #expect(threshold.moved(by: 6) == -34)
        #expect(threshold.moved(by: 6.01) == nil)
        threshold.decibels = -50
        #expect(threshold.atGate == -44)
        threshold.decibels = nil
        #expect(threshold.moved(by: 12) == nil)
        #expect(threshold.atGate == nil)
        threshold.decibels = -45
        #expect(threshold.moved(by: 12) == -33)
    }

    /// At a device's rate the gate lowers the whole band, and opens as early.
    @Test(arguments: WideBandConverter.supportedRates, ["none", "rachel"])
    func what_lies_above_eight_kilohertz_is_lowered_too(rate: Int, voice: String) throws {
        let noise = SyntheticVoice.noise(count: 2 * rate, amplitude: 0.003, seed: 2)
        let hiss = SyntheticVoice.noise(count: 2 * rate, amplitude: 0.3, seed: 3)
        let input = noise.indices.map { noise[$0] + ($0 < rate ? 0 : hiss[$0]) }
        var converter = try WideBandConverter(voice: try catalogVoice(voice), rate: rate)
        converter.setGate(thresholdDecibels: -40)
        var output = input
        for start in stride(from: 0, to: input.count, by: 333) {
            output.withUnsafeMutableBufferPointer { samples in
                let block = UnsafeMutableBufferPointer(rebasing: samples[start..<min(start + 333, samples.count)])
                converter.process(UnsafeBufferPointer(block), into: block)
            }
        }
        let pause = (rate / 2)..<(rate * 9 / 10)
        #expect(SyntheticVoice.level(output[pause]) < SyntheticVoice.level(input[pause]) - 20)
        let high = 10 * log10(above(8500, output, pause, rate) / above(8500, input, pause, rate))
        #expect(high < -20, "\(high) dB above 8.5 kHz")
        guard voice == "none" else { return }
        let delay = converter.delaySamples
        let same = Array(output[(rate + delay)...]) == Array(input[rate..<(input.count - delay)])
        #expect(same, "not one sample of the onset may change")
    }

    private func above(_ hertz: Double, _ sound: [Float], _ part: Range<Int>, _ rate: Int) -> Double {
        // The measure counts in samples at 16 kHz.
        stride(from: hertz, to: 0.45 * Double(rate), by: 300).reduce(0) {
            $0 + SyntheticVoice.power(of: Array(sound[part]), at: $1 * 16_000 / Double(rate))
        }
    }

    @Test func without_a_threshold_nothing_changes() throws {
        let input = SyntheticVoice.noise(count: 8000, amplitude: 0.001, seed: 2)
        let same = try gated(input, decibels: nil) == gated(input, decibels: -100)
        #expect(same)
    }
}
