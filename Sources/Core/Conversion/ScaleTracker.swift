import CSignalKernels

/// Finds the formant spacing on whose scale a speaker's sounds are typical ones.
///
/// The whole spectrum is put on the scale of every spacing in question, and the one on which the speech comes nearest
/// to typical sounds wins (Lee and Rose 1996). Power is averaged over one F0 around every frequency, which leaves no
/// trace of the pitch; the speaker's mean spectrum on each scale is taken off, which leaves none of the microphone.
struct ScaleTracker: ~Copyable {
    private static let frame = 512
    private static let bins = ScaleTracker.frame / 2
    private static let binHertz = ConversionFormat.sampleRate / Double(ScaleTracker.frame)
    private static let scales = 29
    private static let lowestLog = 6.547_8
    private static let stepLog = 0.03
    /// Forgets with a time constant of 1500 frames, about a minute of speech.
    private static let keep: Float = 1 - 1 / 1500
    /// As many frames the mean spectrum of an unknown speaker counts for.
    private static let meanFrames: Float = 20
    /// What distance from the spacing that the pitch suggests costs, per squared natural logarithm: about as much as
    /// what 20 frames know. It decides while few sounds have been heard.
    private static let suggestionCost: Float = 1600
    /// The same for a spacing known beforehand: 500 frames.
    private static let expectedFrames: Float = 500
    private static let costPerFrame: Float = 75
    /// What was heard in so many frames is forgotten when the recording's band turns out to end too low.
    private static let doubtfulFrames = 100
    /// Nothing lies further below a frame's strongest band, in powers of e: 80 dB.
    private static let depthLog: Float = 18.42

    private var transform = FourierTransform(size: ScaleTracker.frame)
    private var sums = RunningSums(count: ScaleTracker.bins)
    private let window: UnsafeMutablePointer<Float>
    private let powers: UnsafeMutablePointer<Float>
    /// Where the bands begin, in bins: one row of `bands` + 1 edges for each scale.
    private let edges: UnsafeMutablePointer<Double>
    /// The cosine transform, with the spread of each order in it.
    private let basis: UnsafeMutablePointer<Float>
    private let sounds: UnsafeMutablePointer<Float>
    private let usualMean: UnsafeMutablePointer<Float>
    private let levels: UnsafeMutablePointer<Float>
    private let cepstrum: UnsafeMutablePointer<Float>
    /// The sums of the cepstra on each scale, and what the speech so far costs there.
    private let means: UnsafeMutablePointer<Float>
    private let costs: UnsafeMutablePointer<Float>
    private var weight: Float = 0
    private var pitchSum: Float = 0
    private var pitchWeight: Float = 0
    /// Frames heard since the reset, and those whose whole spectrum was there to be measured.
    private(set) var frames = 0
    private var wholeFrames = 0
    private var expectedHertz: Double?
    private var end = BandEnd()
    private var found = 0.0
    /// Whether the recording's band ends where formants can't be told any more. The spacing is then what is known from
    /// before, or else what the pitch suggests.
    private(set) var lacksFormants = false

    init() {
        window = .allocate(capacity: Self.frame)
        for index in 0..<Self.frame {
            let turns = Double(index) / Double(Self.frame - 1)
            (window + index).initialize(to: Float(0.5 - 0.5 * csk_cos(2 * Double.pi * turns)))
        }
        powers = Self.zeros(Self.bins)
        edges = .allocate(capacity: Self.scales * (TypicalSounds.bands + 1))
        edges.initialize(repeating: 0, count: Self.scales * (TypicalSounds.bands + 1))
        basis = Self.zeros(TypicalSounds.orders * TypicalSounds.bands)
        sounds = Self.zeros(TypicalSounds.count * TypicalSounds.orders)
        usualMean = Self.zeros(TypicalSounds.orders)
        levels = Self.zeros(TypicalSounds.bands)
        cepstrum = Self.zeros(TypicalSounds.orders)
        means = Self.zeros(Self.scales * TypicalSounds.orders)
        costs = Self.zeros(Self.scales)
        for index in 0..<(TypicalSounds.count * TypicalSounds.orders) {
            sounds[index] = TypicalSounds.cepstra[index]
        }
        for order in 0..<TypicalSounds.orders {
            usualMean[order] = TypicalSounds.mean[order] / TypicalSounds.spread[order]
        }
        placeBands()
        fillBasis()
        reset()
    }

