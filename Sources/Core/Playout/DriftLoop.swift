/// Keeps the delay constant by a rate: a second-order loop from the error of the delay to a drift for the resampler.
///
/// Proportional and integral; the integral ends up at the true difference of the two clocks and the error at zero. Fast
/// for the first seconds, then narrow, so that what jitters in the error moves the pitch by less than can be heard.
public struct DriftLoop: Sendable {
    /// What the resampler can follow, in parts per million.
    public static var ppmMax: Double { 5_000 }

    /// Errors beyond this say nothing of the clocks; they are others' to repair (seconds).
    private static var errorMax: Double { 0.004 }
    /// An error that a change of the aim left behind is repaired at this rate at the most, in parts per million, and
    /// counts as gone below the second figure (seconds).
    private static var repairPPM: Double { 1_500 }
    private static var repairedError: Double { 0.000_3 }
    private static var repairSecondsMax: Double { 20 }
    /// An error that is repaired fast at any age of the loop (seconds).
    private static var farError: Double { 0.001 }
    private static var fastSeconds: Double { 12 }

    private var integral = 0.0
    private var age = 0.0
    /// While positive, the error is of our own making and says nothing of the clocks.
    private var repairSeconds = 0.0
    /// The drift to set: parts per million more input per output.
    public private(set) var ppm = 0.0

    public init() {}

    /// The clocks' difference as learnt so far, in parts per million.
    public var clockPPM: Double { integral * 1e6 }

    /// - Parameters:
    ///   - error: by how much the delay is too long, in seconds.
    ///   - seconds: since the last update.
    /// - Returns: the drift to set.
    @_noLocks @_noAllocation
    public mutating func update(error: Double, seconds: Double) -> Double {
        guard error.isFinite, seconds > 0, seconds < 1 else { return ppm }
        age += seconds
        // Critically damped: 1 rad/s learns the clocks in some seconds, 0.1 rad/s follows their temperature.
        let omega = age < Self.fastSeconds ? 1.0 : max(0.1, 1 - (age - Self.fastSeconds) * 0.3)
        let bounded = min(max(error, -Self.errorMax), Self.errorMax)
        let limit = Self.ppmMax * 1e-6
        if abs(error) < Self.repairedError { repairSeconds = 0 }
        repairSeconds -= seconds
        if error == bounded, repairSeconds <= 0 {
            integral = min(max(integral + omega * omega * bounded * seconds, -limit), limit)
        }
        // What is far off is not left to the slow loop: the delay is back within seconds, by less than can be heard.
        let haste = abs(error) > Self.farError ? max(omega, 1) : omega
        let repair = min(max(2 * haste * bounded, -Self.repairPPM * 1e-6), Self.repairPPM * 1e-6)
        ppm = min(max(integral + repair, -limit), limit) * 1e6
        return ppm
    }

    /// The delay's aim has changed, or the stream jumped: the error that follows is not the clocks'.
    @_noLocks @_noAllocation
    public mutating func hold() {
        ppm = integral * 1e6
        repairSeconds = Self.repairSecondsMax
    }
}
