/// What the peer did that RFC 6455 or our limits forbid. Each case cites the clause that a reader can disagree with.
public enum ProtocolViolation: Error, Equatable, Sendable {
    /// RSV1-3 set without an extension (§5.2).
    case reservedBits
    /// An opcode of 3-7 or 11-15 (§5.2).
    case reservedOpcode(UInt8)
    /// A server masks nothing (§5.1).
    case maskedFrame
    /// A control frame without FIN (§5.5).
    case fragmentedControlFrame
    /// A control frame of more than 125 bytes (§5.5).
    case controlFrameTooLong
    /// A length that a shorter form could have carried (§5.2).
    case lengthNotMinimal
    /// A 64-bit length with the most significant bit set (§5.2).
    case lengthOutOfRange
    /// A continuation without a message to continue (§5.4).
    case unexpectedContinuation
    /// A new message inside a fragmented one (§5.4).
    case interleavedMessage
    /// Text or a close reason that is not UTF-8 (§8.1).
    case invalidUTF8
    /// A Close frame with one byte of payload (§5.5.1).
    case closePayloadOfOneByte
    /// A code that may not be in a Close frame (§7.4).
    case invalidCloseCode(UInt16)
    /// A kind of message that this endpoint said it does not take (§7.4.1, 1003).
    case unacceptableKind
    /// A frame longer than our limit (§10.4).
    case frameTooLarge(limitBytes: Int)
    /// A message longer than our limit (§10.4).
    case messageTooLarge(limitBytes: Int)

    /// The code that the peer is told (§7.4.1).
    public var closeCode: UInt16 {
        switch self {
        case .reservedBits, .reservedOpcode, .maskedFrame, .fragmentedControlFrame, .controlFrameTooLong,
            .lengthNotMinimal, .lengthOutOfRange, .unexpectedContinuation, .interleavedMessage,
            .closePayloadOfOneByte, .invalidCloseCode:
            CloseCode.protocolError
        case .invalidUTF8: CloseCode.invalidPayload
        case .unacceptableKind: CloseCode.unsupportedData
        case .frameTooLarge, .messageTooLarge: CloseCode.messageTooBig
        }
    }

    /// The reason that the peer is told; short enough for a control frame.
    public var reason: String {
        switch self {
        case .reservedBits: "reserved bits set"
        case .reservedOpcode(let opcode): "reserved opcode \(opcode)"
        case .maskedFrame: "masked frame from a server"
        case .fragmentedControlFrame: "fragmented control frame"
        case .controlFrameTooLong: "control frame over 125 bytes"
        case .lengthNotMinimal: "length not minimal"
        case .lengthOutOfRange: "length out of range"
        case .unexpectedContinuation: "continuation without a message"
        case .interleavedMessage: "message inside a fragmented message"
        case .invalidUTF8: "invalid UTF-8"
        case .closePayloadOfOneByte: "Close payload of one byte"
        case .invalidCloseCode(let code): "invalid close code \(code)"
        case .unacceptableKind: "kind of message not accepted"
        case .frameTooLarge(let limit): "frame over \(limit) bytes"
        case .messageTooLarge(let limit): "message over \(limit) bytes"
        }
    }
}

/// What the application did that the state of the connection or RFC 6455 forbids. Nothing was sent.
public enum WebSocketMisuse: Error, Hashable, Sendable {
    /// The connection is closing or closed: nothing is sent any more (RFC 6455 §5.5.1).
    case notOpen
    /// A control payload of more than 125 bytes (RFC 6455 §5.5).
    case controlPayloadTooLong
    /// A code that may not be in a Close frame (RFC 6455 §7.4).
    case invalidCloseCode(UInt16)
    /// A close reason of more than 123 UTF-8 bytes (RFC 6455 §5.5.1).
    case closeReasonTooLong
    /// A new message, or another kind, before the fragmented one was ended (RFC 6455 §5.4).
    case messageUnfinished
    /// The send queue holds its limit; send again when it has drained.
    case sendQueueFull(limitBytes: Int)
    /// Too many pings wait to be sent.
    case tooManyPings
}
