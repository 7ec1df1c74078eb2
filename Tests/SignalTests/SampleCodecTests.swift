import Testing
import VoiceSignal

/// Decodes a whole byte array in one call.
private func decoded(
    _ bytes: [UInt8], _ format: SampleFormat, channels: Int = 1, repairs: inout SampleRepairs
) throws -> [Float] {
    var decoder = try #require(SampleDecoder(format: format, channels: channels))
    var output = [Float](repeating: .nan, count: bytes.count / decoder.bytesPerFrame)
    let frames = bytes.withUnsafeBytes { input in
        output.withUnsafeMutableBufferPointer { decoder.decode(input, into: $0) }
    }
    #expect(frames == output.count)
    repairs = decoder.repairs
    return output
}

private func decoded(_ bytes: [UInt8], _ format: SampleFormat, channels: Int = 1) throws -> [Float] {
    var repairs = SampleRepairs()
    let output = try decoded(bytes, format, channels: channels, repairs: &repairs)
    #expect(repairs.isEmpty)
    return output
}

/// Encodes a whole float array in one call.
private func encoded(_ samples: [Float], with encoder: inout SampleEncoder) -> [UInt8] {
    var output = [UInt8](repeating: 0xAA, count: samples.count * encoder.bytesPerFrame)
    let frames = samples.withUnsafeBufferPointer { input in
        output.withUnsafeMutableBytes { encoder.encode(input, into: $0) }
    }
    #expect(frames == samples.count)
    return output
}

private func encoded(
    _ samples: [Float], _ format: SampleFormat, copies: Int = 1, dithering: SampleEncoder.Dithering = .off
) throws -> [UInt8] {
    var encoder = try #require(SampleEncoder(format: format, copies: copies, dithering: dithering))
    return encoded(samples, with: &encoder)
}

private func words16(_ bytes: [UInt8]) -> [Int] {
    stride(from: 0, to: bytes.count, by: 2).map {
        Int(Int16(bitPattern: UInt16(bytes[$0]) | UInt16(bytes[$0 + 1]) << 8))
    }
}