    private static func zeros(_ count: Int) -> UnsafeMutablePointer<Float> {
        let memory = UnsafeMutablePointer<Float>.allocate(capacity: count)
        memory.initialize(repeating: 0, count: count)
        return memory
    }

    deinit {
        window.deallocate()
        powers.deallocate()
        edges.deallocate()
        basis.deallocate()
        sounds.deallocate()
        usualMean.deallocate()
        levels.deallocate()
        cepstrum.deallocate()
        means.deallocate()
        costs.deallocate()
    }

    private static func spacing(scale: Double) -> Double { csk_exp(lowestLog + scale * stepLog) }

    private func placeBands() {
        let low = csk_log(1 + TypicalSounds.lowestHertz / 700)
        let high = csk_log(1 + TypicalSounds.highestHertz / 700)
        for edge in 0...TypicalSounds.bands {
            // Bands reach from one middle between mel points to the next.
            let hertz = (0...1).map { side in
                let share = Double(edge + side) / Double(TypicalSounds.bands + 1)
                return 350 * (csk_exp(low + share * (high - low)) - 1)
            }
            for scale in 0..<Self.scales {
                let moved = (hertz[0] + hertz[1]) * Self.spacing(scale: Double(scale)) / 1000
                edges[scale * (TypicalSounds.bands + 1) + edge] = moved / Self.binHertz + 0.5
            }
        }
    }

    private func fillBasis() {
        let count = Double(TypicalSounds.bands)
        let decibels = 10 / 2.302_585_093 * (2 / count).squareRoot()
        for order in 0..<TypicalSounds.orders {
            for band in 0..<TypicalSounds.bands {
                let turn = csk_cos(Double.pi / count * Double(order + 1) * (Double(band) + 0.5))
                basis[order * TypicalSounds.bands + band] =
                    Float(decibels * turn) / TypicalSounds.spread[order]
            }
        }
    }

    mutating func reset() {
        end.reset()
        lacksFormants = false
        expectedHertz = nil
        forgetSounds()
        pitchSum = 0
        pitchWeight = 0
        frames = 0
        found = 0
    }

    private mutating func forgetSounds() {
        weight = Self.meanFrames
        for index in 0..<(Self.scales * TypicalSounds.orders) {
            means[index] = weight * usualMean[index % TypicalSounds.orders]
        }
        for scale in 0..<Self.scales {
            costs[scale] = 0
        }
        wholeFrames = 0
        guard let expectedHertz else { return }
        for scale in 0..<Self.scales {
            let distance = Float(csk_log(Self.spacing(scale: Double(scale)) / max(expectedHertz, 1)))
            costs[scale] = Self.expectedFrames * Self.costPerFrame * distance * distance
        }
    }

    /// Starts from a spacing known beforehand, as if 10 s of that speaker's voice had been heard.
    mutating func expect(spacingHertz: Double) {
        reset()
        expectedHertz = spacingHertz
        forgetSounds()
        frames = Int(Self.expectedFrames)
        decide()
    }

    /// The spacing in hertz, or nil before half a second of speech.
    var spacingHertz: Double? { frames < 25 ? nil : found }

    /// Measures the voiced frame that ends with the newest sample.
    ///
    /// - Parameters:
    ///   - hertz: Its F0.
    ///   - roughHertz: About how far the formants lie apart, if that is known.
    mutating func measure(audio: borrowing SampleHistory, hertz: Double, roughHertz: Double?) {
        let samples = audio.samples(from: audio.count - Self.frame)
        transform.power(of: samples, window: UnsafePointer(window), into: powers, scale: 1)
        sums.fill(UnsafePointer(powers))
        end.measure(sums, bins: Self.bins)
        pitchSum = pitchSum * Self.keep + Float(csk_log(hertz))
        pitchWeight = pitchWeight * Self.keep + 1
        frames = min(frames + 1, 1_000_000)
        lacksFormants = end.isTooLow(spacingHertz: roughHertz ?? NaturalLog.inverse(suggestedLog))
        if lacksFormants {
            if wholeFrames > 0 && wholeFrames < Self.doubtfulFrames { forgetSounds() }
        } else {
            compare(hertz: hertz)
        }
        decide()
    }

