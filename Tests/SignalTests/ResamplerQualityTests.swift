import SignalMeasurement
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
    @Test(arguments: RatePair.common)
    func archive_is_flat_to_nine_tenths_and_free_of_aliases(pair: RatePair) throws {
        let nyquist = Double(pair.lower) / 2
        let sweep = RateSweep(
            from: pair.from, to: pair.to, passEdge: 0.9 * nyquist, stopEdge: nyquist * 1.0001, points: 48)
        let result = try sweep.run { try resampled($0, from: pair.from, to: pair.to, .archive) }
        #expect(result.ripple <= 0.01)
        #expect(result.beside <= -110)
        #expect(result.aliases <= -110)
    }

    @Test(arguments: RatePair.common)
    func live_is_flat_and_free_of_aliases_below_its_edge(pair: RatePair) throws {
        // 6.8 and 9.2 kHz when the lower rate is 16 kHz.
        let nyquist = Double(pair.lower) / 2
        let sweep = RateSweep(
            from: pair.from, to: pair.to, passEdge: 0.85 * nyquist, stopEdge: 1.15 * nyquist, points: 48)
        let result = try sweep.run { try resampled($0, from: pair.from, to: pair.to, .live) }
        #expect(result.ripple <= 0.1)
        #expect(result.beside <= -80)
        #expect(result.aliases <= -80)
    }

    @Test(arguments: RatePair.all)
    func every_pair_meets_the_archive_figures_at_the_edges(pair: RatePair) throws {
        let nyquist = Double(pair.lower) / 2
        let sweep = RateSweep(from: pair.from, to: pair.to, passEdge: 0, stopEdge: 0, points: 1)
        let convert = { try resampled($0, from: pair.from, to: pair.to, .archive) }
        for frequency in [0.9 * nyquist, 0.101 * nyquist] {
            let (gain, rest) = try sweep.response(frequency, convert)
            #expect(abs(gain) <= 0.01)
            #expect(rest <= -110)
        }
        if pair.from > pair.to {
            #expect(try sweep.response(1.0001 * nyquist, convert).rest <= -110)
        }
    }

    @Test(arguments: RatePair.common, Resampler.Profile.allCases)
    func many_tones_at_once_come_out_alone(pair: RatePair, profile: Resampler.Profile) throws {
        let nyquist = Double(pair.lower) / 2
        let (pass, limit) = profile == .archive ? (0.9, -110.0) : (0.85, -80.0)
        let count = 3_000 * pair.from / pair.lower
        // Whole numbers of periods in the window below, so that the fits don't disturb each other.
        let window = 2_000 * pair.to / pair.lower
        let tones = (1...20).map { Double(Int(1_000 * pass * Double($0) / 20.2)) * Double(pair.to) / Double(window) }
        #expect(tones.allSatisfy { $0 < pass * nyquist })
        var mixed = [Double](repeating: 0, count: count)
        for (index, tone) in tones.enumerated() {
            let phase = Double(index * index) / 20
            let wave = ToneMeasurement.sine(tone, rate: pair.from, count: count, amplitude: 0.05, phase: phase)
            for frame in 0..<count { mixed[frame] += wave[frame] }
        }
        // And one that must vanish, where there is room for it.
        let stop = profile == .archive ? 1.01 : 1.16
        if pair.from > pair.to {
            let wave = ToneMeasurement.sine(stop * nyquist, rate: pair.from, count: count, amplitude: 0.05)
            for frame in 0..<count { mixed[frame] += wave[frame] }
        }
        let output = try resampled(mixed.map(Float.init), from: pair.from, to: pair.to, profile)
        let start = 500 * pair.to / pair.lower
        var rest = Array(output[start..<(start + window)])
        for tone in tones {
            let fit = ToneMeasurement.fit(tone, rate: pair.to, in: rest[...])
            #expect(abs(ToneMeasurement.decibels(fit.amplitude / 0.05)) <= (profile == .archive ? 0.01 : 0.1))
            let wave = ToneMeasurement.sine(
                tone, rate: pair.to, count: rest.count, amplitude: fit.amplitude, phase: fit.phase)
            for frame in rest.indices { rest[frame] -= Float(wave[frame]) }
        }
        // Relative to the whole signal, whose root mean square is 0.05 x sqrt(20 / 2).
        #expect(ToneMeasurement.decibels(ToneMeasurement.rms(rest[...]) / 0.158) <= limit)
    }
}