@Suite struct SampleCodecTests {
    @Test func known_bytes_decode_to_known_values() throws {
        #expect(try decoded([0x00, 0x80, 0xFF, 0x7F, 0x00, 0x40], .s16) == [-1, 32_767 / 32_768, 0.5])
        #expect(
            try decoded([0x00, 0x00, 0x80, 0xFF, 0xFF, 0x7F, 0x00, 0x00, 0xC0], .s24)
                == [-1, 8_388_607 / 8_388_608, -0.5])
        // The top byte of 24 in 32 is padding, whatever it holds.
        #expect(try decoded([0x00, 0x00, 0x80, 0x5A, 0x00, 0x00, 0x40, 0xFF], .s24in32) == [-1, 0.5])
        #expect(try decoded([0x00, 0x00, 0x00, 0x80, 0x00, 0x00, 0x00, 0x20], .s32) == [-1, 0.25])
        #expect(try decoded([0x00, 0x00, 0x20, 0xC0, 0x00, 0x00, 0x80, 0x3E], .float32) == [-2.5, 0.25])
    }

    @Test func every_16_bit_value_survives_the_round_trip() throws {
        let bytes = (0...UInt16.max).flatMap { [UInt8(truncatingIfNeeded: $0), UInt8($0 >> 8)] }
        #expect(try encoded(try decoded(bytes, .s16), .s16) == bytes)
    }

    @Test(arguments: [SampleFormat.s24, .s24in32])
    func twenty_four_bits_survive_the_round_trip(format: SampleFormat) throws {
        var bytes: [UInt8] = []
        for value in stride(from: Int32(-8_388_608), through: 8_388_607, by: 1_021) {
            let bits = UInt32(bitPattern: value)
            for byte in 0..<format.bytesPerSample { bytes.append(UInt8(truncatingIfNeeded: bits >> (8 * byte))) }
        }
        #expect(try encoded(try decoded(bytes, format), format) == bytes)
    }

    @Test func float_bits_survive_the_round_trip() throws {
        let samples: [Float] = [0, -0.0, 1, -1, 1.5, -30_000, .leastNonzeroMagnitude, 0.1]
        let bytes = try encoded(samples, .float32)
        #expect(try decoded(bytes, .float32).map(\.bitPattern) == samples.map(\.bitPattern))
    }

    @Test(arguments: SampleFormat.allCases)
    func channels_are_averaged(format: SampleFormat) throws {
        let frames: [[Float]] = [[0.5, -0.5, 0.25], [0.75, 0.75, 0.75], [-1, 0, 0.25]]
        let bytes = try encoded(frames.flatMap { $0 }, format)
        let mono = try decoded(bytes, format, channels: 3)
        for (value, frame) in zip(mono, frames) {
            #expect(abs(value - frame.reduce(0, +) / 3) < 1e-7)
        }
    }

    @Test func a_thousand_channels_at_full_scale_do_not_overflow() throws {
        for format in SampleFormat.allCases {
            let bytes = try encoded([Float](repeating: -1, count: 1_024), format)
            #expect(try decoded(bytes, format, channels: 1_024) == [-1])
        }
        #expect(SampleDecoder(format: .s16, channels: 1_025) == nil)
        #expect(SampleDecoder(format: .s16, channels: 0) == nil)
        #expect(SampleEncoder(format: .s16, copies: 0) == nil)
    }

    @Test(arguments: SampleFormat.allCases)
    func copies_fill_every_channel(format: SampleFormat) throws {
        let samples: [Float] = [0.5, -0.25, 0]
        #expect(try decoded(try encoded(samples, format, copies: 4), format, channels: 4) == samples)
        let repeated = samples.flatMap { [$0, $0, $0, $0] }
        #expect(try encoded(samples, format, copies: 4) == encoded(repeated, format))
    }

    @Test func rounding_is_to_nearest_with_ties_to_even() throws {
        let steps: [Float] = [0.49, 0.5, 0.51, 1.5, 2.5, -0.5, -1.5, -2.51, 32_766.5, -32_767.5]
        let expected = [0, 0, 1, 2, 2, 0, -2, -3, 32_766, -32_768]
        #expect(words16(try encoded(steps.map { $0 / 32_768 }, .s16)) == expected)
    }

    @Test func bad_samples_are_repaired_and_counted() throws {
        var encoder = try #require(SampleEncoder(format: .s16, dithering: .off))
        let bytes = encoded([.nan, .infinity, -.infinity, 1, -1, 3, -0.99999, 1e30], with: &encoder)
        #expect(words16(bytes) == [0, 32_767, -32_768, 32_767, -32_768, 32_767, -32_768, 32_767])
        #expect(encoder.repairs.notNumberCount == 1)
        #expect(encoder.repairs.clippedCount == 5)

        // What rounds to the end of the range is in it.
        encoder.repairs = SampleRepairs()
        _ = encoded([32_767.4, -32_768.4].map { $0 / 32_768 }, with: &encoder)
        #expect(encoder.repairs.isEmpty)
        _ = encoded([32_767.6, -32_768.6].map { $0 / 32_768 }, with: &encoder)
        #expect(encoder.repairs.clippedCount == 2)

        var raw = try #require(SampleEncoder(format: .float32))
        let repaired = encoded([.nan, .infinity, -.infinity, 2], with: &raw)
        #expect(try decoded(repaired, .float32) == [0, 1, -1, 2])
        #expect(raw.repairs.notNumberCount == 1 && raw.repairs.clippedCount == 2)

        var bits: [UInt8] = []
        for value: Float in [.nan, .infinity, -.greatestFiniteMagnitude, 0.5] {
            withUnsafeBytes(of: value.bitPattern.littleEndian) { bits.append(contentsOf: $0) }
        }
        var repairs = SampleRepairs()
        #expect(try decoded(bits, .float32, repairs: &repairs) == [0, 65_536, -65_536, 0.5])
        #expect(repairs.notNumberCount == 1 && repairs.clippedCount == 2)
    }

    @Test func wide_integers_clamp_at_their_own_ends() throws {
        #expect(try encoded([1, -1], .s32) == [0xFF, 0xFF, 0xFF, 0x7F, 0, 0, 0, 0x80])
        #expect(try encoded([1, -1], .s24) == [0xFF, 0xFF, 0x7F, 0, 0, 0x80])
        #expect(try encoded([1, -1], .s24in32) == [0xFF, 0xFF, 0x7F, 0, 0, 0, 0x80, 0xFF])
    }

    @Test func partial_frames_and_short_outputs_are_left_alone() throws {
        var decoder = try #require(SampleDecoder(format: .s16, channels: 2))
        var output: [Float] = [9, 9, 9]
        let bytes: [UInt8] = [0, 0x40, 0, 0x40, 0, 0xC0, 0, 0xC0, 1, 2, 3]
        // Starts at an odd address, to show that no alignment is needed.
        let frames = ([0] + bytes).withUnsafeBytes { input in
            output.withUnsafeMutableBufferPointer { decoder.decode(.init(rebasing: input[1...]), into: $0) }
        }
        #expect(frames == 2)
        #expect(output == [0.5, -0.5, 9])
        var encoder = try #require(SampleEncoder(format: .s24, dithering: .off))
        var room = [UInt8](repeating: 7, count: 5)
        let input: [Float] = [0.5, 0.5]
        let taken = input.withUnsafeBufferPointer { samples in
            room.withUnsafeMutableBytes { encoder.encode(samples, into: $0) }
        }
        #expect(taken == 1)
        #expect(room == [0, 0, 0x40, 7, 7])
        #expect(encoder.encode(.init(start: nil, count: 0), into: .init(start: nil, count: 0)) == 0)
    }
}

