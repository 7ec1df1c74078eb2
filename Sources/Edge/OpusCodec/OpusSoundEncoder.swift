import COpus
import COpusShims
import VoiceRelay

/// Mono sound at 16 kHz to Opus packets (RFC 6716), one for each frame.
///
/// The same samples and settings give the same bytes on the same machine. Threads: one at a time, any. Allocates at
/// `init` only, and neither locks nor blocks after it. Source: libopus.
public final class OpusSoundEncoder: PacketEncoder {
    public let settings: OpusEncoderSettings
    /// Samples by which decoded sound lags what was encoded: what RFC 7845 §4.2 calls pre-skip, at 16 kHz.
    public let delaySamples: Int
    /// The most bytes that a packet takes.
    public let packetBytesMax: Int
    private let encoder: OpaquePointer
    private let frame: UnsafeMutableBufferPointer<Float>

    public init(_ settings: OpusEncoderSettings = OpusEncoderSettings()) throws(OpusCodecError) {
        guard (6_000...510_000).contains(settings.bitsPerSecond) else {
            throw .invalidSetting("\(settings.bitsPerSecond) bit/s")
        }
        guard (0...10).contains(settings.complexity) else { throw .invalidSetting("complexity \(settings.complexity)") }
        var code: Int32 = 0
        let application = settings.isLowDelay ? OPUS_APPLICATION_RESTRICTED_LOWDELAY : OPUS_APPLICATION_VOIP
        guard let encoder = opus_encoder_create(16_000, 1, application, &code) else { throw .library(code: code) }
        let controls: [(Int32, Int32)] = [
            (OPUS_SET_BITRATE_REQUEST, Int32(settings.bitsPerSecond)),
            (OPUS_SET_VBR_REQUEST, settings.isConstantBitrate ? 0 : 1),
            (OPUS_SET_COMPLEXITY_REQUEST, Int32(settings.complexity)),
            (OPUS_SET_SIGNAL_REQUEST, OPUS_SIGNAL_VOICE),
            (OPUS_SET_INBAND_FEC_REQUEST, 0),
            (OPUS_SET_DTX_REQUEST, 0),
        ]
        for (request, value) in controls where code == OPUS_OK { code = copus_encoder_set(encoder, request, value) }
        var lookahead: Int32 = 0
        if code == OPUS_OK { code = copus_encoder_get(encoder, OPUS_GET_LOOKAHEAD_REQUEST, &lookahead) }
        guard code == OPUS_OK else {
            opus_encoder_destroy(encoder)
            throw .library(code: code)
        }
        self.encoder = encoder
        self.settings = settings
        delaySamples = Int(lookahead)
        packetBytesMax = settings.isConstantBitrate ? settings.constantPacketBytes : OpusPacket.frameBytesMax + 1
        frame = .allocate(capacity: settings.frameLength.samples)
        frame.initialize(repeating: 0)
    }

    deinit {
        opus_encoder_destroy(encoder)
        frame.deallocate()
    }

    /// Samples of one packet.
    public var packetSamples: Int { settings.frameLength.samples }

    /// Encodes one frame into `bytes` and returns the packet's length.
    ///
    /// Samples are full scale at ±1; what is not a number counts as silence, and what is beyond ±4 is clamped.
    public func encodeFrame(
        _ samples: UnsafeBufferPointer<Float>, into bytes: UnsafeMutableRawBufferPointer
    ) throws(OpusCodecError) -> Int {
        guard samples.count == packetSamples else {
            throw .wrongFrameLength(samples: samples.count, expected: packetSamples)
        }
        guard bytes.count >= packetBytesMax, let target = bytes.baseAddress, let source = frame.baseAddress else {
            throw .noRoom(needed: packetBytesMax)
        }
        // One bad sample would otherwise stay in the encoder's filters for good.
        for index in 0..<samples.count {
            let sample = samples[index]
            frame[index] = sample.isNaN ? 0 : min(max(sample, -4), 4)
        }
        let count = opus_encode_float(
            encoder, source, Int32(packetSamples), target.assumingMemoryBound(to: UInt8.self), Int32(packetBytesMax))
        guard count > 0 else { throw .library(code: count) }
        return Int(count)
    }

    public func encode(_ samples: UnsafeBufferPointer<Float>, into bytes: UnsafeMutableRawBufferPointer) -> Int {
        do throws(OpusCodecError) {
            return try encodeFrame(samples, into: bytes)
        } catch {
            // With whole frames of finite samples and room for them, libopus has no way to fail.
            preconditionFailure("\(error)")
        }
    }

    /// Forgets the sound so far.
    public func reset() {
        _ = copus_encoder_reset(encoder)
    }
}
