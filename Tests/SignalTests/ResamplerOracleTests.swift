import SignalMeasurement
import Testing
import VoiceSignal

/// The whole resampler against its definition: the continuous response at each instant, summed in double precision.
@Suite struct ResamplerOracleTests {
    @Test(
        arguments: [
            RatePair(from: 48_000, to: 16_000), RatePair(from: 16_000, to: 48_000),
            RatePair(from: 44_100, to: 16_000), RatePair(from: 22_050, to: 88_200),
            RatePair(from: 44_101, to: 47_999), RatePair(from: 192_000, to: 11_025),
        ], Resampler.Profile.allCases)
    func outputs_are_the_convolution_at_their_instants(pair: RatePair, profile: Resampler.Profile) throws {
        let response: BandLimit = profile == .archive ? .archive : .live
        let bandwidth = min(1, Double(pair.to) / Double(pair.from))
        let input = noise(3_000, seed: 31)
        let output = try resampled(input, from: pair.from, to: pair.to, profile)
        let reach = Int(response.length / 2 / bandwidth) + 1
        // Rows of the drift table are joined by straight lines; the live one is the coarser.
        let isBlended = pair.from == 44_101 && profile == .live
        for index in stride(from: 0, to: output.count, by: max(1, output.count / 97)) {
            let instant = Double(index) * Double(pair.from) / Double(pair.to)
            let first = max(0, Int(instant) - reach)
            let last = min(input.count - 1, Int(instant) + reach)
            let weights = response.impulseResponse(
                start: (instant - Double(first)) * bandwidth, step: -bandwidth, count: last - first + 1)
            var expected = 0.0
            for frame in first...last { expected += Double(input[frame]) * weights[frame - first] * bandwidth }
            #expect(abs(Double(output[index]) - expected) < (isBlended ? 2e-5 : 4e-6))
        }
    }
}
