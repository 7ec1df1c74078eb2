import VoiceOpusCodec
import VoiceRelay

/// The two directions of a session's wire: frames of the client to samples, samples to frames of the answer.
///
/// One caller at a time. Reuses its buffers: after the first frame of the largest size only the answer is allocated.
struct SessionWire: ~Copyable {
    private let decoder: OpusSoundDecoder?
    private let encoder: OpusSoundEncoder?
    private var input: [Float] = []
    /// Samples that wait for a whole packet.
    private var waiting: [Float] = []

    init(_ wire: RelayWire) throws(OpusCodecError) {
        let codec = wire == .opus ? try Self.makeCodec() : nil
        decoder = codec?.decoder
        encoder = codec?.encoder
    }

    private static func makeCodec() throws(OpusCodecError) -> (decoder: OpusSoundDecoder, encoder: OpusSoundEncoder) {
        var settings = OpusEncoderSettings()
        settings.bitsPerSecond = RelayProtocol.opusBitsPerSecond
        // The last steps of quality would cost time that other sessions need.
        settings.complexity = 5
        return (try OpusSoundDecoder(), try OpusSoundEncoder(settings))
    }

    /// Samples by which the answer's frames, decoded, lag the samples given to ``encode(_:)``.
    var delaySamples: Int { encoder?.delaySamples ?? 0 }

    /// Samples of a client's frame, by its outside; `nil` when it is not of this wire.
    func samples(of frame: UnsafeRawBufferPointer) -> Int? {
        if decoder != nil {
            guard let packet = OpusPacket(frame), packet.samples <= RelayProtocol.opusPacketSamplesMax else {
                return nil
            }
            return packet.samples
        }
        guard frame.count % RelayProtocol.bytesPerSample == 0, frame.count <= RelayProtocol.audioFrameBytesMax else {
            return nil
        }
        return frame.count / RelayProtocol.bytesPerSample
    }

    /// Hands on the samples of a client's frame; `nil` when it can't be decoded.
    mutating func decode<Result>(
        _ frame: UnsafeRawBufferPointer, _ body: (UnsafeBufferPointer<Float>) throws -> Result
    ) rethrows -> Result? {
        guard let count = samples(of: frame) else { return nil }
        if input.count < count { input = [Float](repeating: 0, count: count) }
        if let decoder {
            let decoded = input.withUnsafeMutableBufferPointer { decoder.decode(frame, into: $0) }
            guard decoded == count else { return nil }
        } else {
            for index in 0..<count {
                let sample = Int16(littleEndian: frame.loadUnaligned(fromByteOffset: 2 * index, as: Int16.self))
                input[index] = Float(sample) / 32_768
            }
        }
        return try input.withUnsafeBufferPointer { try body(UnsafeBufferPointer(rebasing: $0[..<count])) }
    }

    /// The frames that these samples complete, appended.
    mutating func encode(_ samples: UnsafeBufferPointer<Float>, into frames: inout [[UInt8]]) {
        guard let encoder else {
            for part in stride(from: 0, to: samples.count, by: Self.frameSamplesMax) {
                let end = min(part + Self.frameSamplesMax, samples.count)
                frames.append(Self.plain(UnsafeBufferPointer(rebasing: samples[part..<end])))
            }
            return
        }
        waiting.append(contentsOf: samples)
        var taken = 0
        while waiting.count - taken >= encoder.packetSamples {
            frames.append(Self.packet(waiting[taken..<taken + encoder.packetSamples], encoder))
            taken += encoder.packetSamples
        }
        waiting.removeFirst(taken)
    }

    /// What the encoder still holds, filled up with silence to whole packets.
    mutating func flush(into frames: inout [[UInt8]]) {
        guard let encoder else { return }
        let left = waiting.count + encoder.delaySamples
        let whole = (left + encoder.packetSamples - 1) / encoder.packetSamples * encoder.packetSamples
        let silence = [Float](repeating: 0, count: whole - waiting.count)
        silence.withUnsafeBufferPointer { encode($0, into: &frames) }
    }

    /// A receiver must take no larger frame.
    private static let frameSamplesMax = RelayProtocol.audioFrameBytesMax / RelayProtocol.bytesPerSample

    private static func packet(_ samples: ArraySlice<Float>, _ encoder: OpusSoundEncoder) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: encoder.packetBytesMax) { bytes, count in
            count = samples.withUnsafeBufferPointer { encoder.encode($0, into: UnsafeMutableRawBufferPointer(bytes)) }
        }
    }

    private static func plain(_ samples: UnsafeBufferPointer<Float>) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: 2 * samples.count) { bytes, initialized in
            for index in 0..<samples.count {
                // Rounded to the nearest, not dithered: silence stays silence on the wire.
                let scaled = (samples[index] * 32_768).rounded()
                let sample = Int16(max(-32_768, min(32_767, scaled))).littleEndian
                UnsafeMutableRawBufferPointer(bytes).storeBytes(of: sample, toByteOffset: 2 * index, as: Int16.self)
            }
            initialized = 2 * samples.count
        }
    }
}
