/// The numbers that end a connection (RFC 6455 §7.4 and the registry that §11.7 founds).
public enum CloseCode {
    public static let normal: UInt16 = 1000
    public static let goingAway: UInt16 = 1001
    public static let protocolError: UInt16 = 1002
    public static let unsupportedData: UInt16 = 1003
    /// Never on the wire: the Close frame carried no code.
    public static let noStatus: UInt16 = 1005
    /// Never on the wire: the connection ended without a Close frame.
    public static let abnormal: UInt16 = 1006
    public static let invalidPayload: UInt16 = 1007
    public static let policyViolation: UInt16 = 1008
    public static let messageTooBig: UInt16 = 1009
    public static let mandatoryExtension: UInt16 = 1010
    public static let internalError: UInt16 = 1011

    /// The longest reason in UTF-8 bytes: a control frame's 125 less the code's two (RFC 6455 §5.5).
    public static let reasonBytesMax = 123

    /// Whether `code` may stand in a Close frame: 1000-1014 but the three that never travel, and the ranges of
    /// libraries (3000-3999) and applications (4000-4999); RFC 6455 §7.4.2.
    public static func mayTravel(_ code: UInt16) -> Bool {
        switch code {
        case 1000...1003, 1007...1014, 3000...4999: true
        case _: false
        }
    }
}

/// How a connection ended. Delivered once, as its last event.
public struct WebSocketClosure: Equatable, Sendable {
    /// Who or what ended it.
    public enum Cause: Equatable, Sendable {
        /// The peer's Close frame came first.
        case peer
        /// The application's Close came first.
        case local
        /// The peer broke the protocol; `code` is what it was told.
        case violation(ProtocolViolation)
        /// Nothing came from the peer for twice the heartbeat's interval.
        case heartbeatLost
        /// The peer's stream ended without a Close frame.
        case endOfStream
        /// The transport failed: reset, TLS alert, truncated TLS stream.
        case transportFailed(String)
        /// The peer did not answer our Close in time.
        case closeTimeout
        /// The application dropped the connection without a Close handshake.
        case aborted
    }

    /// The peer's code when `cause` is `peer`; ours when `local` or `violation`;
    /// `CloseCode.noStatus` when the peer gave none and `CloseCode.abnormal` when no Close came.
    public var code: UInt16
    /// The reason that belongs to `code`.
    public var reason: String
    /// Whether Close frames went both ways (RFC 6455 §7.1.4).
    public var wasClean: Bool
    public var cause: Cause

    public init(code: UInt16, reason: String, wasClean: Bool, cause: Cause) {
        self.code = code
        self.reason = reason
        self.wasClean = wasClean
        self.cause = cause
    }
}
