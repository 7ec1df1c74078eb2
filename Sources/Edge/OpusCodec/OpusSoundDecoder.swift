import COpus
import COpusShims
import VoiceRelay

/// Opus packets (RFC 6716) to mono sound at 16 kHz; fills gaps where packets are missing.
///
/// Takes packets of any mode, bandwidth, frame length and channel count. Threads: one at a time, any. Allocates at `init`
/// only, and neither locks nor blocks after it. Source: libopus.
public final class OpusSoundDecoder: PacketDecoder {
    /// Concealment works in units of 2.5 ms (opus_decode's `frame_size`).
    public static let concealmentSamples = 40
    /// RFC 6716 §2.1.4: no packet sounds longer than 120 ms.
    public static let packetSamplesMax = 1_920

    private let decoder: OpaquePointer

    public init() throws(OpusCodecError) {
        var code: Int32 = 0
        guard let decoder = opus_decoder_create(16_000, 1, &code) else { throw .library(code: code) }
        self.decoder = decoder
    }

    deinit {
        opus_decoder_destroy(decoder)
    }

    /// Decodes one packet into `samples`, full scale at ±1, and returns how many it held.
    public func decodePacket(
        _ packet: UnsafeRawBufferPointer, into samples: UnsafeMutableBufferPointer<Float>
    ) throws(OpusCodecError) -> Int {
        guard let outside = OpusPacket(packet), let bytes = packet.baseAddress else { throw .malformedPacket }
        guard samples.count >= outside.samples, let target = samples.baseAddress else {
            throw .noRoom(needed: outside.samples)
        }
        let count = opus_decode_float(
            decoder, bytes.assumingMemoryBound(to: UInt8.self), Int32(packet.count), target, Int32(outside.samples), 0)
        guard count >= 0 else { throw count == OPUS_INVALID_PACKET ? .malformedPacket : .library(code: count) }
        return Int(count)
    }

    public func decode(_ packet: UnsafeRawBufferPointer, into samples: UnsafeMutableBufferPointer<Float>) -> Int? {
        try? decodePacket(packet, into: samples)
    }

    /// Continues the sound where packets are missing; it fades within about 100 ms.
    ///
    /// Makes whole units of 2.5 ms, as many as `samples` has room for, and returns how many samples that is.
    public func conceal(into samples: UnsafeMutableBufferPointer<Float>) -> Int {
        var made = 0
        while let base = samples.baseAddress {
            let left = min(samples.count - made, 320) / Self.concealmentSamples * Self.concealmentSamples
            guard left > 0 else { break }
            let count = opus_decode_float(decoder, nil, 0, base + made, Int32(left), 0)
            guard count > 0 else { break }
            made += Int(count)
        }
        return made
    }

    /// Forgets the sound so far.
    public func reset() {
        _ = copus_decoder_reset(decoder)
    }
}
