import Foundation
import SignalMeasurement
import Testing
import VoiceSignal

@Suite struct ResamplerContractTests {
    /// Pairs that take each path: table up and down, equal rates, rows too many for a table.
    static let pairs = [
        RatePair(from: 48_000, to: 16_000), RatePair(from: 16_000, to: 48_000),
        RatePair(from: 44_100, to: 16_000), RatePair(from: 11_025, to: 96_000),
        RatePair(from: 48_000, to: 48_000), RatePair(from: 44_101, to: 47_999),
        RatePair(from: 384_000, to: 4_000),
    ]

    @Test(arguments: pairs, Resampler.Profile.allCases)
    func output_does_not_depend_on_blocks(pair: RatePair, profile: Resampler.Profile) throws {
        for drift in [0, 137.5] {
            let input = noise(30_000)
            var whole = try Resampler(from: pair.from, to: pair.to, profile: profile)
            whole.setDrift(ppm: drift)
            let room = Resampler.outputFrames(forInput: input.count, from: pair.from, to: pair.to) + 100
            let (expected, consumed) = process(&whole, input, room: room)
            #expect(consumed == input.count)

            var resampler = try Resampler(from: pair.from, to: pair.to, profile: profile)
            resampler.setDrift(ppm: drift)
            var generator = SystemRandomNumberGenerator()
            var (output, position): ([Float], Int) = ([], 0)
            while position < input.count {
                let size = min(Int.random(in: 0...700, using: &generator), input.count - position)
                let room = Int.random(in: 0...700, using: &generator)
                let part = process(&resampler, Array(input[position..<(position + size)]), room: room)
                // Unless the output is full, everything offered is taken.
                #expect(part.consumed == size || part.output.count == room)
                position += part.consumed
                output += part.output
            }
            output += process(&resampler, [], room: room).output
            #expect(output.map(\.bitPattern) == expected.map(\.bitPattern))
        }
    }

    @Test(arguments: pairs)
    func it_needs_exactly_what_it_says(pair: RatePair) throws {
        var resampler = try Resampler(from: pair.from, to: pair.to, profile: .live)
        var seed: UInt64 = 5
        for round in 0..<200 {
            seed = seed &* 6_364_136_223_846_793_005 &+ 1
            // Changes of drift fall into ramps that are still under way.
            if round >= 50 { resampler.setDrift(ppm: Double(Int(seed >> 40) % 10_001 - 5_000)) }
            let wanted = Int(seed >> 33) % 480
            let needed = resampler.inputFramesNeeded(forOutput: wanted)
            if needed > 1 {
                // One frame less is one output less, at least.
                let part = process(&resampler, [Float](repeating: 0.5, count: needed - 1), room: wanted)
                #expect(part.consumed == needed - 1)
                #expect(part.output.count < wanted)
                let left = wanted - part.output.count
                #expect(resampler.inputFramesNeeded(forOutput: left) == 1)
                let rest = process(&resampler, [Float](repeating: 0.5, count: 500), room: left)
                #expect(rest.consumed == 1)
                #expect(rest.output.count == left)
            } else {
                let part = process(&resampler, [Float](repeating: 0.5, count: 500), room: wanted)
                #expect(part.consumed == needed)
                #expect(part.output.count == wanted)
            }
        }
    }

    @Test(arguments: RatePair.all)
    func a_file_keeps_its_length_and_its_time(pair: RatePair) throws {
        for count in [0, 1, 2, 160, 997] {
            let expected = (Double(count) * Double(pair.to) / Double(pair.from)).rounded(.up)
            let silence = [Float](repeating: 0, count: count)
            #expect(try resampled(silence, from: pair.from, to: pair.to, .archive).count == Int(expected))
        }
        // A sine in the middle of the band comes out with the phase it went in with.
        let frequency = Double(min(pair.from, pair.to)) * 0.217
        let margin = 64
        let periods = 400 + 2 * margin
        let count = periods * pair.from / pair.lower
        for profile in Resampler.Profile.allCases {
            let input = ToneMeasurement.sine(frequency, rate: pair.from, count: count).map(Float.init)
            let output = try resampled(input, from: pair.from, to: pair.to, profile)
            let edge = margin * pair.to / pair.lower
            let fit = ToneMeasurement.fit(frequency, rate: pair.to, in: output[edge..<(output.count - edge)])
            // In frames of the lower rate: a hundred-thousandth of a sample.
            #expect(abs(fit.phase / frequency * Double(pair.lower)) < 1e-5)
        }
    }

