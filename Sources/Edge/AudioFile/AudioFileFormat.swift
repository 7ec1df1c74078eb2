import CSndFile

/// A format that results can be written in.
public enum AudioFileFormat: String, CaseIterable, Sendable {
    /// WAV, 16-bit.
    case wav
    /// WAV, 24-bit.
    case wav24
    /// WAV, 32-bit float.
    case wavFloat = "wav-float"
    case flac
    /// Ogg Vorbis.
    case ogg
    /// Ogg Opus.
    case opus
    case aiff

    public var fileExtension: String {
        switch self {
        case .wav, .wav24, .wavFloat: "wav"
        case .flac: "flac"
        case .ogg: "ogg"
        case .opus: "opus"
        case .aiff: "aiff"
        }
    }

    /// The format that a file name asks for; `nil` for an ending that is not known.
    public init?(fileExtension: String) {
        switch fileExtension.lowercased() {
        case "wav", "wave": self = .wav
        case "flac": self = .flac
        case "ogg", "oga": self = .ogg
        case "opus": self = .opus
        case "aif", "aiff": self = .aiff
        default: return nil
        }
    }

    /// The nearest rate that the format can hold: Opus knows five (RFC 6716 §2), the others any.
    public func supportedRate(for rate: Int) -> Int {
        guard self == .opus else { return rate }
        return [8_000, 12_000, 16_000, 24_000, 48_000].first { $0 >= rate } ?? 48_000
    }

    /// libsndfile's number for it. A WAV that is or may become longer than 4 GiB is written as RF64.
    func code(frames: Int?) -> Int32 {
        func wave(_ subtype: Int, bytesPerSample: Int) -> Int {
            let isLong = frames.map { $0 * bytesPerSample > 4_000_000_000 } ?? true
            return (isLong ? SF_FORMAT_RF64 : SF_FORMAT_WAV) | subtype
        }
        let code =
            switch self {
            case .wav: wave(SF_FORMAT_PCM_16, bytesPerSample: 2)
            case .wav24: wave(SF_FORMAT_PCM_24, bytesPerSample: 3)
            case .wavFloat: wave(SF_FORMAT_FLOAT, bytesPerSample: 4)
            case .flac: SF_FORMAT_FLAC | SF_FORMAT_PCM_16
            case .ogg: SF_FORMAT_OGG | SF_FORMAT_VORBIS
            case .opus: SF_FORMAT_OGG | SF_FORMAT_OPUS
            case .aiff: SF_FORMAT_AIFF | SF_FORMAT_PCM_16
            }
        return Int32(code)
    }

    /// Whether samples are stored as 16-bit integers, which want dither.
    public var is16Bit: Bool {
        switch self {
        case .wav, .flac, .aiff: true
        case .wav24, .wavFloat, .ogg, .opus: false
        }
    }
}
