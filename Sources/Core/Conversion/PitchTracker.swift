import CSignalKernels

/// Follows the period of the voice: normalised cross-correlation and a running dynamic program.
///
/// The shape is that of RAPT (Talkin 1995): candidates from a decimated signal, refined at the full rate, and a
/// cost that weighs their height against jumps and changes of voicing; but decided at once, without a trace-back. The
/// estimate made at sample n compares the last 12 ms with the 12 ms one period earlier, so it belongs to
/// n - (window + period) / 2.
struct PitchTracker: ~Copyable {
    static let lowestHertz = 60.0
    static let highestHertz = 500.0
    private static let decimation = 4
    private static let window = 192
    private static let shortestLag = 8
    /// How much of the newest window a voiced frame leaves out. What sounds of a voice after its end has the source's
    /// pitch, so it's kept small.
    private static let endShare = 0.15
    private static let longestLag = 67
    /// What the filters of the tracker's own path delay the signal by, in samples.
    private static let filterDelay = 7.0

    private var highPass = FourthOrderFilter(cutoffHertz: 90, highPass: true)
    private var lowPass = FourthOrderFilter(cutoffHertz: 900, highPass: false)
    private var smooth = SampleHistory(capacity: 2048)
    private var decimated = SampleHistory(capacity: 512)
    private var candidates = PitchCandidates()
    private var evidence = SourceStatistics()
    private let correlation: UnsafeMutablePointer<Float>
    private var loudest: Float = 0
    private var background = BackgroundNoise()

    init() {
        correlation = .allocate(capacity: Self.longestLag + 2)
        correlation.initialize(repeating: 0, count: Self.longestLag + 2)
    }

    deinit {
        correlation.deallocate()
    }

    mutating func reset() {
        highPass.reset()
        lowPass.reset()
        smooth.reset()
        decimated.reset()
        candidates.reset()
        evidence.reset()
        loudest = 0
        background.reset()
    }

    mutating func append(_ sample: Double) {
        let value = Float(lowPass.filter(highPass.filter(sample)))
        smooth.append(value)
        if smooth.count % Self.decimation == 0 {
            decimated.append(value)
        }
    }

    /// Estimates the period at the end of what was appended.
    ///
    /// - Parameter audio: The unfiltered signal, for the balance of high and low frequencies.
    mutating func update(audio: borrowing SampleHistory) -> PitchFrame {
        let length = Self.window / Self.decimation
        let recent = decimated.samples(from: decimated.count - length)
        let energy = DotProduct.energy(recent, count: length)
        loudest = max(loudest * 0.999_75, energy)
        let floor = loudest * 2e-4 + 1e-7
        correlate(recent, length: length, energy: energy, floor: floor)
        candidates.begin()
        collectPeaks(floor: floor * Float(Self.decimation))
        let brightness = Self.brightness(audio)
        let usualHertz = evidence.seconds > 0.2 ? NaturalLog.inverse(evidence.medianLog ?? 0) : 0
        let noise = background.share(energy: energy, loudest: loudest)
        let period = candidates.decide(brightness: brightness, usualHertz: usualHertz, noise: noise)
        if candidates.evidentPeriod > 0 {
            evidence.add(hertz: ConversionFormat.sampleRate / candidates.evidentPeriod)
        }
        var frame = PitchFrame()
        let now = Double(smooth.count) - Self.filterDelay
        let width = Double(Self.window)
        guard period > 0 else {
            frame.centre = now - width / 2
            frame.end = now - 0.3 * width
            return frame
        }
        frame.voiced = true
        frame.period = period
        frame.centre = now - (width + period) / 2
        frame.start = now - 0.8 * (width + period)
        frame.end = now - Self.endShare * width
        return frame
    }

    private mutating func correlate(_ recent: UnsafePointer<Float>, length: Int, energy: Float, floor: Float) {
        for lag in (Self.shortestLag - 1)...(Self.longestLag + 1) {
            let earlier = decimated.samples(from: decimated.count - length - lag)
            let product = DotProduct.of(recent, earlier, count: length)
            let other = DotProduct.energy(earlier, count: length)
            correlation[lag] = product / (csk_sqrtf(energy * other) + floor)
        }
    }

    /// Refines the highest local maxima at the full rate and hands them to the candidates.
    private mutating func collectPeaks(floor: Float) {
        for lag in Self.shortestLag...Self.longestLag {
            let height = correlation[lag]
            guard height > 0.25 && height >= correlation[lag - 1] && height > correlation[lag + 1] else { continue }
            let offset = parabolicOffset(correlation[lag - 1], height, correlation[lag + 1])
            candidates.offer(coarse: (Double(lag) + offset) * Double(Self.decimation), height: height)
        }
        for index in 0..<candidates.count {
            refine(index, floor: floor)
        }
    }

    private mutating func refine(_ index: Int, floor: Float) {
        let coarse = Int(candidates.period(index) + 0.5)
        let length = Self.window
        let recent = smooth.samples(from: smooth.count - length)
        let energy = DotProduct.energy(recent, count: length)
        var best: Float = -1
        var bestLag = coarse
        var previous: Float = 0
        var before: Float = 0
        var after: Float = 0
        for lag in (coarse - 4)...(coarse + 4) {
            let earlier = smooth.samples(from: smooth.count - length - lag)
            let product = DotProduct.of(recent, earlier, count: length)
            let value = product / (csk_sqrtf(energy * DotProduct.energy(earlier, count: length)) + floor)
            if value > best {
                best = value
                bestLag = lag
                before = previous
                after = value
            } else if lag == bestLag + 1 {
                after = value
            }
            previous = value
        }
        let inside = bestLag > coarse - 4 && bestLag < coarse + 4
        let offset = inside ? parabolicOffset(before, best, after) : 0
        candidates.set(index, period: Double(bestLag) + offset, height: best)
    }

    /// The energy of the first difference relative to that of the signal: small for vowels, above 1 for hisses.
    private static func brightness(_ audio: borrowing SampleHistory) -> Float {
        let samples = audio.samples(from: audio.count - window - 1)
        var difference: Float = 0
        for index in 1...window {
            let step = samples[index] - samples[index - 1]
            difference += step * step
        }
        return min(1, difference / (DotProduct.energy(samples + 1, count: window) + 1e-9))
    }
}
