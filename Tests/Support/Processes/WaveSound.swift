import Foundation

/// A WAV file's samples, full scale at ±1, read and written without the product's or libsndfile's help.
public struct WaveSound: Sendable {
    public var sampleRate: Int
    public var channels: Int
    public var bitsPerSample = 16
    /// Interleaved.
    public var samples: [Float]

    public var frames: Int { samples.count / channels }

    public init(sampleRate: Int, channels: Int = 1, samples: [Float]) {
        self.sampleRate = sampleRate
        self.channels = channels
        self.samples = samples
    }

    /// Reads RIFF/WAVE with 16-bit, 24-bit or 32-bit float samples.
    public init(file path: String) throws {
        let data = [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
        func number(_ offset: Int, _ bytes: Int) -> Int {
            data[offset..<offset + bytes].reversed().reduce(0) { $0 << 8 | Int($1) }
        }
        func tag(_ offset: Int) -> String { String(decoding: data[offset..<offset + 4], as: UTF8.self) }
        guard data.count > 44, tag(0) == "RIFF", tag(8) == "WAVE" else { throw ProcessFailure("\(path): not a WAV") }
        self.init(sampleRate: 0, samples: [])
        var position = 12
        while position + 8 <= data.count {
            let size = number(position + 4, 4)
            let body = position + 8
            if tag(position) == "fmt " {
                channels = number(body + 2, 2)
                sampleRate = number(body + 4, 4)
                bitsPerSample = number(body + 14, 2)
            } else if tag(position) == "data" {
                guard body + size <= data.count else { throw ProcessFailure("\(path): its data chunk is cut") }
                let bytes = bitsPerSample / 8
                samples = stride(from: body, to: body + size, by: bytes).map { offset in
                    let value = number(offset, bytes)
                    switch bytes {
                    case 2: return Float(Int16(truncatingIfNeeded: value)) / 32_768
                    case 3: return Float(Int32(truncatingIfNeeded: value << 8) >> 8) / 8_388_608
                    default: return Float(bitPattern: UInt32(truncatingIfNeeded: value))
                    }
                }
            }
            position = body + size + (size & 1)
        }
        guard sampleRate > 0, channels > 0 else { throw ProcessFailure("\(path): no format chunk") }
    }

    /// The first seconds of one of the repository's recordings.
    public static func speech(_ name: String = "speech-male.wav", from start: Double = 0, seconds: Double) throws
        -> WaveSound
    {
        var sound = try WaveSound(file: Checkout.fixture(name))
        let first = Int(start * Double(sound.sampleRate))
        sound.samples = Array(sound.samples[first..<first + Int(seconds * Double(sound.sampleRate))])
        return sound
    }

    /// The same several times, one behind the other.
    public func repeated(_ count: Int) -> WaveSound {
        var sound = self
        sound.samples = (0..<count).flatMap { _ in samples }
        return sound
    }

    /// A 16-bit WAV file.
    public var data: Data {
        var bytes: [UInt8] = []
        func put(_ value: Int, _ count: Int) {
            for byte in 0..<count { bytes.append(UInt8(value >> (8 * byte) & 255)) }
        }
        bytes += Array("RIFF".utf8)
        put(36 + 2 * samples.count, 4)
        bytes += Array("WAVEfmt ".utf8)
        put(16, 4)
        put(1, 2)
        put(channels, 2)
        put(sampleRate, 4)
        put(sampleRate * channels * 2, 4)
        put(channels * 2, 2)
        put(16, 2)
        bytes += Array("data".utf8)
        put(2 * samples.count, 4)
        for sample in samples { put(Int((max(-1, min(1, sample)) * 32_767).rounded()) & 0xFFFF, 2) }
        return Data(bytes)
    }

    @discardableResult
    public func write(to path: String) throws -> String {
        try data.write(to: URL(fileURLWithPath: path))
        return path
    }
}