    @Test func the_stream_is_late_by_exactly_the_delay() throws {
        for pair in Self.pairs {
            for profile in Resampler.Profile.allCases {
                var stream = try Resampler(from: pair.from, to: pair.to, profile: profile)
                let delay = stream.delayInputFrames
                let input = noise(delay + 5_000)
                // Whole ratios only: then the delay is a whole number of outputs.
                guard delay * pair.to % pair.from == 0 else { continue }
                let late = process(&stream, input, room: 100_000).output
                let aligned = try resampled(input, from: pair.from, to: pair.to, profile)
                let lateBy = delay * pair.to / pair.from
                #expect(Double(lateBy) == stream.delayOutputFrames)
                #expect(Array(late[lateBy...]) == Array(aligned[..<(late.count - lateBy)]))
            }
        }
    }

    @Test func live_delay_is_below_its_limit() throws {
        for (from, to) in [(48_000, 16_000), (16_000, 48_000)] {
            let resampler = try Resampler(from: from, to: to, profile: .live)
            #expect(resampler.delayOutputFrames / Double(to) == 0.812_5e-3)
            #expect(Double(resampler.delayInputFrames) / Double(from) == 0.812_5e-3)
        }
    }

    @Test func the_first_output_needs_one_input() throws {
        for pair in Self.pairs {
            let resampler = try Resampler(from: pair.from, to: pair.to, profile: .live)
            #expect(resampler.inputFramesNeeded(forOutput: 1) == 1)
            #expect(resampler.inputFramesNeeded(forOutput: 0) == 0)
            #expect(resampler.inputFramesNeeded(forOutput: -3) == 0)
        }
    }

    @Test func equal_rates_pass_samples_unchanged() throws {
        let input = noise(10_000)
        #expect(try resampled(input, from: 44_100, to: 44_100, .archive) == input)
        var stream = try Resampler(from: 16_000, to: 16_000, profile: .live)
        #expect(stream.delayInputFrames == 13)
        let output = process(&stream, input, room: 20_000).output
        #expect(output == [Float](repeating: 0, count: 13) + input[..<9_987])
    }

    @Test func reset_forgets_everything() throws {
        for pair in Self.pairs {
            let input = noise(8_000, seed: 9)
            var fresh = try Resampler(from: pair.from, to: pair.to, profile: .live)
            var used = try Resampler(from: pair.from, to: pair.to, profile: .live)
            used.setDrift(ppm: 400)
            _ = process(&used, noise(3_333), room: 100_000)
            used.reset()
            #expect(process(&used, input, room: 100_000).output == process(&fresh, input, room: 100_000).output)
        }
    }

    @Test func a_bad_sample_spoils_one_filter_length_only() throws {
        var input = noise(4_000)
        input[1_000] = .nan
        let output = try resampled(input, from: 48_000, to: 16_000, .live)
        let bad = output.indices.filter { output[$0].isNaN }
        #expect(bad.count <= 32)
        #expect(bad.allSatisfy { abs($0 - 333) <= 20 })
    }

    @Test func rates_out_of_range_are_refused() {
        let cases = [(3_999, 16_000, 3_999), (16_000, 384_001, 384_001), (0, -1, 0), (.min, .max, .min)]
        for (from, to, culprit) in cases {
            #expect(throws: ResamplerError.rateOutOfRange(culprit)) {
                _ = try Resampler(from: from, to: to, profile: .live).delayInputFrames
            }
        }
    }

    @Test func positions_are_exact_after_hours() throws {
        // Two hours of 44.1 kHz to 48 kHz in virtual time: the inputs needed follow the definition to the frame.
        var clock = try Resampler(from: 44_100, to: 48_000, profile: .live)
        let outputs = 2 * 3_600 * 48_000
        #expect(clock.inputFramesNeeded(forOutput: outputs + 1) == 2 * 3_600 * 44_100 + 1)
        // And when it is really run, block by block.
        let block = [Float](repeating: 0.25, count: 4_410)
        var produced = 0
        for _ in 0..<6_000 { produced += process(&clock, block, room: 4_900).output.count }
        #expect(produced == 6_000 * 4_800)
    }
}
