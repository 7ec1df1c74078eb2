import VoiceConversion
import VoiceOpusCodec
import VoiceRelay
import VoiceSignal

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

    /// What went through last, and how much so far.
    struct Levels {
        var input = LevelMeter.Block()
        var output = LevelMeter.Block()
        var samplesOut = 0
    }

    private let converter: any SessionConverter
    private var wire: SessionWire
    private var inputMeter = LevelMeter(sampleRate: RelayProtocol.sampleRate)
    private var outputMeter = LevelMeter(sampleRate: RelayProtocol.sampleRate)
    private var levels = Levels()

    init(converter: any SessionConverter, wire: RelayWire) throws(OpusCodecError) {
        self.converter = converter
        self.wire = try SessionWire(wire)
    }

    /// Samples by which the answer, decoded, lags its input, decoded; ``flush()`` gives them at the end.
    var delaySamples: Int { converter.delaySamples + wire.delaySamples }

    /// Samples of a client's frame; `nil` when it is not of the session's format.
    func samples(of frame: UnsafeRawBufferPointer) -> Int? { wire.samples(of: frame) }

    func lastLevels() -> Levels { levels }

    var isReady: Bool { converter.isReady }
    var changesVoice: Bool { converter.changesVoice }
    var answersVoiceLater: Bool { converter.answersVoiceLater }
    var isDrained: Bool { converter.isDrained }

    func takeVoiceAnswers() -> [RelayVoiceAnswer] { converter.takeVoiceAnswers() }

    /// The frames of what came from elsewhere since the last call.
    mutating func poll() throws(Failure) -> [[UInt8]] {
        var answer: [Float] = []
        do {
            try converter.poll { answer.append(contentsOf: $0) }
        } catch {
            throw .converter(error)
        }
        return answer.isEmpty ? [] : encoded(answer)
    }

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
        let input: LevelMeter.Block?
        do {
            input = try wire.decode(frame) { input in
                try converter.convert(input) { answer.append(contentsOf: $0) }
                return inputMeter.measure(input)
            }
        } catch {
            throw .converter(error)
        }
        guard let input else { throw .malformed }
        levels.input = input
        return encoded(answer)
    }

    /// No more sound comes: what the converter holds, as far as it is here.
    mutating func flush() throws(Failure) -> [[UInt8]] {
        var answer: [Float] = []
        do {
            try converter.flush { answer.append(contentsOf: $0) }
        } catch {
            throw .converter(error)
        }
        return encoded(answer)
    }

    /// What the encoder holds when nothing comes any more, in whole packets.
    mutating func flushEncoder() -> [[UInt8]] {
        var frames: [[UInt8]] = []
        wire.flush(into: &frames)
        return frames
    }

    private mutating func encoded(_ samples: [Float]) -> [[UInt8]] {
        var frames: [[UInt8]] = []
        samples.withUnsafeBufferPointer { samples in
            levels.output = outputMeter.measure(samples)
            levels.samplesOut += samples.count
            wire.encode(samples, into: &frames)
        }
        return frames
    }
}
