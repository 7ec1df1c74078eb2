import Testing
import VoiceSignal

/// A pair of rates with the profile under test.
struct RatePair: Sendable, CustomTestStringConvertible {
    let from: Int
    let to: Int
    var lower: Int { min(from, to) }
    var testDescription: String { "\(from) to \(to)" }

    /// Every pair of the rates that sound comes in; only neighbours with the extreme reductions that differ.
    static let all: [RatePair] = {
        let rates = [8_000, 11_025, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000, 88_200, 96_000, 192_000]
        return rates.flatMap { from in rates.filter { $0 != from }.map { RatePair(from: from, to: $0) } }
    }()

    static let common = [
        RatePair(from: 48_000, to: 16_000), RatePair(from: 16_000, to: 48_000),
        RatePair(from: 44_100, to: 16_000), RatePair(from: 16_000, to: 44_100),
        RatePair(from: 8_000, to: 16_000), RatePair(from: 44_100, to: 48_000),
        RatePair(from: 192_000, to: 11_025), RatePair(from: 11_025, to: 192_000),
        // No common factor to speak of: too many phases for a table, so rows are interpolated.
        RatePair(from: 44_101, to: 47_999),
    ]
}

@Suite struct ResamplerQualityTests {
    typealias Tone = ToneMeasurement

    /// Gain in dB and everything that is not the tone, in dB below it, for one frequency.
    private func response(
        _ frequency: Double, _ pair: RatePair, _ profile: Resampler.Profile
    ) throws -> (gain: Double, rest: Double) {
        // A window inside of the output that the ends of the input don't reach, some 1,500 periods of the lower rate.
        let margin = 64
        let count = (1_500 + 2 * margin) * pair.from / pair.lower
        let input = Tone.sine(frequency, rate: pair.from, count: count).map(Float.init)
        let output = try resampled(input, from: pair.from, to: pair.to, profile)
        let edge = (margin * pair.to + pair.lower - 1) / pair.lower
        let inner = output[edge..<(output.count - edge)]
        guard frequency * 2 < Double(pair.to) else {
            return (-.infinity, Tone.decibels(Tone.rms(inner) * 2.squareRoot()))
        }
        let fit = Tone.fit(frequency, rate: pair.to, in: inner)
        return (Tone.decibels(fit.amplitude), Tone.decibels(fit.residual * 2.squareRoot()))
    }

    /// Worst ripple to `passEdge` and worst rest there and from `stopEdge` on, over a sweep.
    private func sweep(
        _ pair: RatePair, _ profile: Resampler.Profile, passEdge: Double, stopEdge: Double, points: Int
    ) throws -> (ripple: Double, rest: Double) {
        var (ripple, rest) = (0.0, -Double.infinity)
        for point in 0..<points {
            // Odd steps, so that no tone is a divisor of a rate and the aliases fall beside the tone.
            let frequency = (Double(point) + 0.317) / Double(points) * passEdge
            let (gain, others) = try response(frequency, pair, profile)
            ripple = max(ripple, abs(gain))
            rest = max(rest, others)
        }
        let (gain, others) = try response(passEdge, pair, profile)
        (ripple, rest) = (max(ripple, abs(gain)), max(rest, others))
        // Above the output's Nyquist frequency all that comes out is an alias.
        let top = Double(pair.from) / 2
        guard stopEdge < top else { return (ripple, rest) }
        for point in 0..<points {
            let position = Double(point) / Double(points)
            // Dense near the edge, where the side lobes are largest.
            let frequency = stopEdge + (top - stopEdge) * position * position
            rest = max(rest, try response(frequency, pair, profile).rest)
        }
        return (ripple, rest)
    }

    @Test(arguments: RatePair.common)
    func archive_is_flat_to_nine_tenths_and_free_of_aliases(pair: RatePair) throws {
        let nyquist = Double(pair.lower) / 2
        let result = try sweep(
            pair, .archive, passEdge: 0.9 * nyquist, stopEdge: nyquist * 1.0001, points: 48)
        print("archive \(pair.testDescription): ripple \(result.ripple) dB, rest \(result.rest) dB")
        #expect(result.ripple <= 0.01)
        #expect(result.rest <= -110)
    }

    @Test(arguments: RatePair.common)
    func live_is_flat_and_free_of_aliases_below_its_edge(pair: RatePair) throws {
        // 6.8 and 9.2 kHz when the lower rate is 16 kHz.
        let nyquist = Double(pair.lower) / 2
        let result = try sweep(
            pair, .live, passEdge: 0.85 * nyquist, stopEdge: 1.15 * nyquist, points: 48)
        print("live \(pair.testDescription): ripple \(result.ripple) dB, rest \(result.rest) dB")
        #expect(result.ripple <= 0.1)
        #expect(result.rest <= -80)
    }

    @Test(arguments: RatePair.all)
    func every_pair_meets_the_archive_figures_at_the_edges(pair: RatePair) throws {
        let nyquist = Double(pair.lower) / 2
        for frequency in [0.9 * nyquist, 0.101 * nyquist] {
            let (gain, rest) = try response(frequency, pair, .archive)
            #expect(abs(gain) <= 0.01)
            #expect(rest <= -110)
        }
        if pair.from > pair.to {
            #expect(try response(1.0001 * nyquist, pair, .archive).rest <= -110)
        }
    }
}
