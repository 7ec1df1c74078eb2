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
