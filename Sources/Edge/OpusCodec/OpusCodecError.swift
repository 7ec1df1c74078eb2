/// Why a codec was not made, or a call of it refused. Nothing has changed when one of these is thrown.
public enum OpusCodecError: Error, Equatable, Sendable, CustomStringConvertible {
    /// A setting that Opus does not have; says which.
    case invalidSetting(String)
    /// An encoder takes whole frames of its own length alone.
    case wrongFrameLength(samples: Int, expected: Int)
    /// The buffer for the result is too small.
    case noRoom(needed: Int)
    /// Not an Opus packet: it breaks the framing rules of RFC 6716 §3.4, or libopus refuses it.
    case malformedPacket
    /// libopus failed, with its own number.
    case library(code: Int32)

    public var description: String {
        switch self {
        case .invalidSetting(let what): "Opus has no such setting: \(what)"
        case .wrongFrameLength(let samples, let expected):
            "a frame of \(samples) samples; this encoder takes \(expected)"
        case .noRoom(let needed): "the buffer for the result needs room for \(needed)"
        case .malformedPacket: "not an Opus packet"
        case .library(let code): "libopus failed with \(code)"
        }
    }
}
