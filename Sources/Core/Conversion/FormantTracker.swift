/// Measures the speaker's formant spacing, the acoustic length of the vocal tract, in two ways.
///
/// Single resonances are easily taken for one another, and a median of their spacing moves by less than the formants
/// do, in some speakers hardly at all. Whole spectra don't have that fault, but tell less from few sounds. The errors
/// of the two have little in common, so that their mean is nearer than either: against the factors that bring parallel
/// readings of 13 speakers nearest to each other, 3.1 % beside 3.4 (spectra) and 5.1 (resonances).
struct FormantTracker: ~Copyable {
    private static let spectralShare = 0.7
    /// Resonances are found moved by this power of the real factor (22 speakers, the median), about a spacing at which
    /// both agree: 1190 Hz.
    private static let resonancePower = 0.77
    private static let agreementLog = 7.081_71

    private var scale = ScaleTracker()
    private var resonances = ResonanceTracker()

    mutating func reset() {
        scale.reset()
        resonances.reset()
    }

    /// Starts from a spacing known beforehand, as if 10 s of that speaker's voice had been heard.
    mutating func expect(spacingHertz: Double) {
        scale.expect(spacingHertz: spacingHertz)
        let log = Self.agreementLog + Self.resonancePower * (NaturalLog.of(spacingHertz) - Self.agreementLog)
        resonances.expect(spacingHertz: NaturalLog.inverse(log))
    }

    /// Measures the voiced frame that ends with the newest sample; `hertz` is its F0.
    mutating func measure(audio: borrowing SampleHistory, hertz: Double, sinc: borrowing SincTable) {
        resonances.measure(audio: audio, sinc: sinc)
        scale.measure(audio: audio, hertz: hertz, roughHertz: resonances.spacingHertz)
    }

    /// The spacing in hertz, or nil before half a second of speech.
    var spacingHertz: Double? {
        guard let spectral = scale.spacingHertz else { return nil }
        // Where the recording's band ends low the fourth resonance is missed as well.
        guard !scale.lacksFormants, let fitted = resonances.spacingHertz else { return spectral }
        let log = Self.agreementLog + (NaturalLog.of(fitted) - Self.agreementLog) / Self.resonancePower
        return NaturalLog.inverse(Self.spectralShare * NaturalLog.of(spectral) + (1 - Self.spectralShare) * log)
    }
}

/// How pitch and formants go together in people.
enum SpeakerNorm {
    /// The natural logarithm of the formant spacing that a median pitch suggests; most people lie within 5 % of it.
    static func spacingLog(pitchLog: Double) -> Double {
        NaturalLog.of(1020) + 0.25 * (pitchLog - NaturalLog.of(110))
    }
}
