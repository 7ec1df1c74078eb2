import CSignalKernels

/// Measures how loud a signal is: per block, and as a peak that holds and then falls, as on a mixing desk.
///
/// Units: linear amplitudes, full scale 1 (`Decibels.level` converts). Time is counted in samples, so a recording
/// shows the same levels however fast it is played and however it is cut into blocks. NaN counts as silence.
/// Threads: a value, used by one thread at a time. Everything but `init` is fit for audio threads.
public struct LevelMeter: Sendable {
    /// The levels of one block.
    public struct Block: Sendable, Hashable {
        /// Largest magnitude.
        public var peak: Float = 0
        /// Root of the mean square; 0 for an empty block.
        public var rms: Float = 0
        /// Samples at full scale or beyond.
        public var clippedCount = 0

        public init() {}
    }

    /// Magnitude from which a sample counts as clipped: the largest that 16 bits can hold.
    public static var clipLevel: Float { 32_767 / 32_768 }

    /// The largest recent magnitude: it stands for the hold time, then falls at the given rate.
    public private(set) var heldPeak: Float = 0
    /// Samples at full scale or beyond since the start or `resetClippedCount`.
    public private(set) var clippedCount = 0

    private let holdFrames: Int
    private let fallPerFrame: Float
    private var holdFramesLeft = 0

    /// - Parameters:
    ///   - sampleRate: Samples per second, at least 1.
    ///   - holdSeconds: How long a peak stands, 0...60.
    ///   - fallDecibelsPerSecond: How fast it falls then, 0...1,000.
    public init(sampleRate: Int, holdSeconds: Double = 1.5, fallDecibelsPerSecond: Double = 20) {
        let rate = Double(max(1, sampleRate))
        let seconds = holdSeconds >= 0 ? min(holdSeconds, 60) : 0
        let fall = fallDecibelsPerSecond >= 0 ? min(fallDecibelsPerSecond, 1_000) : 0
        holdFrames = Int(rate * seconds)
        fallPerFrame = Float(Decibels.amplitude(-fall / rate))
    }

    /// Measures a block and lets the held peak follow it.
    @_noLocks @_noAllocation
    public mutating func measure(_ samples: UnsafeBufferPointer<Float>) -> Block {
        var block = Block()
        guard let base = samples.baseAddress, samples.count > 0 else { return block }
        var sum = 0.0
        for index in 0..<samples.count {
            let value = base[index]
            // False for NaN, which so leaves no trace.
            let magnitude = value.magnitude >= 0 ? value.magnitude : 0
            sum += Double(magnitude) * Double(magnitude)
            if magnitude >= Self.clipLevel { block.clippedCount &+= 1 }
            if magnitude > block.peak { block.peak = magnitude }
            hold(magnitude)
        }
        block.rms = Float(csk_square_root(sum / Double(samples.count)))
        clippedCount &+= block.clippedCount
        return block
    }

    /// Starts counting clipped samples from zero.
    @_noLocks @_noAllocation
    public mutating func resetClippedCount() {
        clippedCount = 0
    }

    @_noLocks @_noAllocation
    @inline(__always)
    private mutating func hold(_ magnitude: Float) {
        if magnitude >= heldPeak {
            heldPeak = magnitude
            holdFramesLeft = holdFrames
        } else if holdFramesLeft > 0 {
            holdFramesLeft &-= 1
        } else {
            heldPeak *= fallPerFrame
            // Below -200 dB it is silence: denormal numbers would be slow.
            if heldPeak < 1e-10 { heldPeak = 0 }
        }
    }
}
