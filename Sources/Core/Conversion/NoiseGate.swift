import CSignalKernels

/// Lowers the pauses, and opens before the word.
///
/// The level is measured on the newest input and applied to the output, which lies the converter's delay behind: the
/// gate is open before what opened it comes out, but not long before: it takes 5 ms of the delay to open. Off unless a
/// threshold is set.
struct NoiseGate {
    /// What remains of a closed gate: -24 dB.
    private static let closed: Float = 0.063
    private static let detector: Float = 1 / 80
    private static let attack: Float = 1 / 80
    private static let release: Float = 1 / 1600
    private static let holdSamples = 2400

    /// Power above which the gate opens; 0 switches it off.
    var thresholdPower: Float = 0
    private var power: Float = 0
    private var gain: Float = 1
    private var hold = 0

    mutating func reset() {
        power = 0
        gain = 1
        hold = 0
    }

    /// The gain for the sample that goes out while `input` comes in.
    @inline(__always)
    mutating func gain(for input: Float) -> Float {
        power += (input * input - power) * Self.detector
        guard thresholdPower > 0 else {
            gain = min(1, gain + Self.attack)
            return gain
        }
        if power > thresholdPower { hold = Self.holdSamples }
        if hold > 0 {
            hold -= 1
            gain = min(1, gain + Self.attack)
        } else {
            gain += (Self.closed - gain) * Self.release
        }
        return gain
    }
}
