import CSignalKernels

/// The candidates of one frame and the running dynamic program over them.
struct PitchCandidates: ~Copyable {
    private static let limit = 6
    private static let frameWeight = 0.5
    private static let lagWeight = 0.25
    private static let jumpCost = 3.0
    private static let octaveDiscount = 0.35
    private static let voicingChange = 0.06
    private static let unvoicedBias = 0.1
    private static let brightnessPenalty = 0.2
    private static let priorPerOctave = 0.3
    private static let priorFreeOctaves = 0.6
    /// What full noise adds: correlations are lower then and say less each, so that a voice is taken for one sooner,
    /// but kept or left only for more than a single frame's worth; the pitch is held less tightly, but at its octave.
    private static let noisyVoicingChange = 0.3
    private static let noisyUnvoicedBias = 0.15
    private static let noisyJumpCost = -0.6
    private static let noisyOctaveDiscount = 0.3

    private struct Entry {
        var period = 0.0
        var height: Float = 0
        var cost = 0.0
    }

    private let current: UnsafeMutablePointer<Entry>
    private let earlier: UnsafeMutablePointer<Entry>
    private(set) var count = 0
    private var earlierCount = 0
    /// The best candidate of the frame by its height alone, when it is high: evidence of the speaker's range that
    /// no earlier decision has bent. 0 otherwise.
    private(set) var evidentPeriod = 0.0
    private var unvoicedCost = 0.0
    /// The costs of the current frame, which depend on the noise.
    private var voicingCost = 0.0
    private var jumpCost = 0.0
    private var octaveCost = 0.0

    init() {
        current = .allocate(capacity: Self.limit)
        current.initialize(repeating: Entry(), count: Self.limit)
        earlier = .allocate(capacity: Self.limit)
        earlier.initialize(repeating: Entry(), count: Self.limit)
    }

    deinit {
        current.deallocate()
        earlier.deallocate()
    }

    mutating func reset() {
        count = 0
        earlierCount = 0
        unvoicedCost = 0
    }

    /// Starts a frame: what was current becomes the past.
    mutating func begin() {
        for index in 0..<count {
            earlier[index] = current[index]
        }
        earlierCount = count
        count = 0
    }

    /// Keeps a candidate if it is among the best six.
    mutating func offer(coarse period: Double, height: Float) {
        if count < Self.limit {
            current[count] = Entry(period: period, height: height)
            count += 1
            return
        }
        var worst = 0
        for index in 1..<Self.limit where weighted(current[index]) < weighted(current[worst]) {
            worst = index
        }
        let entry = Entry(period: period, height: height)
        if weighted(entry) > weighted(current[worst]) {
            current[worst] = entry
        }
    }

    func period(_ index: Int) -> Double { current[index].period }

    mutating func set(_ index: Int, period: Double, height: Float) {
        current[index].period = period
        current[index].height = height
    }

    private func weighted(_ entry: Entry) -> Double {
        let longest = ConversionFormat.sampleRate / PitchTracker.lowestHertz
        return Double(entry.height) * (1 - Self.lagWeight * min(1, entry.period / longest))
    }

    /// Decides the frame: the period in samples, or 0 for unvoiced.
    ///
    /// - Parameter noise: 0 for a quiet recording, 1 for a noisy one.
    mutating func decide(brightness: Float, usualHertz: Double, noise: Double) -> Double {
        voicingCost = Self.voicingChange + noise * Self.noisyVoicingChange
        jumpCost = Self.jumpCost + noise * Self.noisyJumpCost
        octaveCost = Self.octaveDiscount + noise * Self.noisyOctaveDiscount
        let unvoicedBias = Self.unvoicedBias + noise * Self.noisyUnvoicedBias
        var highest = 0.0
        for index in 0..<count {
            highest = max(highest, Double(current[index].height))
        }
        let previousUnvoiced = unvoicedCost
        var toUnvoiced = previousUnvoiced
        for index in 0..<earlierCount {
            toUnvoiced = min(toUnvoiced, earlier[index].cost + voicingCost)
        }
        unvoicedCost = toUnvoiced + Self.frameWeight * (highest + unvoicedBias)
        var best = unvoicedCost
        var decision = 0.0
        evidentPeriod = 0
        var bestHeight = 0.0
        for index in 0..<count {
            let entry = current[index]
            let local =
                1 - weighted(entry) + Self.brightnessPenalty * Double(brightness)
                + prior(entry.period, usualHertz: usualHertz)
            current[index].cost =
                Self.frameWeight * local + transition(to: entry.period, fromUnvoiced: previousUnvoiced)
            if entry.height > 0.8 && weighted(entry) > bestHeight {
                bestHeight = weighted(entry)
                evidentPeriod = entry.period
            }
            if current[index].cost < best {
                best = current[index].cost
                decision = entry.period
            }
        }
        unvoicedCost -= best
        for index in 0..<count {
            current[index].cost -= best
        }
        return decision
    }

    private func prior(_ period: Double, usualHertz: Double) -> Double {
        guard usualHertz > 0 else { return 0 }
        let octaves = abs(csk_log(ConversionFormat.sampleRate / (period * usualHertz))) / 0.693_147
        return Self.priorPerOctave * max(0, octaves - Self.priorFreeOctaves)
    }

    private func transition(to period: Double, fromUnvoiced: Double) -> Double {
        var least = fromUnvoiced + voicingCost
        for index in 0..<earlierCount {
            let distance = abs(csk_log(period / earlier[index].period))
            let octave = octaveCost + jumpCost * abs(distance - 0.693_147)
            least = min(least, earlier[index].cost + min(jumpCost * distance, octave))
        }
        return least
    }
}
