/// Keeps a converted signal inside full scale without bending its waveform.
///
/// How far the output's peaks stand above the input's is followed; the input is known a while before its output, so
/// that the gain is down already when a high peak arrives, and it comes up again slowly. Only what was not foreseen
/// meets the soft limit.
struct PeakGuard {
    /// What the gain brings peaks down to.
    private static let highest: Float = 0.9
    /// Below this an input's peak tells nothing of the output's.
    private static let telling: Float = 0.1

    /// Peaks are let go within a few periods of a low voice.
    private let peakKeep: Float
    private let riseShare: Float
    private let attack: Float
    private let release: Float
    private var ahead: Float = 0
    private var here: Float = 0
    private var output: Float = 0
    private var rise: Float = 1
    private var gain: Float = 1

    init(rate: Double = ConversionFormat.sampleRate) {
        peakKeep = Float(1 - 1 / (0.02 * rate))
        // The mean of 0.1 s: the highest peaks are single ones, and not worth the level of all around them.
        riseShare = Float(1 / (0.1 * rate))
        attack = Float(1 / (0.002 * rate))
        release = Float(1 / (0.05 * rate))
    }

    /// The sample as it may leave.
    ///
    /// - Parameters:
    ///   - newest: The newest sample of the input.
    ///   - source: The sample of the input that belongs to the output.
    ///   - share: How much of the output is converted; what is not stays what it is.
    @inline(__always)
    mutating func protect(_ sample: Float, newest: Float, source: Float, share: Float) -> Float {
        ahead = max(abs(newest), ahead * peakKeep)
        here = max(abs(source), here * peakKeep)
        let size = abs(sample)
        output = max(size, output * peakKeep)
        // An output that begins a little before its input must not pass for a high one.
        let around = max(here, ahead)
        if around > Self.telling { rise += (min(4, output / around) - rise) * riseShare }
        let expected = max(output, ahead * rise)
        let wanted = expected > Self.highest ? Self.highest / expected : 1
        gain += (wanted - gain) * (wanted < gain ? attack : release)
        guard gain < 0.999_99 || size > LevelKeeper.knee else { return sample }
        let kept = LevelKeeper.limit(sample * gain)
        // From a share of 1/8 on all is protected; below there is hardly more than the input.
        return share < 0.125 ? sample + 8 * share * (kept - sample) : kept
    }

    mutating func reset() {
        ahead = 0
        here = 0
        output = 0
        rise = 1
        gain = 1
    }
}
