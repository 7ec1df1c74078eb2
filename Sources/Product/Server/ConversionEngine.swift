import VoiceConversion
import VoiceOpusCodec
import VoiceRelay

/// A session's converter behind its wire format: frames in, frames out.
///
/// One caller at a time.
struct ConversionEngine: ~Copyable {
    /// Why a frame gave no answer.
    enum Failure: Error {
        /// The client's packet can't be decoded.
        case malformed
        /// The converter gave up.
        case converter(any Error)
    }

    private let converter: any SessionConverter
    private var wire: SessionWire

    init(converter: any SessionConverter, wire: RelayWire) throws(OpusCodecError) {
        self.converter = converter
        self.wire = try SessionWire(wire)
    }

    /// Samples by which the answer, decoded, lags its input, decoded; ``flush()`` gives them at the end.
    var delaySamples: Int { converter.delaySamples + wire.delaySamples }

    /// Samples of a client's frame; `nil` when it is not of the session's format.
    func samples(of frame: UnsafeRawBufferPointer) -> Int? { wire.samples(of: frame) }

    mutating func setVoice(_ voice: Voice) throws(Failure) {
        do {
            try converter.setVoice(voice)
        } catch {
            throw .converter(error)
        }
    }

    /// Converts one frame into the answer's next frames.
    mutating func convert(_ frame: UnsafeRawBufferPointer) throws(Failure) -> [[UInt8]] {
        var answer: [Float] = []
        let isDecoded: Void?
        do {
            isDecoded = try wire.decode(frame) { input in
                try converter.convert(input) { answer.append(contentsOf: $0) }
            }
        } catch {
            throw .converter(error)
        }
        guard isDecoded != nil else { throw .malformed }
        return encoded(answer)
    }

    /// What converter and encoder still hold: their delay's worth of samples, and whole packets.
    mutating func flush() throws(Failure) -> [[UInt8]] {
        var answer: [Float] = []
        do {
            try converter.flush { answer.append(contentsOf: $0) }
        } catch {
            throw .converter(error)
        }
        var frames = encoded(answer)
        wire.flush(into: &frames)
        return frames
    }

    private mutating func encoded(_ samples: [Float]) -> [[UInt8]] {
        var frames: [[UInt8]] = []
        samples.withUnsafeBufferPointer { wire.encode($0, into: &frames) }
        return frames
    }
}
