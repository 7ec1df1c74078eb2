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

    @Test func without_a_threshold_nothing_changes() throws {
        let input = SyntheticVoice.noise(count: 8000, amplitude: 0.001, seed: 2)
        let same = try gated(input, decibels: nil) == gated(input, decibels: -100)
        #expect(same)
    }
}
