import VoiceOpusCodec
import VoiceRelay
import VoiceSignal

/// What turns the path's blocks into the relay's frames and back; nothing in it allocates once it is made.
///
/// One thread at a time.
final class LiveWire {
    let wire: RelayWire
    private var samplesIn: SampleDecoder
    private var samplesOut: SampleEncoder
    private let encoder: OpusSoundEncoder?
    private let decoder: OpusSoundDecoder?
    private let samples: UnsafeMutableBufferPointer<Float>
    private let bytes: UnsafeMutableRawBufferPointer

    init(_ wire: RelayWire) throws(ConversionError) {
        guard let samplesIn = SampleDecoder(format: .s16, channels: 1), let samplesOut = SampleEncoder(format: .s16)
        else { preconditionFailure("one channel is always allowed") }
        self.wire = wire
        self.samplesIn = samplesIn
        self.samplesOut = samplesOut
        (encoder, decoder) = try Self.codec(wire)
        samples = .allocate(capacity: RelayProtocol.audioFrameBytesMax / RelayProtocol.bytesPerSample)
        samples.initialize(repeating: 0)
        bytes = .allocate(byteCount: max(wire.packetBytesMax, encoder?.packetBytesMax ?? 0), alignment: 16)
    }

    deinit {
        samples.deallocate()
        bytes.deallocate()
    }

    private static func codec(_ wire: RelayWire) throws(ConversionError) -> (OpusSoundEncoder?, OpusSoundDecoder?) {
        guard wire == .opus else { return (nil, nil) }
        var settings = OpusEncoderSettings()
        settings.bitsPerSecond = RelayProtocol.opusBitsPerSecond
        do throws(OpusCodecError) {
            return (try OpusSoundEncoder(settings), try OpusSoundDecoder())
        } catch {
            throw ConversionError(.unsupportedWire, "\(error); use --wire pcm")
        }
    }

    /// What goes out at once. As many samples of PCM as of Opus make as many of the ceiling's bytes: packets have one
    /// size, and both ceilings are one and a half seconds of sound in a second.
    var packet: PacketPacker.Duration { encoder == nil ? .milliseconds10 : .milliseconds20 }

    /// Samples by which the relay hears what was encoded too late. What its answer's codec adds it declares itself.
    var delaySamples: Int { encoder?.delaySamples ?? 0 }

    /// Forgets the sound so far: another connection begins.
    func reset() {
        encoder?.reset()
        decoder?.reset()
    }

    /// One packet of the path as a frame, valid until the next call.
    func encode(_ block: UnsafeBufferPointer<Float>) -> UnsafeRawBufferPointer {
        let count =
            encoder.map { $0.encode(block, into: bytes) }
            ?? samplesOut.encode(block, into: bytes) * RelayProtocol.bytesPerSample
        return UnsafeRawBufferPointer(rebasing: bytes[..<count])
    }

    /// What a frame of the relay is for the session's rules.
    func input(_ frame: UnsafeRawBufferPointer) -> RelaySession.Input {
        decoder == nil ? .audio(bytes: frame.count) : .packet(OpusPacket(frame))
    }

    /// The samples of a frame that the session has let pass, valid until the next call. A packet whose inside is broken
    /// is filled with what the sound would probably have been.
    func decode(_ frame: UnsafeRawBufferPointer) -> UnsafeBufferPointer<Float> {
        guard let decoder else {
            return UnsafeBufferPointer(rebasing: samples[..<samplesIn.decode(frame, into: samples)])
        }
        if let count = decoder.decode(frame, into: samples) {
            return UnsafeBufferPointer(rebasing: samples[..<count])
        }
        let missing = OpusPacket(frame)?.samples ?? RelayProtocol.opusPacketSamplesMax
        let made = decoder.conceal(into: UnsafeMutableBufferPointer(rebasing: samples[..<missing]))
        for index in made..<missing { samples[index] = 0 }
        return UnsafeBufferPointer(rebasing: samples[..<missing])
    }
}
