import CSignalKernels

/// One pulse of the output: one or two windowed, resampled pieces of the source on top of each other.
struct Pulse {
    /// The pulse's place on the source's time axis, in samples; fractional.
    var time = 0.0
    /// Length of the window before and after `time`.
    var left = 0.0
    var right = 0.0
    /// Speed at which the source is read: above 1 the formants rise.
    var speed = 1.0
    /// The source positions that fall on `time`: of the mark that is nearer, and of that on the other side.
    var near = 0.0
    var other = 0.0
    var gain: Float = 1
    /// The other grain's share of the low frequencies, up to a half.
    var otherShare: Float = 0
    /// What the nearer grain's high frequencies are lowered by where the source is about to fade.
    var highGain: Float = 1
    /// Unvoiced grains overlap in power, voiced ones in amplitude.
    var powerWindow = false
}

/// The rising half of a Hann window and of its square root, looked up.
struct HalfWindow: ~Copyable {
    private static let steps = 1024
    private let hann: UnsafeMutablePointer<Float>
    private let root: UnsafeMutablePointer<Float>

    init() {
        hann = .allocate(capacity: Self.steps + 2)
        root = .allocate(capacity: Self.steps + 2)
        for step in 0..<(Self.steps + 2) {
            let edge = min(1, Double(step) / Double(Self.steps))
            let value = 0.5 + 0.5 * csk_cos(Double.pi * edge)
            (hann + step).initialize(to: Float(value))
            (root + step).initialize(to: Float(max(0, value).squareRoot()))
        }
    }

    deinit {
        hann.deallocate()
        root.deallocate()
    }

    /// The window at `edge`, which is 0 in the middle of the grain and 1 at its end.
    @inline(__always)
    func value(_ edge: Double, power: Bool) -> Float {
        let place = edge * Double(Self.steps)
        let index = min(max(Int(place), 0), Self.steps)
        let fraction = Float(place - Double(index))
        let table = power ? root : hann
        return table[index] + fraction * (table[index + 1] - table[index])
    }
}
