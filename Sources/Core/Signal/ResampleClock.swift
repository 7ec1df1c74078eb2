/// Where the next output instant lies on the input's time axis, in exact integer arithmetic.
///
/// The instant is `whole` input frames plus a fraction. Without drift the fraction is `phase` / `outputStep`, an exact
/// rational: after any number of hours it is where the definition says. With drift it is a 64-bit binary fraction, and
/// each step is inputStep / outputStep (rounded to 2^-64, an error of one frame in 10^14 years at 192 kHz) plus a
/// correction that moves linearly to its target. A clock that has drifted stays on the binary fraction until reset.
struct ResampleClock: Sendable {
    /// The largest drift, in parts per million.
    static var driftMax: Double { 5_000 }

    /// Reduced ratio: `outputStep` outputs take exactly `inputStep` inputs.
    let inputStep: Int
    let outputStep: Int
    /// Outputs over which a new drift is approached.
    let rampOutputs: Int

    /// Input frames from the buffer's start to the instant; its owner subtracts what it drops from the buffer.
    private(set) var whole = 0
    private(set) var phase = 0
    private(set) var isDrifting = false
    /// Units of 2^-64 of an input frame; used while `isDrifting`.
    private var fraction: UInt64 = 0

    private let stepWhole: Int
    private let stepFraction: UInt64
    // Corrections per step, in units of 2^-64: at most 96 x 5000 ppm = 0.48 in size, which just fits.
    private var correction: Int64 = 0
    private var correctionTarget: Int64 = 0
    private var slew: Int64 = 0

    init(inputStep: Int, outputStep: Int, rampOutputs: Int) {
        self.inputStep = inputStep
        self.outputStep = outputStep
        self.rampOutputs = max(1, rampOutputs)
        stepWhole = inputStep / outputStep
        stepFraction = Self.fraction(of: inputStep % outputStep, over: outputStep)
    }

    /// The fraction of the instant in units of 2^-64.
    var binaryFraction: UInt64 {
        @_noLocks @_noAllocation
        get { isDrifting ? fraction : Self.fraction(of: phase, over: outputStep) }
    }

    @_noLocks @_noAllocation
    mutating func reset() {
        whole = 0
        phase = 0
        fraction = 0
        isDrifting = false
        correction = 0
        correctionTarget = 0
    }

    /// Moves the buffer's start.
    @_noLocks @_noAllocation
    mutating func shift(by frames: Int) {
        whole += frames
    }

    /// Aims at consuming `ppm` parts per million more input per output.
    @_noLocks @_noAllocation
    mutating func setDrift(ppm: Double) {
        guard ppm.isFinite, isDrifting || ppm != 0 else { return }
        if !isDrifting {
            fraction = binaryFraction
            isDrifting = true
        }
        let bounded = min(max(ppm, -Self.driftMax), Self.driftMax)
        let exact = Double(inputStep) / Double(outputStep) * bounded * 1e-6 * 0x1p64
        correctionTarget = Int64(exact)
        // Divided before the difference is taken: the difference of two corrections may not fit.
        slew = max(1, (correctionTarget / Int64(rampOutputs) - correction / Int64(rampOutputs)).magnitudeAsInt64)
    }

    /// Goes to the next output.
    @_noLocks @_noAllocation
    mutating func advance() {
        if isDrifting {
            approachTarget()
            let (sum, carry) = fraction.addingReportingOverflow(stepFraction)
            whole &+= stepWhole &+ (carry ? 1 : 0)
            let (corrected, wrapped) = sum.addingReportingOverflow(UInt64(bitPattern: correction))
            // Adding a negative number as unsigned carries unless it borrows.
            whole &+= (wrapped ? 1 : 0) &- (correction < 0 ? 1 : 0)
            fraction = corrected
        } else {
            advanceExactly(by: 1)
        }
    }

    /// Goes `count` outputs ahead; without drift, or with a settled one, in constant time.
    @_noLocks @_noAllocation
    mutating func advance(by count: Int) {
        guard isDrifting else { return advanceExactly(by: count) }
        var rest = count
        while rest > 0, correction != correctionTarget {
            advance()
            rest &-= 1
        }
        guard rest > 0 else { return }
        whole &+= rest &* stepWhole
        let base = UInt64(rest).multipliedFullWidth(by: stepFraction)
        add(whole: Int(base.high), fraction: base.low)
        let more = Int64(rest).multipliedFullWidth(by: correction)
        add(whole: Int(more.high), fraction: more.low)
    }

    /// How many instants from this one on lie at or before `last` whole frames; without drift only.
    @_noLocks @_noAllocation
    func exactCount(through last: Int) -> Int {
        guard last >= whole else { return 0 }
        return ((last &- whole &+ 1) &* outputStep &- 1 &- phase) / inputStep &+ 1
    }

    @_noLocks @_noAllocation
    private mutating func advanceExactly(by count: Int) {
        let total = phase &+ count &* inputStep
        whole &+= total / outputStep
        phase = total % outputStep
    }

    @_noLocks @_noAllocation
    private mutating func approachTarget() {
        if correction < correctionTarget {
            let (next, overflow) = correction.addingReportingOverflow(slew)
            correction = overflow ? correctionTarget : min(next, correctionTarget)
        } else if correction > correctionTarget {
            let (next, overflow) = correction.subtractingReportingOverflow(slew)
            correction = overflow ? correctionTarget : max(next, correctionTarget)
        }
    }

    @_noLocks @_noAllocation
    private mutating func add(whole more: Int, fraction part: UInt64) {
        let (sum, carry) = fraction.addingReportingOverflow(part)
        fraction = sum
        whole &+= more &+ (carry ? 1 : 0)
    }

    /// numerator / denominator in units of 2^-64, for numerator < denominator.
    @_noLocks @_noAllocation
    private static func fraction(of numerator: Int, over denominator: Int) -> UInt64 {
        UInt64(denominator).dividingFullWidth((UInt64(numerator), 0)).quotient
    }
}

extension Int64 {
    fileprivate var magnitudeAsInt64: Int64 { self < 0 ? 0 &- self : self }
}
