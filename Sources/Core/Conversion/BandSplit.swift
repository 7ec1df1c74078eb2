import CSignalKernels

/// The way from a device's rate down to 16 kHz and up again, with the rest kept beside it.
///
/// One linear-phase low-pass serves both ways. What comes out is `up(converted - g * low) + g * input`, each as late as
/// the others: for g = 1 and an unconverted low band that is the input itself, whatever the filter does.
struct BandSplit: ~Copyable, @unchecked Sendable {
    // @unchecked: the buffers are raw memory that this value alone owns and reaches.
    /// Half the filter's length in samples at 16 kHz: 1 ms each way.
    private static let halfLength = 16
    /// What folds over this near to 8 kHz comes back where a voice has breath alone. With an edge further down the
    /// converted band would end at 6.5 kHz for lowered formants, and leave a gap below what is kept.
    private static let cutoffHertz = 8000.0
    private static let gainStep: Float = 1 / 960

    private let factor: Int
    /// Shares of the newest gain at each phase: the way from the one before it in equal steps.
    private let perStep: Float
    private let conversionDelay: Int
    private let taps: UnsafeMutablePointer<Float>
    private let tapCount: Int
    /// The taps of each output phase, oldest sample first, scaled for interpolation.
    private let phases: UnsafeMutablePointer<Float>
    private let phaseTaps: Int
    private var input = SampleHistory(capacity: 8192)
    private var low = SampleHistory(capacity: 1024)
    private var difference = SampleHistory(capacity: 64)
    private var phase = 0
    private var highGain: Float = 1
    private var gain: Float = 1
    private var previousGain: Float = 1
    private var primed = false
    /// Gain of the band above 8 kHz; reached within 20 ms.
    var wantedHighGain: Float = 1

    init(factor: Int, delay: Int) {
        self.factor = factor
        perStep = 1 / Float(factor)
        conversionDelay = delay
        let half = Self.halfLength * factor
        tapCount = 2 * half + 1
        taps = .allocate(capacity: tapCount)
        let cutoff = 2 * Self.cutoffHertz / (ConversionFormat.sampleRate * Double(factor))
        var sum = 0.0
        for index in 0..<tapCount {
            let angle = Double.pi * Double(index - half) * cutoff
            let sinc = index == half ? 1 : csk_sin(angle) / angle
            let turn = Double(index) / Double(tapCount - 1)
            let window = 0.42 - 0.5 * csk_cos(2 * Double.pi * turn) + 0.08 * csk_cos(4 * Double.pi * turn)
            (taps + index).initialize(to: Float(sinc * window))
            sum += sinc * window
        }
        for index in 0..<tapCount {
            taps[index] /= Float(sum)
        }
        phaseTaps = 2 * Self.halfLength + 1
        phases = .allocate(capacity: factor * phaseTaps)
        phases.initialize(repeating: 0, count: factor * phaseTaps)
        for phase in 0..<factor {
            for tap in 0..<phaseTaps where tap * factor + phase < tapCount {
                phases[phase * phaseTaps + phaseTaps - 1 - tap] = taps[tap * factor + phase] * Float(factor)
            }
        }
    }

    deinit {
        taps.deallocate()
        phases.deallocate()
    }

    var delaySamples: Int { (2 * Self.halfLength + conversionDelay) * factor }

    /// Takes one sample; every `factor`-th gives one at 16 kHz, to be converted and handed to `pushConverted`.
    @inline(__always)
    mutating func push(_ sample: Float) -> Float? {
        if !primed {
            primed = true
            highGain = wantedHighGain
        }
        input.append(sample.isFinite ? max(-8, min(8, sample)) : 0)
        phase = (input.count - 1) % factor
        guard phase == 0 else { return nil }
        let start = input.samples(from: input.count - tapCount)
        let value = DotProduct.of(start, UnsafePointer(taps), count: tapCount)
        low.append(value)
        return value
    }

    /// Takes the converted sample, and the gain that the joined bands get from now on.
    ///
    /// The gain belongs to what comes out of the converter now and so is a millisecond early: a gate opens that much
    /// sooner.
    @inline(__always)
    mutating func pushConverted(_ converted: Float, gain: Float) {
        previousGain = self.gain
        self.gain = gain
        let delayed = low.samples(from: low.count - 1 - conversionDelay)[0]
        difference.append(converted - highGain * delayed)
    }

    /// The newest input sample.
    @inline(__always)
    var newest: Float { input.samples(from: input.count - 1)[0] }

    /// The input sample that belongs to the newest output.
    @inline(__always)
    var source: Float { input.samples(from: input.count - 1 - delaySamples)[0] }

    /// The output sample that belongs to the newest input sample.
    @inline(__always)
    mutating func joined() -> Float {
        if highGain < wantedHighGain {
            highGain = min(wantedHighGain, highGain + Self.gainStep)
        } else if highGain > wantedHighGain {
            highGain = max(wantedHighGain, highGain - Self.gainStep)
        }
        let start = difference.samples(from: difference.count - phaseTaps)
        let changed = DotProduct.of(start, UnsafePointer(phases + phase * phaseTaps), count: phaseTaps)
        let output = changed + highGain * source
        if gain == 1 && previousGain == 1 { return output }
        return output * (previousGain + (gain - previousGain) * perStep * Float(phase + 1))
    }

    mutating func reset() {
        input.reset()
        low.reset()
        difference.reset()
        phase = 0
        gain = 1
        previousGain = 1
        primed = false
    }
}
