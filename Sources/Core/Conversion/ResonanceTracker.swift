import CSignalKernels

/// Finds the formant spacing that fits a speaker's resonances.
///
/// A tube closed at one end resonates at (2i - 1) / 2 times the spacing; the spacing that fits F1 to F4 best
/// (Reby and McComb 2003) is taken per frame and its median over the speech. Formants are the roots of a
/// 12th-order predictor at 11 kHz; the decimation comes for free from reading the history faster.
struct ResonanceTracker: ~Copyable {
    private static let order = 12
    private static let window = 256
    private static let rate = 11_000.0
    private static let binHertz = 10.0
    private static let lowestHertz = 700.0
    private static let binCount = 100
    private static let formants = 4
    /// Forgets with a time constant of 1500 frames, about a minute of speech.
    private static let keep: Float = 1 - 1 / 1500

    private static let expectedFrames: Float = 500

    private var prediction = LinearPrediction(order: ResonanceTracker.order)
    private var roots = PolynomialRoots(degree: ResonanceTracker.order)
    private let piece: UnsafeMutablePointer<Float>
    private let hamming: UnsafeMutablePointer<Float>
    private let bins: UnsafeMutablePointer<Float>
    private var total: Float = 0
    /// Frames that had four plausible formants since the reset.
    private(set) var frames = 0

    init() {
        piece = .allocate(capacity: Self.window + 1)
        piece.initialize(repeating: 0, count: Self.window + 1)
        hamming = .allocate(capacity: Self.window)
        for index in 0..<Self.window {
            let turn = (Double(index) + 0.5) / Double(Self.window)
            (hamming + index).initialize(to: Float(0.54 - 0.46 * csk_cos(2 * Double.pi * turn)))
        }
        bins = .allocate(capacity: Self.binCount)
        bins.initialize(repeating: 0, count: Self.binCount)
    }

    deinit {
        piece.deallocate()
        hamming.deallocate()
        bins.deallocate()
    }

    mutating func reset() {
        for index in 0..<Self.binCount {
            bins[index] = 0
        }
        total = 0
        frames = 0
    }

    /// Starts from a spacing known beforehand, as if 10 s of that speaker's voice had been heard.
    mutating func expect(spacingHertz: Double) {
        reset()
        let place = within((spacingHertz - Self.lowestHertz) / Self.binHertz, 1, Double(Self.binCount - 2)) - 0.5
        // Shared between two bins, so that the median is the very spacing.
        let index = Int(place)
        let share = Float(place - Double(index))
        bins[index] = (1 - share) * Self.expectedFrames
        bins[index + 1] = share * Self.expectedFrames
        total = Self.expectedFrames
        frames = Int(total)
    }

    /// The median spacing in hertz, or nil before half a second of speech.
    var spacingHertz: Double? {
        guard frames >= 25 else { return nil }
        var sum: Float = 0
        for index in 0..<Self.binCount {
            let next = sum + bins[index]
            if next >= 0.5 * total && bins[index] > 0 {
                return Self.lowestHertz + (Double(index) + Double((0.5 * total - sum) / bins[index])) * Self.binHertz
            }
            sum = next
        }
        return nil
    }

    /// Measures the voiced frame that ends with the newest sample.
    mutating func measure(audio: borrowing SampleHistory, sinc: borrowing SincTable) {
        let speed = ConversionFormat.sampleRate / Self.rate
        let bank = sinc.bank(speed: speed)
        let last = Double(audio.count - SincTable.taps / 2 - 1)
        var previous: Float = 0
        for index in 0...Self.window {
            let value = SincTable.read(audio, at: last - speed * Double(Self.window - index), bank: bank)
            if index > 0 { piece[index - 1] = hamming[index - 1] * (value - 0.97 * previous) }
            previous = value
        }
        guard prediction.fit(UnsafePointer(piece), count: Self.window) else { return }
        guard roots.solve(UnsafePointer(prediction.coefficients)) else { return }
        if let spacing = spacing() { add(spacing) }
    }

    /// The spacing of the frame's first four formants, when it has them where formants can be.
    private mutating func spacing() -> Double? {
        var found = 0
        var sum = 0.0
        var weights = 0.0
        var lowest = 0.0
        while found < Self.formants {
            guard let hertz = nextFormant(above: lowest) else { return nil }
            let place = Double(found) + 0.5
            guard hertz > Self.range(found).low && hertz < Self.range(found).high else { return nil }
            sum += hertz * place
            weights += place * place
            lowest = hertz
            found += 1
        }
        return sum / weights
    }

    private static func range(_ formant: Int) -> (low: Double, high: Double) {
        switch formant {
        case 0: return (200, 1150)
        case 1: return (600, 3000)
        case 2: return (1400, 3900)
        default: return (2500, 5200)
        }
    }

    /// The next resonance narrower than 500 Hz above `lowest`, in hertz.
    private func nextFormant(above lowest: Double) -> Double? {
        var best: Double?
        for index in 0..<Self.order {
            let real = roots.real[index]
            let imaginary = roots.imaginary[index]
            guard imaginary > 0 else { continue }
            let hertz = csk_atan2(imaginary, real) * Self.rate / (2 * Double.pi)
            let size = real * real + imaginary * imaginary
            guard size > 0 else { continue }
            let bandwidth = -csk_log(size) * Self.rate / (2 * Double.pi)
            guard bandwidth < 500, hertz > 150, hertz > lowest + 1, hertz < best ?? 5400 else { continue }
            best = hertz
        }
        return best
    }

    private mutating func add(_ spacing: Double) {
        let bin = Int((spacing - Self.lowestHertz) / Self.binHertz)
        guard bin >= 0 && bin < Self.binCount else { return }
        for index in 0..<Self.binCount {
            bins[index] *= Self.keep
        }
        bins[bin] += 1
        total = total * Self.keep + 1
        frames = min(frames + 1, 1_000_000)
    }
}
