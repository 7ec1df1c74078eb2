import Foundation
import SignalMeasurement
import Testing
import VoiceSignal

@Suite struct ResamplerDriftTests {
    static let pairs = [
        RatePair(from: 48_000, to: 16_000), RatePair(from: 16_000, to: 48_000),
        RatePair(from: 48_000, to: 48_000), RatePair(from: 44_100, to: 16_000),
    ]

    /// Gain and rest of a tone through a resampler with a settled drift.
    private func response(
        _ frequency: Double, _ pair: RatePair, _ profile: Resampler.Profile, ppm: Double
    ) throws -> (gain: Double, rest: Double) {
        var resampler = try Resampler(from: pair.from, to: pair.to, profile: profile)
        resampler.setDrift(ppm: ppm)
        let count = 1_800 * pair.from / pair.lower
        let input = ToneMeasurement.sine(frequency, rate: pair.from, count: count).map(Float.init)
        let output = process(&resampler, input, room: 2 * count * pair.to / pair.from).output
        // The ramp takes 10 ms, the filter up to 112 periods.
        let settled = output[(pair.to / 100 + 130 * pair.to / pair.lower)...]
        let heard = frequency * (1 + ppm * 1e-6)
        guard heard * 2 < Double(pair.to) else {
            return (-.infinity, ToneMeasurement.decibels(ToneMeasurement.rms(settled) * 2.squareRoot()))
        }
        let fit = ToneMeasurement.fit(heard, rate: pair.to, in: settled)
        return (
            ToneMeasurement.decibels(fit.amplitude), ToneMeasurement.decibels(fit.residual * 2.squareRoot())
        )
    }

    @Test(arguments: pairs, [-5_000, 40, 5_000.0])
    func drifting_sound_meets_the_same_figures(pair: RatePair, ppm: Double) throws {
        let nyquist = Double(pair.lower) / 2
        var worst: [Resampler.Profile: (ripple: Double, rest: Double)] = [:]
        for profile in Resampler.Profile.allCases {
            let (pass, stop) = profile == .archive ? (0.9, 1.0001) : (0.85, 1.15)
            var (ripple, rest) = (0.0, -Double.infinity)
            for position in [0.011, 0.23, 0.49, 0.77, 0.93, 1] {
                let (gain, others) = try response(position * pass * nyquist, pair, profile, ppm: ppm)
                ripple = max(ripple, abs(gain))
                rest = max(rest, others)
            }
            if pair.from > pair.to {
                for position in [0, 0.02, 0.1, 0.33, 0.71, 0.98] {
                    let top = Double(pair.from) / 2
                    let frequency = stop * nyquist + position * (top - stop * nyquist)
                    rest = max(rest, try response(frequency * 1.006, pair, profile, ppm: ppm).rest)
                }
            }
            worst[profile] = (ripple, rest)
        }
        print("drift \(pair.testDescription) \(ppm) ppm: \(worst)")
        #expect(worst[.archive]!.ripple <= 0.01)
        #expect(worst[.archive]!.rest <= -110)
        #expect(worst[.live]!.ripple <= 0.1)
        #expect(worst[.live]!.rest <= -80)
    }

    @Test(arguments: pairs)
    func it_consumes_the_drift_exactly(pair: RatePair) throws {
        for ppm in [-5_000, -12.5, 250, 5_000] {
            var resampler = try Resampler(from: pair.from, to: pair.to, profile: .live)
            resampler.setDrift(ppm: ppm)
            // Past the ramp.
            let ramp = pair.to / 50
            _ = process(&resampler, [Float](repeating: 0, count: 20_000), room: ramp)
            let before = resampler.inputFramesNeeded(forOutput: 1)
            let outputs = 3_600 * pair.to
            let after = resampler.inputFramesNeeded(forOutput: outputs + 1)
            let exact = 3_600 * Double(pair.from) * (1 + ppm * 1e-6)
            #expect(abs(Double(after - before) - exact) <= 1.001)
        }
    }

    @Test(arguments: pairs)
    func changing_the_drift_makes_no_click(pair: RatePair) throws {
        // A slow sine through wild changes of drift: its steps stay what its slope allows.
        var resampler = try Resampler(from: pair.from, to: pair.to, profile: .live)
        let frequency = 100.0
        let input = ToneMeasurement.sine(frequency, rate: pair.from, count: pair.from).map(Float.init)
        var output: [Float] = []
        var position = 0
        for block in 0..<60 {
            if block > 10 { resampler.setDrift(ppm: block.isMultiple(of: 2) ? 5_000 : -5_000) }
            let part = process(&resampler, Array(input[position...]), room: pair.to / 100)
            position += part.consumed
            output += part.output
        }
        let steady = 2 * .pi * frequency / Double(pair.to)
        // The second difference of a sine is its amplitude times the square of its step.
        let settled = output[(pair.to / 20)...]
        for index in settled.indices.dropFirst(2) {
            let bend = Double(output[index]) - 2 * Double(output[index - 1]) + Double(output[index - 2])
            #expect(abs(bend) <= steady * steady * 1.05 + 2e-4 * steady + 2e-6)
        }
    }

    @Test func returning_to_zero_drift_keeps_the_position() throws {
        var resampler = try Resampler(from: 48_000, to: 16_000, profile: .live)
        resampler.setDrift(ppm: 3_000)
        _ = process(&resampler, [Float](repeating: 0, count: 48_000), room: 10_000)
        resampler.setDrift(ppm: 0)
        _ = process(&resampler, [Float](repeating: 0, count: 48_000), room: 320)
        let before = resampler.inputFramesNeeded(forOutput: 1)
        #expect(resampler.inputFramesNeeded(forOutput: 16_000 * 3_600 * 5 + 1) - before == 48_000 * 3_600 * 5)
    }

    @Test func bad_drifts_are_harmless() throws {
        var resampler = try Resampler(from: 384_000, to: 4_000, profile: .live)
        resampler.setDrift(ppm: .nan)
        resampler.setDrift(ppm: .infinity)
        let needed = resampler.inputFramesNeeded(forOutput: 4_001)
        #expect(needed == 384_001)
        for ppm in [1e300, -1e300, 5_000, -5_000] {
            resampler.setDrift(ppm: ppm)
            _ = process(&resampler, [Float](repeating: 0, count: 40_000), room: 400)
        }
        resampler.setDrift(ppm: -1e300)
        _ = process(&resampler, [Float](repeating: 0, count: 40_000), room: 100)
        let before = resampler.inputFramesNeeded(forOutput: 1)
        // Clamped to -5,000 ppm.
        #expect(abs(resampler.inputFramesNeeded(forOutput: 4_001) - before - 382_080) <= 1)
    }
}
