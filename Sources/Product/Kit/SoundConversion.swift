import VoiceRelay

/// One recording's conversion, wherever it happens.
///
/// ``run(from:to:progress:)`` blocks its thread until the end; ``cancel()`` may be called from any other. Use once.
public protocol SoundConversion: AnyObject, Sendable {
    /// Converts all of `source` into `sink`, which gets as long a sound as the source's.
    ///
    /// - Throws: ``ConversionError``, or what source and sink throw.
    func run(
        from source: any SoundSource, to sink: any SoundSink, progress: ConversionProgress
    ) throws -> ConversionReport

    /// Stops the conversion soon; ``run(from:to:progress:)`` then throws with the cause `cancelled`.
    func cancel()
}

/// What a finished conversion cost, where a relay said so.
public struct ConversionReport: Sendable {
    public var creditsUsed: Int?
    /// How the sound travelled: PCM where the relay does not take what was asked for.
    public var wire = RelayWire.pcm
    /// Samples at 16 kHz by which the relay's answer lagged the sound, codecs included; the result has it taken out.
    public var delaySamples = 0

    public init(creditsUsed: Int? = nil, wire: RelayWire = .pcm, delaySamples: Int = 0) {
        self.creditsUsed = creditsUsed
        self.wire = wire
        self.delaySamples = delaySamples
    }
}
