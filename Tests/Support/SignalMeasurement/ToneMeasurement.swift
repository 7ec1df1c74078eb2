import Foundation

/// Sines in and least squares out, all in double precision: what tests and benchmarks measure resamplers with.
public enum ToneMeasurement {
    /// A sine's value at each of `count` frames, from the phase at the frame itself so that no error adds up.
    public static func sine(
        _ frequency: Double, rate: Int, count: Int, amplitude: Double = 1, phase: Double = 0
    ) -> [Double] {
        (0..<count).map { frame in
            let turns = (frequency * Double(frame) / Double(rate) + phase).truncatingRemainder(dividingBy: 1)
            return amplitude * sin(2 * .pi * turns)
        }
    }

    /// The amplitude and phase (in turns) of one frequency in `signal`, and the RMS of all the rest.
    public static func fit(
        _ frequency: Double, rate: Int, in signal: ArraySlice<Float>
    ) -> (amplitude: Double, phase: Double, residual: Double) {
        var (ss, sc, cc, sx, cx) = (0.0, 0.0, 0.0, 0.0, 0.0)
        let first = signal.startIndex
        let waves = signal.indices.map { index -> (Double, Double) in
            let turns = (frequency * Double(index) / Double(rate)).truncatingRemainder(dividingBy: 1)
            return (sin(2 * .pi * turns), cos(2 * .pi * turns))
        }
        for index in signal.indices {
            let (s, c) = waves[index - first]
            let x = Double(signal[index])
            ss += s * s
            sc += s * c
            cc += c * c
            sx += s * x
            cx += c * x
        }
        let determinant = ss * cc - sc * sc
        let a = (sx * cc - cx * sc) / determinant
        let b = (cx * ss - sx * sc) / determinant
        var power = 0.0
        for index in signal.indices {
            let (s, c) = waves[index - first]
            let rest = Double(signal[index]) - a * s - b * c
            power += rest * rest
        }
        return ((a * a + b * b).squareRoot(), atan2(b, a) / (2 * .pi), (power / Double(signal.count)).squareRoot())
    }

    public static func rms(_ signal: ArraySlice<Float>) -> Double {
        (signal.reduce(0.0) { $0 + Double($1) * Double($1) } / Double(signal.count)).squareRoot()
    }

    /// Decibels of an amplitude ratio.
    public static func decibels(_ ratio: Double) -> Double {
        20 * log10(max(ratio, 1e-12))
    }
}

/// Reproducible noise in [-1, 1).
public func noise(_ count: Int, seed: UInt64 = 1) -> [Float] {
    var state = seed
    return (0..<count).map { _ in
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return Float(Int32(truncatingIfNeeded: state >> 32)) * 0x1p-31
    }
}
