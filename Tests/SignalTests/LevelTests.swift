import Foundation
import SignalMeasurement
import Testing
import VoiceSignal

private func measured(_ meter: inout LevelMeter, _ samples: [Float]) -> LevelMeter.Block {
    samples.withUnsafeBufferPointer { meter.measure($0) }
}

@Suite struct LevelMeterTests {
    @Test func a_sine_has_its_peak_and_its_root_mean_square() {
        var meter = LevelMeter(sampleRate: 48_000)
        let sine = ToneMeasurement.sine(1_000, rate: 48_000, count: 4_800, amplitude: 0.5)
        let block = measured(&meter, sine.map(Float.init))
        #expect(abs(block.peak - 0.5) < 1e-6)
        #expect(abs(block.rms - 0.5 / 2.0.squareRoot().asFloat) < 1e-6)
        #expect(block.clippedCount == 0)
        #expect(meter.heldPeak == block.peak)
    }

    @Test func empty_blocks_and_bad_samples_leave_no_trace() {
        var meter = LevelMeter(sampleRate: 16_000)
        #expect(measured(&meter, []) == LevelMeter.Block())
        #expect(meter.measure(.init(start: nil, count: 0)) == LevelMeter.Block())
        let block = measured(&meter, [.nan, 0.25, -.nan, -0.25])
        #expect(block.peak == 0.25)
        #expect(abs(block.rms - 0.25 / 2.0.squareRoot().asFloat) < 1e-7)
        #expect(meter.heldPeak == 0.25)
    }

    @Test func full_scale_counts_as_clipped_until_reset() {
        var meter = LevelMeter(sampleRate: 16_000)
        let block = measured(&meter, [1, -1, 32_767 / 32_768, 32_766 / 32_768, 0, 3, -.infinity])
        #expect(block.clippedCount == 5)
        #expect(block.peak == .infinity)
        _ = measured(&meter, [1])
        #expect(meter.clippedCount == 6)
        meter.resetClippedCount()
        #expect(meter.clippedCount == 0)
    }

    @Test func the_peak_holds_and_then_falls_by_the_sample_count() {
        var meter = LevelMeter(sampleRate: 8_000, holdSeconds: 0.5, fallDecibelsPerSecond: 20)
        _ = measured(&meter, [0.8])
        _ = measured(&meter, [Float](repeating: 0, count: 4_000))
        #expect(meter.heldPeak == 0.8)
        _ = measured(&meter, [Float](repeating: 0, count: 8_000))
        #expect(abs(meter.heldPeak - 0.08) < 1e-4)
        _ = measured(&meter, [-0.3])
        #expect(meter.heldPeak == 0.3)
        _ = measured(&meter, [Float](repeating: 0, count: 8_000 * 60))
        #expect(meter.heldPeak == 0)
    }

    @Test func the_held_peak_does_not_depend_on_blocks() {
        let samples = noise(20_000, seed: 77).map { $0 * $0 * $0 }
        var whole = LevelMeter(sampleRate: 8_000, holdSeconds: 0.01)
        var parts = whole
        _ = measured(&whole, samples)
        for start in stride(from: 0, to: samples.count, by: 37) {
            _ = measured(&parts, Array(samples[start..<min(start + 37, samples.count)]))
        }
        #expect(whole.heldPeak == parts.heldPeak)
        #expect(whole.clippedCount == parts.clippedCount)
    }

    @Test func odd_settings_are_bounded() {
        for value in [-1, Double.nan, .infinity, 1e300] {
            var meter = LevelMeter(sampleRate: 0, holdSeconds: value, fallDecibelsPerSecond: value)
            _ = measured(&meter, [0.5, 0, 0, 0])
            #expect(meter.heldPeak >= 0)
        }
    }

    @Test func decibels_convert_both_ways() {
        #expect(Decibels.level(1) == 0)
        #expect(Decibels.level(0) == -.infinity)
        #expect(abs(Decibels.level(0.5) + 6.020_6) < 1e-4)
        #expect(abs(Decibels.amplitude(-20) - 0.1) < 1e-15)
    }
}

@Suite struct GainTests {
    private func applied(_ gain: inout Gain, _ samples: [Float]) -> [Float] {
        var samples = samples
        samples.withUnsafeMutableBufferPointer { gain.apply(to: $0) }
        return samples
    }

    @Test func unity_changes_nothing() {
        var gain = Gain(rampFrames: 100)
        let samples = noise(500)
        #expect(applied(&gain, samples) == samples)
        gain.set(.nan)
        gain.set(.infinity)
        #expect(gain.target == 1)
        gain.apply(to: .init(start: nil, count: 0))
    }

    @Test func a_change_is_a_straight_ramp_of_the_given_length() {
        var gain = Gain(1, rampFrames: 100)
        gain.set(0.5)
        let output = applied(&gain, [Float](repeating: 1, count: 200))
        for index in 0..<100 { #expect(abs(output[index] - (1 - 0.005 * Float(index))) < 1e-6) }
        #expect(output[100...].allSatisfy { $0 == 0.5 })
    }

    @Test func an_interrupted_ramp_goes_on_from_where_it_was() {
        var gain = Gain(0, rampFrames: 1_000)
        gain.set(1)
        var output = applied(&gain, [Float](repeating: 1, count: 300))
        gain.set(-1)
        // Setting the same target again does not begin anew.
        output += applied(&gain, [Float](repeating: 1, count: 10))
        gain.set(-1)
        output += applied(&gain, [Float](repeating: 1, count: 1_500))
        let steps = zip(output, output.dropFirst()).map { abs($1 - $0) }
        #expect(steps.max()! <= 2.0 / 1_000)
        #expect(output[300 + 1_000] == -1)
    }

    @Test func the_output_does_not_depend_on_blocks() {
        let samples = noise(5_000)
        var whole = Gain(0.2, rampFrames: 480)
        whole.set(0.9)
        var parts = whole
        let expected = applied(&whole, samples)
        var output: [Float] = []
        for start in stride(from: 0, to: samples.count, by: 41) {
            output += applied(&parts, Array(samples[start..<min(start + 41, samples.count)]))
        }
        #expect(output == expected)
    }
}

extension Double {
    fileprivate var asFloat: Float { Float(self) }
}
