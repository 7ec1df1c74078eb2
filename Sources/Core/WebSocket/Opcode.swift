/// The kinds of frame of RFC 6455 §5.2.
public enum Opcode: UInt8, Sendable {
    case continuation = 0x0
    case text = 0x1
    case binary = 0x2
    case close = 0x8
    case ping = 0x9
    case pong = 0xA

    /// Whether frames of this kind may stand between the fragments of a message (RFC 6455 §5.5).
    public var isControl: Bool { rawValue & 0x8 != 0 }
}

/// The two kinds of message (RFC 6455 §5.6).
public enum MessageKind: Sendable {
    case text
    case binary

    package var opcode: Opcode {
        switch self {
        case .text: .text
        case .binary: .binary
        }
    }
}

/// A whole message as it came from the peer.
public enum WebSocketMessage: Equatable, Sendable {
    /// UTF-8 that was checked octet by octet as it arrived.
    case text(String)
    case binary([UInt8])
}
