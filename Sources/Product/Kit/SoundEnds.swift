/// Where the sound of a conversion comes from: a file, a buffer of the embedding program.
///
/// Used by the thread that runs the conversion, which may block in it.
public protocol SoundSource: AnyObject {
    /// Frames per second.
    var sampleRate: Int { get }
    /// How many frames will come; bounds the session and its reservation.
    var frames: Int { get }
    /// Fills `buffer` with mono samples, full scale at ±1, and returns how many; 0 at the end.
    func read(into buffer: UnsafeMutableBufferPointer<Float>) throws -> Int
    /// The same sound from its beginning, read apart from this one; nil where it can be read only once, the default.
    ///
    /// A conversion on this machine listens to it first, to know who speaks.
    func rehearsal() throws -> (any SoundSource)?
    /// By how many decibels an automatic level changed the frames that were read last; 0 without one, the default.
    ///
    /// The threshold of a gate behind it moves with it.
    var levelDecibels: Double { get }
}

extension SoundSource {
    public func rehearsal() throws -> (any SoundSource)? { nil }
    public var levelDecibels: Double { 0 }
}

/// Where the converted sound goes.
///
/// Used by the thread that runs the conversion, which may block in it.
public protocol SoundSink: AnyObject {
    /// Frames per second.
    var sampleRate: Int { get }
    /// Takes mono samples, full scale at ±1.
    func write(_ samples: UnsafeBufferPointer<Float>) throws
}