@Suite struct DitherTests {
    @Test func the_mean_follows_values_between_two_steps() throws {
        for target in [0.25, 10.5, -3.125] {
            let samples = [Float](repeating: Float(target / 32_768), count: 200_000)
            let steps = words16(try encoded(samples, .s16, dithering: .triangular(seed: 7)))
            let mean = Double(steps.reduce(0, +)) / Double(steps.count)
            #expect(abs(mean - target) < 0.01)
            // Rounding with triangular noise has a constant error power: 1/12 + 1/6 = 1/4 of a step squared.
            let power = steps.reduce(0.0) { $0 + (Double($1) - target) * (Double($1) - target) }
            #expect(abs(power / Double(steps.count) - 0.25) < 0.01)
        }
    }

    @Test func digital_silence_stays_digital_silence() throws {
        let silence = try encoded([Float](repeating: 0, count: 1_000), .s16, dithering: .triangular(seed: 3))
        #expect(silence.allSatisfy { $0 == 0 })
        let sound = [Float](repeating: 0.001, count: 100)
        let steps = words16(
            try encoded(sound + [Float](repeating: -0.0, count: 500) + sound, .s16, dithering: .triangular(seed: 3)))
        let run = Dither.zeroRunMax
        #expect(steps[100..<100 + run].contains { $0 != 0 })
        #expect(steps[(100 + run)..<600].allSatisfy { $0 == 0 })
        #expect(Set(steps[600...]).count > 1)
    }

    @Test func the_same_seed_gives_the_same_bytes_whatever_the_blocks() throws {
        let samples = (0..<5_000).map { Float($0 % 701) / 9_999 }
        let whole = try encoded(samples, .s16, dithering: .triangular(seed: 42))
        #expect(try encoded(samples, .s16, dithering: .triangular(seed: 42)) == whole)
        #expect(try encoded(samples, .s16, dithering: .triangular(seed: 43)) != whole)
        var encoder = try #require(SampleEncoder(format: .s16, dithering: .triangular(seed: 42)))
        var pieces: [UInt8] = []
        for start in stride(from: 0, to: 5_000, by: 37) {
            pieces += encoded(Array(samples[start..<min(start + 37, 5_000)]), with: &encoder)
        }
        #expect(pieces == whole)
    }

    @Test func noise_over_the_end_of_the_range_is_no_clipping() throws {
        var encoder = try #require(SampleEncoder(format: .s16, dithering: .triangular(seed: 1)))
        let steps = words16(encoded([Float](repeating: 32_767 / 32_768, count: 1_000), with: &encoder))
        #expect(encoder.repairs.isEmpty)
        #expect(steps.allSatisfy { $0 >= 32_765 })
    }
}
