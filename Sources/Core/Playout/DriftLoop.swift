/// Keeps the delay constant by a rate: a second-order loop from the error of the delay to a drift for the resampler.
///
/// An observer follows the error: what it changes by beyond the drift that is set is the difference of the two clocks.
/// Where the error jumps for another reason (the aim has changed, sound was cut out, a thread stood still) the observer
/// jumps along and learns nothing from it until a second has gone by, as what follows is no clock's doing either. It is
/// never stopped for longer, so what was learnt wrongly all the same goes away by itself. The error is repaired in
/// proportion, on top of what is known of the clocks. Fast for the first seconds, then narrow, so that what jitters in
/// the error moves the pitch by less than can be heard.
/// Source: D. G. Luenberger, "An introduction to observers", IEEE Trans. Automatic Control 16 (1971).
public struct DriftLoop: Sendable {
    /// What the resampler can follow, in parts per million.
    public static var ppmMax: Double { 5_000 }

    /// Errors are repaired as if they were this large at the most (seconds).
    private static var errorMax: Double { 0.004 }
    /// An error is repaired at this rate at the most, in parts per million.
    private static var repairPPM: Double { 1_500 }
    /// An error that is repaired fast at any age of the loop (seconds).
    private static var farError: Double { 0.001 }
    /// No clock moves the error by so much at once: something has jumped (seconds).
    private static var jumpMin: Double { 0.000_5 }
    /// No clocks' difference that may still be unknown moves it so far from where it is expected (seconds).
    private static var surpriseMax: Double { 0.002 }
    /// So long after a jump the filters behind the error have settled.
    private static var quietSeconds: Double { 1 }
    private static var fastSeconds: Double { 12 }

    private var clocks = 0.0
    /// The error as it should be now by what is known of the clocks; nil when only the next one will tell.
    private var expected: Double?
    private var last = 0.0
    /// Time of observation; that of what comes behind jumps counts half.
    private var age = 0.0
    private var sinceJump = 0.0
    /// The drift to set: parts per million more input per output.
    public private(set) var ppm = 0.0

    private let settleSeconds: Double

    /// - Parameter settleSeconds: how long errors say nothing of the clocks at first, as the moment at which sound should
    ///   arrive is still being found among bursts.
    public init(settleSeconds: Double = 0) {
        self.settleSeconds = settleSeconds
    }

    /// The clocks' difference as learnt so far, in parts per million.
    public var clockPPM: Double { clocks * 1e6 }

    /// - Parameters:
    ///   - error: by how much the delay is too long, in seconds.
    ///   - seconds: since the last update.
    /// - Returns: the drift to set.
    @_noLocks @_noAllocation
    public mutating func update(error: Double, seconds: Double) -> Double {
        guard error.isFinite, seconds > 0, seconds < 1 else { return ppm }
        // Critically damped: 1 rad/s learns the clocks in some seconds, 0.1 rad/s follows their temperature.
        let learnt = age - settleSeconds
        let omega = learnt < Self.fastSeconds ? 1.0 : max(0.1, 1 - (learnt - Self.fastSeconds) * 0.3)
        observe(error, seconds: seconds, omega: omega)
        // What is far off is not left to the slow loop: the delay is back within seconds, by less than can be heard.
        let bounded = min(max(error, -Self.errorMax), Self.errorMax)
        let haste = abs(error) > Self.farError ? max(omega, 1) : omega
        let repair = min(max(2 * haste * bounded, -Self.repairPPM * 1e-6), Self.repairPPM * 1e-6)
        ppm = min(max(clocks * 1e6 + repair * 1e6, -Self.ppmMax), Self.ppmMax)
        return ppm
    }

    @_noLocks @_noAllocation
    private mutating func observe(_ error: Double, seconds: Double, omega: Double) {
        let limit = Self.ppmMax * 1e-6
        sinceJump += seconds
        if abs(error - last) > Self.jumpMin + 2 * limit * seconds { sinceJump = 0 }
        last = error
        guard sinceJump > Self.quietSeconds, let before = expected else {
            age += seconds / 2
            expected = error
            return
        }
        age += seconds
        let predicted = before + (clocks - ppm * 1e-6) * seconds
        let surprise = error - predicted
        guard age > settleSeconds, abs(surprise) < Self.surpriseMax else {
            if age > settleSeconds { sinceJump = 0 }
            expected = error
            return
        }
        expected = predicted + min(1, 2 * omega * seconds) * surprise
        clocks = min(max(clocks + omega * omega * surprise * seconds, -limit), limit)
    }

    /// The error changes by so many seconds from now on, for a known reason: the aim was moved.
    @_noLocks @_noAllocation
    public mutating func shift(by seconds: Double) {
        if let before = expected { expected = before + seconds }
        last += seconds
    }

    /// The stream jumped, or was cut: what the error will be then is not the clocks'.
    @_noLocks @_noAllocation
    public mutating func hold() {
        ppm = clocks * 1e6
        expected = nil
        sinceJump = 0
    }
}
