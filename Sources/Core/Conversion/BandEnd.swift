import CSignalKernels

/// Finds where the band of a recording ends: far below 8 kHz over a telephone, from an 8 kHz file, or behind a filter.
///
/// The mean logarithms of voiced frames' powers, in bands of 250 Hz, fall away gently in speech. Where nearly all is
/// gone two bands further up, and nothing comes back, something cut it off.
struct BandEnd: ~Copyable {
    private static let bands = 32
    private static let bandHertz = ConversionFormat.sampleRate / 2 / Double(BandEnd.bands)
    /// Frames after which the oldest count for a third: 5 s of voice, so that a call that changes its band is noticed.
    private static let memory: Float = 250
    /// So much is lost within a band where the recording ends, in powers of e: 22 dB.
    private static let fallLog: Float = 5
    /// Below this no band of a recording ends: what falls off there is the voice.
    private static let lowestHertz = 2500.0
    /// A recording that ends below so many formant spacings lacks what tells them: the fourth and most of the fifth.
    private static let neededSpacings = 4.3
    /// With fewer frames nothing is known.
    private static let leastFrames: Float = 10

    private let levels: UnsafeMutablePointer<Float>
    private var frames: Float = 0

    init() {
        levels = .allocate(capacity: Self.bands)
        levels.initialize(repeating: 0, count: Self.bands)
    }

    deinit {
        levels.deallocate()
    }

    mutating func reset() {
        frames = 0
    }

    /// Takes the powers of a voiced frame, summed up to every bin.
    mutating func measure(_ sums: borrowing RunningSums, bins: Int) {
        frames = min(frames + 1, Self.memory)
        let width = Double(bins) / Double(Self.bands)
        for band in 0..<Self.bands {
            let power = sums.sum(to: Double(band + 1) * width) - sums.sum(to: Double(band) * width)
            let level = Float(csk_log(max(0, power / width) + 1e-10))
            levels[band] += (level - levels[band]) / frames
        }
    }

    /// Whether too little of the spectrum is left to tell formants that lie about so far apart.
    func isTooLow(spacingHertz: Double) -> Bool { hertz < Self.neededSpacings * spacingHertz }

    /// Where it ends in hertz; 8 kHz where nothing cuts it off.
    private var hertz: Double {
        guard frames >= Self.leastFrames else { return ConversionFormat.sampleRate / 2 }
        var above = levels[Self.bands - 1]
        var end = ConversionFormat.sampleRate / 2
        for band in stride(from: Self.bands - 3, through: Int(Self.lowestHertz / Self.bandHertz), by: -1) {
            if levels[band] - above > Self.fallLog { end = Double(band + 1) * Self.bandHertz }
            above = max(above, levels[band + 1])
        }
        return end
    }
}
