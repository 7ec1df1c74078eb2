import VoiceAudioFile
import VoiceConversion
import VoiceKit
import VoiceSignal

/// A sound file as the source of a conversion: the channels' average.
final class FileSource: SoundSource {
    private static let blockFrames = 4096

    private let path: String
    private let reader: AudioFileReader
    private var interleaved: [Float]

    init(path: String) throws {
        self.path = path
        reader = try AudioFileReader(path: path)
        interleaved = [Float](repeating: 0, count: Self.blockFrames * reader.channels)
    }

    var sampleRate: Int { reader.sampleRate }
    var frames: Int { reader.frames }
    var channels: Int { reader.channels }

    /// Standard input comes but once.
    func rehearsal() throws -> (any SoundSource)? { path == "-" ? nil : try FileSource(path: path) }

    func read(into buffer: UnsafeMutableBufferPointer<Float>) throws -> Int {
        if reader.channels == 1 { return try reader.read(into: buffer) }
        let wanted = min(buffer.count, Self.blockFrames) * reader.channels
        let count = try interleaved.withUnsafeMutableBufferPointer { block in
            try reader.read(into: UnsafeMutableBufferPointer(rebasing: block[..<wanted]))
        }
        let scale = 1 / Float(reader.channels)
        for frame in 0..<count {
            var sum: Float = 0
            for channel in 0..<reader.channels { sum += interleaved[frame * reader.channels + channel] }
            buffer[frame] = sum * scale
        }
        return count
    }
}

/// A source whose sound is cleaned up on its way.
final class CleanedSource: SoundSource {
    private let source: any SoundSource
    private let settings: CleanUpSettings
    private var cleanUp: CleanUp

    init(_ source: any SoundSource, settings: CleanUpSettings) {
        self.source = source
        self.settings = settings
        cleanUp = CleanUp(rate: source.sampleRate, settings: settings)
    }

    var sampleRate: Int { source.sampleRate }
    var frames: Int { source.frames }

    func rehearsal() throws -> (any SoundSource)? {
        try source.rehearsal().map { CleanedSource($0, settings: settings) }
    }

    var levelDecibels: Double { cleanUp.levelDecibels }

    /// With the automatic level in pieces of 20 ms, so that a gate behind it can follow.
    func read(into buffer: UnsafeMutableBufferPointer<Float>) throws -> Int {
        let most = settings.level ? min(buffer.count, sampleRate / 50) : buffer.count
        let count = try source.read(into: UnsafeMutableBufferPointer(rebasing: buffer[..<most]))
        cleanUp.process(UnsafeMutableBufferPointer(rebasing: buffer[..<count]))
        return count
    }
}

/// A sound file as the end of a conversion; 16-bit formats get gated dither, but for sound that already has 16 bits:
/// that stays what it is.
final class FileSink: SoundSink {
    let sampleRate: Int
    private let writer: AudioFileWriter
    private let is16Bit: Bool
    private let isBounded: Bool
    private var encoder: SampleEncoder
    private var exactEncoder: SampleEncoder
    private var steps: [Int16] = []
    /// Samples that lay beyond full scale and were cut off there.
    private(set) var clipped = 0

    init(item: ConvertPlan.Item, sampleRate: Int, frames: Int, replaces: Bool) throws {
        guard let encoder = SampleEncoder(format: .s16), let exact = SampleEncoder(format: .s16, dithering: .off)
        else { preconditionFailure("one copy is always allowed") }
        self.encoder = encoder
        exactEncoder = exact
        self.sampleRate = sampleRate
        is16Bit = item.format.is16Bit
        isBounded = item.format != .wavFloat
        writer = try AudioFileWriter(
            path: item.output, sampleRate: sampleRate, format: item.format, frames: frames, replaces: replaces)
    }

    func write(_ samples: UnsafeBufferPointer<Float>) throws {
        if isBounded {
            for sample in samples where abs(sample) > 1 { clipped += 1 }
        }
        guard is16Bit else {
            try writer.write(samples)
            return
        }
        if steps.count < samples.count { steps = [Int16](repeating: 0, count: samples.count) }
        try steps.withUnsafeMutableBufferPointer { steps in
            let bytes = UnsafeMutableRawBufferPointer(steps)
            let has16Bits = samples.allSatisfy { abs($0) <= 1 && ($0 * 32_768).rounded() == $0 * 32_768 }
            _ = has16Bits ? exactEncoder.encode(samples, into: bytes) : encoder.encode(samples, into: bytes)
            let native = UnsafeMutableBufferPointer(rebasing: steps[..<samples.count])
            for index in native.indices { native[index] = Int16(littleEndian: native[index]) }
            try writer.write(UnsafeBufferPointer(native))
        }
    }

    func commit() throws { try writer.commit() }

    func discard() { writer.discard() }
}
