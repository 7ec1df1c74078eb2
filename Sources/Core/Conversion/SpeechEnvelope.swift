import CSignalKernels

/// Measures the spectral envelope of a frame of speech, without a trace of its pitch.
///
/// The power spectrum is averaged over one F0 around every frequency: wherever the window of that width lies, it holds
/// one harmonic. So envelopes of a low and of a high voice can be compared.
struct SpeechEnvelope: ~Copyable {
    /// Samples of a frame: 32 ms.
    static let frame = 512
    /// Values of an envelope, from 0 Hz up.
    static let count = 128
    static let stepHertz = ConversionFormat.sampleRate / Double(frame) * 2
    /// What stands in for F0 where there is none.
    private static let unvoicedHertz = 200.0
    private static let floor: Float = 1e-12

    private var transform = FourierTransform(size: SpeechEnvelope.frame)
    private var sums = RunningSums(count: SpeechEnvelope.frame / 2)
    private let window: UnsafeMutablePointer<Float>
    private let powers: UnsafeMutablePointer<Float>

    init() {
        window = .allocate(capacity: Self.frame)
        for index in 0..<Self.frame {
            let turns = (Double(index) + 0.5) / Double(Self.frame)
            (window + index).initialize(to: Float(0.5 - 0.5 * csk_cos(2 * Double.pi * turns)))
        }
        powers = .allocate(capacity: Self.frame / 2)
        powers.initialize(repeating: 0, count: Self.frame / 2)
    }

    deinit {
        window.deallocate()
        powers.deallocate()
    }

    /// The envelope of the frame that begins at `samples`, in dB; `hertz` is its F0, nil where it has none.
    mutating func measure(_ samples: UnsafePointer<Float>, hertz: Double?) -> [Float] {
        transform.power(of: samples, window: UnsafePointer(window), into: powers, scale: 1 / Float(Self.frame))
        let bins = Self.frame / 2
        sums.fill(UnsafePointer(powers))
        let width = max(2, (hertz ?? Self.unvoicedHertz) / (Self.stepHertz / 2))
        return (0..<Self.count).map { index in
            let middle = 2 * Double(index) + 0.5
            let low = max(0, middle - width / 2)
            let high = min(Double(bins), middle + width / 2)
            let mean = Float((sums.sum(to: high) - sums.sum(to: low)) / (high - low))
            return Float(10 / 2.302_585_093 * csk_log(Double(max(mean, 0) + Self.floor)))
        }
    }
}
