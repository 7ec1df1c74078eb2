import CSignalKernels

/// What is known of the speaker's pitch: a leaky histogram of log F0.
struct SourceStatistics: ~Copyable {
    private static let binsPerOctave = 24.0
    private static let lowestHertz = 50.0
    private static let binCount = 100
    /// Forgets with a time constant of 30 s of voiced speech.
    private static let keep: Float = 1 - Float(ConversionFormat.hop) / (30 * 16_000)

    private static let expectedFrames: Float = 1000

    private let bins: UnsafeMutablePointer<Float>
    private var total: Float = 0
    private var frames = 0
    /// Voiced speech seen since the reset, in seconds; stops at some hundreds.
    var seconds: Double { Double(frames * ConversionFormat.hop) / ConversionFormat.sampleRate }
    /// The natural logarithm of the median F0 in hertz, or nil before the first voiced frame.
    private(set) var medianLog: Double?
    /// Half the distance of the 16th and 84th percentile, in natural logarithm.
    private(set) var spreadLog = 0.15

    init() {
        bins = .allocate(capacity: Self.binCount)
        bins.initialize(repeating: 0, count: Self.binCount)
    }

    deinit {
        bins.deallocate()
    }

    mutating func reset() {
        for index in 0..<Self.binCount {
            bins[index] = 0
        }
        total = 0
        frames = 0
        medianLog = nil
        spreadLog = 0.15
    }

    /// Starts from a speaker known beforehand, as if 5 s of their voice had been heard.
    mutating func expect(_ speaker: PreparedVoice.Speaker) {
        reset()
        let perBin = 0.693_147_18 / Self.binsPerOctave
        var sum: Float = 0
        for index in 0..<Self.binCount {
            let centre = csk_log(Self.lowestHertz) + (Double(index) + 0.5) * perBin
            let distance = (centre - speaker.medianLog) / max(speaker.spreadLog, perBin)
            bins[index] = Float(csk_exp(-0.5 * distance * distance))
            sum += bins[index]
        }
        guard sum > 0 else { return reset() }
        total = Self.expectedFrames
        for index in 0..<Self.binCount {
            bins[index] *= total / sum
        }
        frames = Int(total)
        medianLog = speaker.medianLog
        spreadLog = speaker.spreadLog
    }

    /// Takes over what another one knows.
    mutating func adopt(_ other: borrowing SourceStatistics) {
        for index in 0..<Self.binCount {
            bins[index] = other.bins[index]
        }
        total = other.total
        frames = other.frames
        medianLog = other.medianLog
        spreadLog = other.spreadLog
    }

    mutating func add(hertz: Double) {
        let place = csk_log(hertz / Self.lowestHertz) / 0.693_147_18 * Self.binsPerOctave
        let bin = max(0, min(Self.binCount - 1, Int(place)))
        for index in 0..<Self.binCount {
            bins[index] *= Self.keep
        }
        total = total * Self.keep + 1
        bins[bin] += 1
        frames = min(frames + 1, 100_000)
        medianLog = percentile(0.5)
        spreadLog = max(0.02, (percentile(0.84) - percentile(0.16)) / 2)
    }

    private func percentile(_ share: Float) -> Double {
        let wanted = share * total
        var sum: Float = 0
        for index in 0..<Self.binCount {
            let next = sum + bins[index]
            if next >= wanted && bins[index] > 0 {
                let inside = Double((wanted - sum) / bins[index])
                return csk_log(Self.lowestHertz) + (Double(index) + inside) * 0.693_147_18 / Self.binsPerOctave
            }
            sum = next
        }
        return csk_log(Self.lowestHertz)
    }
}
