/// How far the converter's output lies behind its input.
///
/// The delay buys look-ahead for the pitch: `ms10` is for talking with oneself in the headphones, `ms15` serves
/// everything, `ms20` sounds a little smoother for deep voices, and `ms30` adds only room for the noise gate.
public enum ConversionDelay: Int, Sendable, CaseIterable {
    case ms10 = 10
    case ms15 = 15
    case ms20 = 20
    case ms30 = 30

    /// The delay in samples at 16 kHz.
    public var samples: Int { rawValue * ConversionFormat.samplesPerMillisecond }
}

/// The one signal format of the converter: mono, 16 kHz.
enum ConversionFormat {
    static let sampleRate = 16_000.0
    static let samplesPerMillisecond = 16
    /// Samples between two estimates of the pitch.
    static let hop = 40
}