    /// Adds what this frame says of every scale.
    private mutating func compare(hertz: Double) {
        smooth(over: max(1, hertz / Self.binHertz))
        sums.fill(UnsafePointer(powers))
        weight = weight * Self.keep + 1
        for scale in 0..<Self.scales {
            takeLevels(scale)
            costs[scale] = costs[scale] * Self.keep + 0.5 * distance(scale)
        }
        wholeFrames = min(wholeFrames + 1, 1_000_000)
    }

    /// Averages the powers over one F0 around every frequency; what lies below 0 Hz mirrors what lies above.
    private mutating func smooth(over width: Double) {
        for bin in 0..<Self.bins {
            let low = Double(bin) + 0.5 - width / 2
            let high = min(Double(Self.bins), Double(bin) + 0.5 + width / 2)
            let below = low < 0 ? -sums.sum(to: -low) : sums.sum(to: low)
            powers[bin] = Float(max(0, (sums.sum(to: high) - below) / (high - low)))
        }
    }

    /// The logarithms of the powers in the bands of this scale.
    private mutating func takeLevels(_ scale: Int) {
        let row = edges + scale * (TypicalSounds.bands + 1)
        var highest = -Float.greatestFiniteMagnitude
        var before = sums.sum(to: row[0])
        for band in 0..<TypicalSounds.bands {
            let after = sums.sum(to: row[band + 1])
            let power = max(0, (after - before) / (row[band + 1] - row[band]))
            levels[band] = Float(csk_log(power + 1e-10))
            highest = max(highest, levels[band])
            before = after
        }
        for band in 0..<TypicalSounds.bands {
            levels[band] = max(levels[band], highest - Self.depthLog)
        }
    }

    /// The squared distance of the levels, less the speaker's mean on this scale, to the nearest typical sound.
    private mutating func distance(_ scale: Int) -> Float {
        let mean = means + scale * TypicalSounds.orders
        for order in 0..<TypicalSounds.orders {
            let value = DotProduct.of(
                UnsafePointer(levels), UnsafePointer(basis + order * TypicalSounds.bands), count: TypicalSounds.bands)
            mean[order] = mean[order] * Self.keep + value
            cepstrum[order] = value - mean[order] / weight
        }
        var nearest = Float.greatestFiniteMagnitude
        for sound in 0..<TypicalSounds.count {
            let row = sounds + sound * TypicalSounds.orders
            var sum: Float = 0
            for order in 0..<TypicalSounds.orders {
                let difference = cepstrum[order] - row[order]
                sum += difference * difference
            }
            nearest = min(nearest, sum)
        }
        return nearest
    }

    /// Finds the cheapest scale: the lowest point of the parabola through the lowest cost and its neighbours.
    private mutating func decide() {
        var best = 1
        for scale in 1..<(Self.scales - 1) where cost(scale) < cost(best) {
            best = scale
        }
        let left = cost(best - 1)
        let right = cost(best + 1)
        let bend = left - 2 * cost(best) + right
        let offset = bend > 0 ? max(-1, min(1, 0.5 * (left - right) / bend)) : 0
        found = Self.spacing(scale: Double(best) + Double(offset))
    }

    /// What the pitch suggests, once there is one.
    private var suggestedLog: Double { SpeakerNorm.spacingLog(pitchLog: Double(pitchSum / pitchWeight)) }

    private func cost(_ scale: Int) -> Float {
        guard pitchWeight > 0 else { return costs[scale] }
        let distance = Float(Self.lowestLog + Double(scale) * Self.stepLog - suggestedLog)
        return costs[scale] + Self.suggestionCost * distance * distance
    }
}
