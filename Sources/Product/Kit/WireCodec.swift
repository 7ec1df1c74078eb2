import VoiceOpusCodec
import VoiceRelay

/// The codecs of a wire's two directions; none for plain samples.
struct WireCodec {
    let encoder: (any PacketEncoder)?
    let decoder: (any PacketDecoder)?

    init(_ wire: RelayWire) throws {
        switch wire {
        case .pcm:
            encoder = nil
            decoder = nil
        case .opus:
            var settings = OpusEncoderSettings()
            settings.bitsPerSecond = RelayProtocol.opusBitsPerSecond
            do throws(OpusCodecError) {
                encoder = try OpusSoundEncoder(settings)
                decoder = try OpusSoundDecoder()
            } catch {
                throw ConversionError(.unsupportedWire, "\(error); use --wire pcm")
            }
        }
    }
}
