import Synchronization
import VoiceConversion
import VoiceLocalPath
import VoiceRelay
import VoiceSignal

/// One recording's way through the converter of this process: no network, no account, no 16-bit wire.
///
/// ``run(from:to:progress:)`` blocks its thread until the end; ``cancel()`` may be called from any other. Use once.
public final class LocalConversion: SoundConversion {
    private static let blockFrames = 4096

    private let voice: Voice
    private let gateDecibels: Double?
    private let isCancelled = Atomic<Bool>(false)

    /// - Parameters:
    ///   - voice: the voice to convert to.
    ///   - gateDecibels: below this level pauses are lowered; see `VoiceConverter.setGate(thresholdDecibels:)`.
    public init(voice: Voice, gateDecibels: Double? = nil) {
        self.voice = voice
        self.gateDecibels = gateDecibels
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
        var path: LocalPath
        do throws(ResamplerError) {
            path = try LocalPath(
                sourceRate: source.sampleRate, sinkRate: sink.sampleRate, frames: source.frames, voice: voice,
                gateDecibels: gateDecibels)
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
        while path.framesLeft > 0 {
            guard !isCancelled.load(ordering: .acquiring) else { throw ConversionError(.cancelled, "stopped") }
            let count = try source.read(into: block)
            guard count > 0 else { break }
            try path.push(UnsafeBufferPointer(rebasing: block[..<count]), sink.write)
            progress.update(converted: (total - path.framesLeft) * RelayProtocol.sampleRate / sink.sampleRate)
        }
        try path.finish(sink.write)
        progress.update(converted: total * RelayProtocol.sampleRate / sink.sampleRate)
        return ConversionReport()
    }
}
