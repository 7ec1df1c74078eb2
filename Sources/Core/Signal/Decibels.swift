import CSignalKernels

/// Conversions between amplitudes (full scale 1) and decibels. For displays and setup, not for audio threads.
public enum Decibels {
    /// 10^(decibels / 20).
    public static func amplitude(_ decibels: Double) -> Double {
        csk_exp10(decibels / 20)
    }

    /// 20 log10(amplitude); minus infinity for zero and below.
    public static func level(_ amplitude: Double) -> Double {
        amplitude > 0 ? 20 * csk_log10(amplitude) : -.infinity
    }
}
