import CSignalKernels

/// How noisy the recording is, from the quietest moments of the last seconds beside its loudest.
package struct BackgroundNoise {
    /// One-pole smoothing of the window's energy: about 40 ms.
    private static let smoothing: Float = 0.06
    /// The floor follows downwards at once, upwards by 2 dB a second.
    private static let rise: Float = 1.0012
    /// Keeps silence out of the denormal range; -120 dB.
    private static let least: Float = 1e-12
    /// Where noise begins to count, and how many decibels further it counts fully. Clean recordings have -50 dB and less,
    /// pink noise 10 dB below the speech leaves -35.
    private static let onsetDecibels = -48.0
    private static let rangeDecibels = 10.0

    private var smoothed: Float = 0
    private var lowest: Float = 0

    package init() {}

    /// Takes the energy of the next window.
    ///
    /// - Returns: 0 in a quiet room, 1 in a noisy one.
    package mutating func share(energy: Float, loudest: Float) -> Double {
        smoothed += (energy + Self.least - smoothed) * Self.smoothing
        lowest = lowest == 0 ? smoothed : min(smoothed, lowest * Self.rise)
        let decibels = 10 / 2.302_585 * csk_log(Double(lowest) / Double(loudest + Self.least))
        return within((decibels - Self.onsetDecibels) / Self.rangeDecibels, 0, 1)
    }

    package mutating func reset() {
        smoothed = 0
        lowest = 0
    }
}
