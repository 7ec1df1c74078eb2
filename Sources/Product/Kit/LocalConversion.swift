import Synchronization
import VoiceConversion
import VoiceLocalPath
import VoiceRelay
import VoiceSignal

/// One recording's way through the converter of this process: no network, no account, no 16-bit wire.
///
/// A source that can be read twice is listened to before, up to a minute of voice: then every word lands where the
/// speaker's median does, the first ones too. Of any other the speaker is found out on the way.
///
/// ``run(from:to:progress:)`` blocks its thread until the end; ``cancel()`` may be called from any other. Use once.
public final class LocalConversion: SoundConversion {
    private static let blockFrames = 4096

    private let voice: Voice
    private let gateDecibels: Double?
    private let mix: Double
    private let delay: ConversionDelay
    private let isCancelled = Atomic<Bool>(false)

    /// - Parameters:
    ///   - voice: the voice to convert to.
    ///   - gateDecibels: below this level of the source pauses are lowered; see `VoiceConverter.setGate(thresholdDecibels:)`.
    ///   - mix: the share of the converted voice, 0...1; the rest is the own voice.
    ///   - delay: how far the converter may hear ahead; the result is aligned with its source all the same.
    public init(voice: Voice, gateDecibels: Double? = nil, mix: Double = 1, delay: ConversionDelay = .ms15) {
        self.voice = voice
        self.gateDecibels = gateDecibels
        self.mix = mix
        self.delay = delay
    }

    /// Stops the conversion after its current block; ``run(from:to:progress:)`` then throws with the cause `cancelled`.
    public func cancel() {
        isCancelled.store(true, ordering: .releasing)
    }

    /// Converts all of `source` into `sink`, which gets as long a sound as the source's, aligned with it.
    ///
    /// - Throws: ``ConversionError``, or what source and sink throw.
    public func run(
        from source: any SoundSource, to sink: any SoundSink, progress: ConversionProgress
    ) throws -> ConversionReport {
        let speaker = try speaker(in: source)
        var path: LocalPath
        do throws(ResamplerError) {
            path = try LocalPath(
                sourceRate: source.sampleRate, sinkRate: sink.sampleRate, frames: source.frames, voice: voice,
                gateDecibels: gateDecibels, speaker: speaker, mix: mix, delay: delay)
        } catch {
            throw ConversionError(
                .unsupportedRate, "\(source.sampleRate) Hz can't be converted to \(sink.sampleRate) Hz")
        }
        let total = path.framesLeft
        // Progress counts in the relay's samples, whichever way a conversion goes.
        progress.start(total: total * RelayProtocol.sampleRate / sink.sampleRate)
        let block = UnsafeMutableBufferPointer<Float>.allocate(capacity: Self.blockFrames)
        block.initialize(repeating: 0)
        defer { block.deallocate() }
        var gate = LevelledThreshold(decibels: gateDecibels)
        while path.framesLeft > 0 {
            guard !isCancelled.load(ordering: .acquiring) else { throw ConversionError(.cancelled, "stopped") }
            let count = try source.read(into: block)
            guard count > 0 else { break }
            if let decibels = gate.moved(by: source.levelDecibels) { path.setGate(decibels: decibels) }
            try path.push(UnsafeBufferPointer(rebasing: block[..<count]), sink.write)
            progress.update(converted: (total - path.framesLeft) * RelayProtocol.sampleRate / sink.sampleRate)
        }
        try path.finish(sink.write)
        progress.update(converted: total * RelayProtocol.sampleRate / sink.sampleRate)
        return ConversionReport()
    }

    /// Who speaks; nil where nobody can say, or where nothing depends on it.
    private func speaker(in source: any SoundSource) throws -> Voice.Speaker? {
        guard voice.adaptsToSpeaker, let rehearsal = try source.rehearsal(),
            var resampler = try? Resampler(from: rehearsal.sampleRate, to: RateConverter.narrowRate, profile: .live)
        else { return nil }
        var meter = SpeakerMeter()
        let sound = UnsafeMutableBufferPointer<Float>.allocate(capacity: 2 * Self.blockFrames)
        sound.initialize(repeating: 0)
        defer { sound.deallocate() }
        let block = UnsafeMutableBufferPointer(rebasing: sound[..<Self.blockFrames])
        let resampled = UnsafeMutableBufferPointer(rebasing: sound[Self.blockFrames...])
        while !meter.isSatisfied {
            guard !isCancelled.load(ordering: .acquiring) else { throw ConversionError(.cancelled, "stopped") }
            var rest = UnsafeBufferPointer(rebasing: block[..<(try rehearsal.read(into: block))])
            guard !rest.isEmpty else { break }
            while true {
                let step = resampler.process(rest, into: resampled)
                rest = UnsafeBufferPointer(rebasing: rest[step.consumed...])
                guard step.produced > 0 else { break }
                meter.add(UnsafeBufferPointer(rebasing: resampled[..<step.produced]))
            }
        }
        return meter.speaker
    }
}
