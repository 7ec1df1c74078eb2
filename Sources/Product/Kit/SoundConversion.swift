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

    public init(creditsUsed: Int? = nil) {
        self.creditsUsed = creditsUsed
    }
}
