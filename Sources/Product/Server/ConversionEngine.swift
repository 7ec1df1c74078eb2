import NIOCore
import VoiceConversion
import VoiceRelay

/// The local converter behind the relay's wire format: 16-bit little-endian in, the same out.
///
/// One caller at a time. Reuses its buffers: after the first frame of the largest size only the answer is allocated.
struct ConversionEngine: ~Copyable {
    private var converter: VoiceConverter
    private var input: [Float] = []
    private var output: [Float] = []

    init(voice: Voice) {
        converter = VoiceConverter(voice: voice)
    }

    /// Samples by which the answer lags its input; ``flush()`` gives them at the end.
    var delaySamples: Int { converter.delaySamples }

    mutating func setVoice(_ voice: Voice) {
        converter.setVoice(voice)
    }

    /// Converts whole samples; the answer has as many.
    mutating func convert(_ bytes: ByteBufferView) -> [UInt8] {
        let count = bytes.count / RelayProtocol.bytesPerSample
        prepare(count)
        bytes.withUnsafeBytes { raw in
            for index in 0..<count {
                let sample = Int16(littleEndian: raw.loadUnaligned(fromByteOffset: 2 * index, as: Int16.self))
                input[index] = Float(sample) / 32_768
            }
        }
        return run(count)
    }

    /// What the converter still holds: its delay's worth of samples.
    mutating func flush() -> [UInt8] {
        let count = delaySamples
        prepare(count)
        for index in 0..<count { input[index] = 0 }
        return run(count)
    }

    private mutating func prepare(_ count: Int) {
        guard input.count < count else { return }
        input = [Float](repeating: 0, count: count)
        output = input
    }

    private mutating func run(_ count: Int) -> [UInt8] {
        input.withUnsafeBufferPointer { input in
            output.withUnsafeMutableBufferPointer { output in
                converter.process(
                    UnsafeBufferPointer(rebasing: input[..<count]),
                    into: UnsafeMutableBufferPointer(rebasing: output[..<count]))
            }
        }
        return [UInt8](unsafeUninitializedCapacity: 2 * count) { bytes, initialized in
            for index in 0..<count {
                // Rounded to the nearest, not dithered: silence stays silence on the wire.
                let scaled = (output[index] * 32_768).rounded()
                let sample = Int16(max(-32_768, min(32_767, scaled))).littleEndian
                UnsafeMutableRawBufferPointer(bytes).storeBytes(of: sample, toByteOffset: 2 * index, as: Int16.self)
            }
            initialized = 2 * count
        }
    }
}
