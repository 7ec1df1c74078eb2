/// Turns floats into samples of a format, rounded to the nearest step and clamped to its range.
///
/// Units and shapes: full scale is ±1, so a value becomes round(value x 2^(bits-1)), ties to even. Each input value
/// is written `copies` times in a row: mono into a frame of `copies` equal channels. With one copy the input may as
/// well be interleaved. NaN becomes 0; both repairs are counted. The float format is neither scaled nor clamped,
/// except that infinities become ±1.
/// Threads: a value, used by one thread at a time. `encode` is fit for audio threads: no allocation, no lock.
public struct SampleEncoder: Sendable {
    /// What to do with the rounding error of 16-bit output; wider formats are never dithered.
    public enum Dithering: Sendable, Hashable {
        case off
        /// Triangular noise, the same for the same seed, silent during digital silence.
        case triangular(seed: UInt64)
    }

    /// Most copies of a value that a frame may have.
    public static var copiesMax: Int { 1_024 }

    public let format: SampleFormat
    public let copies: Int
    /// What was repaired since the start; the owner may set it to zero.
    public var repairs = SampleRepairs()

    private var dither: Dither
    private let isDithered: Bool

    /// An encoder that writes each value `copies` times; nil unless 1...1024.
    public init?(format: SampleFormat, copies: Int = 1, dithering: Dithering = .triangular(seed: 1)) {
        guard copies >= 1, copies <= Self.copiesMax else { return nil }
        self.format = format
        self.copies = copies
        switch dithering {
        case .off:
            isDithered = false
            dither = Dither(seed: 0)
        case .triangular(let seed):
            isDithered = format == .s16
            dither = Dither(seed: seed)
        }
    }

    /// Bytes that one input value becomes.
    public var bytesPerFrame: Int {
        @_noLocks @_noAllocation
        get { format.bytesPerSample * copies }
    }

    /// Encodes until the input or the output is used up and returns how many input values were taken.
    ///
    /// A rest of the output shorter than a frame is left alone; the output needs no alignment.
    @_noLocks @_noAllocation
    public mutating func encode(
        _ input: UnsafeBufferPointer<Float>, into output: UnsafeMutableRawBufferPointer
    ) -> Int {
        let frames = min(input.count, output.count / bytesPerFrame)
        guard frames > 0, let source = input.baseAddress, let target = output.baseAddress else { return 0 }
        switch format {
        case .s16: encode16(source, target, frames)
        case .s24: encode24(source, target, frames)
        case .s24in32: encode32(source, target, frames, bits: 24)
        case .s32: encode32(source, target, frames, bits: 32)
        case .float32: encodeFloat(source, target, frames)
        }
        return frames
    }

    private mutating func encode16(
        _ source: UnsafePointer<Float>, _ target: UnsafeMutableRawPointer, _ frames: Int
    ) {
        var position = target
        for frame in 0..<frames {
            let value = source[frame]
            let noise = isDithered ? dither.noise(for: value) : 0
            let step = Int16(truncatingIfNeeded: quantized(value, scale: 32_768, noise: noise))
            for _ in 0..<copies {
                position.storeBytes(of: step.littleEndian, as: Int16.self)
                position += 2
            }
        }
    }

    private mutating func encode24(
        _ source: UnsafePointer<Float>, _ target: UnsafeMutableRawPointer, _ frames: Int
    ) {
        var position = target
        for frame in 0..<frames {
            let step = UInt32(bitPattern: quantized(source[frame], scale: 8_388_608, noise: 0))
            for _ in 0..<copies {
                position.storeBytes(of: UInt16(truncatingIfNeeded: step).littleEndian, as: UInt16.self)
                position.storeBytes(of: UInt8(truncatingIfNeeded: step &>> 16), toByteOffset: 2, as: UInt8.self)
                position += 3
            }
        }
    }

    private mutating func encode32(
        _ source: UnsafePointer<Float>, _ target: UnsafeMutableRawPointer, _ frames: Int, bits: Int
    ) {
        let scale: Double = bits == 24 ? 8_388_608 : 2_147_483_648
        var position = target
        for frame in 0..<frames {
            let step = quantized(source[frame], scale: scale, noise: 0)
            for _ in 0..<copies {
                position.storeBytes(of: step.littleEndian, as: Int32.self)
                position += 4
            }
        }
    }

    private mutating func encodeFloat(
        _ source: UnsafePointer<Float>, _ target: UnsafeMutableRawPointer, _ frames: Int
    ) {
        var position = target
        for frame in 0..<frames {
            var value = source[frame]
            if !value.isFinite {
                if value.isNaN {
                    repairs.notNumberCount &+= 1
                    value = 0
                } else {
                    repairs.clippedCount &+= 1
                    value = value < 0 ? -1 : 1
                }
            }
            for _ in 0..<copies {
                position.storeBytes(of: value.bitPattern.littleEndian, as: UInt32.self)
                position += 4
            }
        }
    }

    /// The step nearest to `value` x `scale` + `noise`, within [-scale, scale - 1].
    ///
    /// Only a value that is out of range itself counts as clipped, not one that the noise carried over the end.
    @inline(__always)
    private mutating func quantized(_ value: Float, scale: Double, noise: Double) -> Int32 {
        let exact = Double(value) * scale
        // Adding 1.5 x 2^52 leaves the nearest integer, ties to even, in the low bits of the sum.
        let roundingBias: Double = 0x1.8p52
        if exact >= -scale - 0.5, exact < scale - 0.5 {
            let noisy = min(max(exact + noise, -scale), scale - 1)
            return Int32(truncatingIfNeeded: Int64(bitPattern: (noisy + roundingBias).bitPattern))
        }
        if value.isNaN {
            repairs.notNumberCount &+= 1
            return 0
        }
        repairs.clippedCount &+= 1
        let end = value < 0 ? -scale : scale - 1
        return Int32(truncatingIfNeeded: Int64(bitPattern: (end + roundingBias).bitPattern))
    }
}
