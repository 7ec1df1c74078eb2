/// How one sample lies in memory. Every format is little endian and interleaved.
public enum SampleFormat: Sendable, Hashable, CaseIterable {
    /// 16-bit signed integer.
    case s16
    /// 24-bit signed integer in three bytes.
    case s24
    /// 24-bit signed integer in the low three bytes of four (ALSA's `S24_LE`); the top byte is ignored when read and
    /// holds the sign when written.
    case s24in32
    /// 32-bit signed integer.
    case s32
    /// IEEE 754 single precision, full scale at ±1, values beyond it allowed.
    case float32

    /// Bytes that one sample of one channel takes.
    public var bytesPerSample: Int {
        @_noLocks @_noAllocation
        get {
            switch self {
            case .s16: 2
            case .s24: 3
            case .s24in32, .s32, .float32: 4
            }
        }
    }

    /// Bits of the integer formats, nil for floating point.
    public var integerBits: Int? {
        switch self {
        case .s16: 16
        case .s24, .s24in32: 24
        case .s32: 32
        case .float32: nil
        }
    }
}

/// What a codec had to repair, counted since the counters were last set to zero.
public struct SampleRepairs: Sendable, Hashable {
    /// Samples that were not a number and became zero.
    public var notNumberCount = 0
    /// Samples beyond the range, infinite ones included, that were set to its nearest end.
    public var clippedCount = 0

    public init() {}

    /// True when nothing was repaired.
    public var isEmpty: Bool {
        @_noLocks @_noAllocation
        get { notNumberCount == 0 && clippedCount == 0 }
    }
}
