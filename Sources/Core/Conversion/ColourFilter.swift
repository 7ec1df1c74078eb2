import CSignalKernels

/// The impulse response of a voice's colour: 96 taps, minimum phase, newest sample last.
struct ColourTaps: Sendable {
    static let count = 96
    static let neperPerDecibel = 0.115_129_254_649_702
    /// Points of the frequency axis that the response is computed from.
    private static let gridPoints = 256
    private(set) var reversed: InlineArray<96, Float>

    /// - Parameter points: Gains over frequency; interpolated over log frequency, held constant beyond the ends.
    ///   Gains are bounded to ±40 dB. No points mean a flat response.
    init(_ points: [Voice.ColourPoint]) {
        reversed = InlineArray(repeating: 0)
        let sorted = Self.sorted(points)
        guard !sorted.isEmpty else {
            reversed[Self.count - 1] = 1
            return
        }
        let logGains = (0...Self.gridPoints).map { index in
            let hertz = Double(index) / Double(Self.gridPoints) * ConversionFormat.sampleRate / 2
            return Self.decibels(sorted, at: max(hertz, 10)) * Self.neperPerDecibel
        }
        let cepstrum = Self.foldedCepstrum(logGains)
        var response = [Double](repeating: 0, count: Self.count)
        response[0] = csk_exp(cepstrum[0])
        for index in 1..<Self.count {
            var sum = 0.0
            for step in 1...index {
                sum += Double(step) * cepstrum[step] * response[index - step]
            }
            response[index] = sum / Double(index)
        }
        for index in 0..<Self.count {
            reversed[Self.count - 1 - index] = Float(response[index])
        }
    }

    /// The response that lets nothing through.
    static var silent: ColourTaps { ColourTaps() }

    private init() {
        reversed = InlineArray(repeating: 0)
    }

    /// The usable points in the order of frequency.
    private static func sorted(_ points: [Voice.ColourPoint]) -> [Voice.ColourPoint] {
        points.filter { $0.hertz.isFinite && $0.decibels.isFinite && $0.hertz > 0 }.sorted { $0.hertz < $1.hertz }
    }

    /// The colour's gain at one frequency; 0 dB without points.
    static func decibels(_ points: [Voice.ColourPoint], atHertz hertz: Double) -> Double {
        let usable = sorted(points)
        return usable.isEmpty ? 0 : decibels(usable, at: hertz)
    }

    /// The cepstrum of the minimum-phase response: the real cepstrum with its negative side folded over.
    private static func foldedCepstrum(_ logGains: [Double]) -> [Double] {
        let last = gridPoints
        return (0..<count).map { index in
            var sum = 0.5 * (logGains[0] + logGains[last] * (index % 2 == 0 ? 1 : -1))
            for point in 1..<last {
                sum += logGains[point] * csk_cos(Double.pi * Double(index * point) / Double(last))
            }
            return sum / Double(last) * (index == 0 ? 1 : 2)
        }
    }

    private static func decibels(_ points: [Voice.ColourPoint], at hertz: Double) -> Double {
        guard let above = points.firstIndex(where: { $0.hertz >= hertz }) else {
            return within(points[points.count - 1].decibels, -40, 40)
        }
        guard above > 0 else { return within(points[0].decibels, -40, 40) }
        let low = points[above - 1]
        let high = points[above]
        let share = csk_log(hertz / low.hertz) / max(csk_log(high.hertz / low.hertz), 1e-9)
        return within(low.decibels + share * (high.decibels - low.decibels), -40, 40)
    }
}

/// Colours the signal; a new colour is reached in some 20 ms.
struct ColourFilter: ~Copyable {
    private static let glide: Float = 1 / 6
    private let taps: UnsafeMutablePointer<Float>
    private var history = SampleHistory(capacity: 128)
    private var wanted: ColourTaps

    init(_ colour: ColourTaps) {
        wanted = colour
        taps = .allocate(capacity: ColourTaps.count)
        for index in 0..<ColourTaps.count {
            (taps + index).initialize(to: colour.reversed[index])
        }
    }

    deinit {
        taps.deallocate()
    }

    mutating func set(_ colour: ColourTaps) {
        wanted = colour
    }

    /// Moves the response towards the wanted one; once per hop.
    mutating func advance() {
        for index in 0..<ColourTaps.count {
            taps[index] += (wanted.reversed[index] - taps[index]) * Self.glide
        }
    }

    @inline(__always)
    mutating func filter(_ sample: Float) -> Float {
        history.append(sample)
        let start = history.samples(from: history.count - ColourTaps.count)
        return DotProduct.of(start, UnsafePointer(taps), count: ColourTaps.count)
    }

    mutating func reset() {
        history.reset()
        for index in 0..<ColourTaps.count {
            taps[index] = wanted.reversed[index]
        }
    }
}
