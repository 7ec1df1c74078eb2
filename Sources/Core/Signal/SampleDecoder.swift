/// Turns interleaved samples of any format and channel count into mono floats, the average of the channels.
///
/// Units and shapes: frames of `channels` samples; integers become value / 2^(bits-1), so full scale is [-1, 1).
/// Floats are taken as they are, except that NaN becomes 0 and magnitudes beyond `magnitudeMax` are clamped, so that
/// nothing downstream can overflow into infinities.
/// Threads: a value, used by one thread at a time. `decode` is fit for audio threads: no allocation, no lock.
public struct SampleDecoder: Sendable {
    /// Largest magnitude that a float sample may have: +96 dB, the scale of 16-bit integers stored as floats.
    public static var magnitudeMax: Float { 65_536 }
    /// Most channels a frame may have.
    public static var channelsMax: Int { 1_024 }

    public let format: SampleFormat
    public let channels: Int
    /// What was repaired since the start; the owner may set it to zero.
    public var repairs = SampleRepairs()

    private let channelScale: Float

    /// A decoder for `channels` interleaved channels; nil unless 1...1024.
    public init?(format: SampleFormat, channels: Int) {
        guard channels >= 1, channels <= Self.channelsMax else { return nil }
        self.format = format
        self.channels = channels
        channelScale = 1 / Float(channels)
    }

    /// Bytes of one frame.
    public var bytesPerFrame: Int {
        @_noLocks @_noAllocation
        get { format.bytesPerSample * channels }
    }

    /// Decodes whole frames until the input or the output is used up and returns how many.
    ///
    /// A rest of the input shorter than a frame is left alone; the input needs no alignment.
    @_noLocks @_noAllocation
    public mutating func decode(
        _ input: UnsafeRawBufferPointer, into output: UnsafeMutableBufferPointer<Float>
    ) -> Int {
        let frames = min(input.count / bytesPerFrame, output.count)
        guard frames > 0, let source = input.baseAddress, let target = output.baseAddress else { return 0 }
        switch format {
        case .s16: decode16(source, target, frames)
        case .s24: decode24(source, target, frames)
        case .s24in32: decode32(source, target, frames, shift: 8)
        case .s32: decode32(source, target, frames, shift: 0)
        case .float32: decodeFloat(source, target, frames)
        }
        return frames
    }

    private func decode16(_ source: UnsafeRawPointer, _ target: UnsafeMutablePointer<Float>, _ frames: Int) {
        let scale: Float = 1 / 32_768
        if channels == 1 {
            for frame in 0..<frames {
                let bits = source.loadUnaligned(fromByteOffset: frame &* 2, as: Int16.self)
                target[frame] = Float(Int16(littleEndian: bits)) * scale
            }
            return
        }
        // The sum of 1,024 channels fits 26 bits, so the average is rounded once, when it becomes a float.
        var position = source
        for frame in 0..<frames {
            var sum: Int32 = 0
            for _ in 0..<channels {
                sum &+= Int32(Int16(littleEndian: position.loadUnaligned(as: Int16.self)))
                position += 2
            }
            target[frame] = Float(sum) * scale * channelScale
        }
    }

    private func decode24(_ source: UnsafeRawPointer, _ target: UnsafeMutablePointer<Float>, _ frames: Int) {
        let scale: Float = 1 / 8_388_608
        var position = source
        for frame in 0..<frames {
            var sum: Int64 = 0
            for _ in 0..<channels {
                let low = UInt32(UInt16(littleEndian: position.loadUnaligned(as: UInt16.self)))
                let high = UInt32(position.load(fromByteOffset: 2, as: UInt8.self))
                sum &+= Int64(Int32(bitPattern: (high &<< 24) | (low &<< 8)) &>> 8)
                position += 3
            }
            target[frame] = Float(sum) * scale * channelScale
        }
    }

    /// 32-bit words of which `shift` high bits are to be dropped.
    private func decode32(
        _ source: UnsafeRawPointer, _ target: UnsafeMutablePointer<Float>, _ frames: Int, shift: Int32
    ) {
        let scale: Float = 1 / 2_147_483_648
        var position = source
        for frame in 0..<frames {
            var sum: Int64 = 0
            for _ in 0..<channels {
                sum &+= Int64(Int32(littleEndian: position.loadUnaligned(as: Int32.self)) &<< shift)
                position += 4
            }
            target[frame] = Float(sum) * scale * channelScale
        }
    }

    private mutating func decodeFloat(
        _ source: UnsafeRawPointer, _ target: UnsafeMutablePointer<Float>, _ frames: Int
    ) {
        let limit = Self.magnitudeMax
        var position = source
        for frame in 0..<frames {
            // Adding to minus zero keeps every float as it is, minus zero included.
            var sum: Float = -0.0
            for _ in 0..<channels {
                let bits = UInt32(littleEndian: position.loadUnaligned(as: UInt32.self))
                let value = Float(bitPattern: bits)
                position += 4
                if value.magnitude <= limit {
                    sum += value
                } else if value.isNaN {
                    repairs.notNumberCount &+= 1
                } else {
                    repairs.clippedCount &+= 1
                    sum += value < 0 ? -limit : limit
                }
            }
            target[frame] = channels == 1 ? sum : sum * channelScale
        }
    }
}
