/// A volume control without clicks: each change of gain becomes a straight ramp of a fixed length.
///
/// Units: linear amplitude factors; a negative one inverts. A ramp starts where the last one was broken off. The
/// output does not depend on how the samples are cut into blocks.
/// Threads: a value, used by one thread at a time. Everything but `init` is fit for audio threads.
public struct Gain: Sendable {
    /// The gain that is approached or reached.
    public private(set) var target: Float
    /// Samples that a change takes.
    public let rampFrames: Int

    private var start: Float
    private var framesLeft = 0

    /// A gain that begins at `initial`, without a ramp.
    ///
    /// - Parameters:
    ///   - initial: Linear factor.
    ///   - rampFrames: Samples that a change takes, at least 1; 10 ms is inaudible.
    public init(_ initial: Float = 1, rampFrames: Int) {
        target = initial
        start = initial
        self.rampFrames = max(1, rampFrames)
    }

    /// The gain that the next sample gets.
    public var current: Float {
        @_noLocks @_noAllocation
        get {
            guard framesLeft > 0 else { return target }
            return target + (start - target) * (Float(framesLeft) / Float(rampFrames))
        }
    }

    /// Starts a ramp to `gain`; NaN and infinities are ignored, as is the gain that is approached already.
    @_noLocks @_noAllocation
    public mutating func set(_ gain: Float) {
        guard gain.isFinite, gain != target else { return }
        start = current
        target = gain
        framesLeft = rampFrames
    }

    /// The gain of the next sample, which is then done: for mixing.
    @_noLocks @_noAllocation
    public mutating func step() -> Float {
        let gain = current
        framesLeft = max(0, framesLeft &- 1)
        return gain
    }

    /// Multiplies the samples in place.
    @_noLocks @_noAllocation
    public mutating func apply(to samples: UnsafeMutableBufferPointer<Float>) {
        guard let base = samples.baseAddress else { return }
        var index = 0
        while framesLeft > 0, index < samples.count {
            base[index] *= current
            framesLeft &-= 1
            index &+= 1
        }
        guard target != 1 else { return }
        let gain = target
        while index < samples.count {
            base[index] *= gain
            index &+= 1
        }
    }
}
