import VoiceWebSocket

/// What a connection gives the application.
public enum WebSocketEvent: Equatable, Sendable {
    case text(String)
    case binary([UInt8])
    /// The last event.
    case closed(WebSocketClosure)
}

/// What went over a connection so far.
public struct WebSocketMetrics: Equatable, Sendable {
    /// Bytes given to and taken from the stream, framing included, handshake and TLS not.
    public var bytesSent: UInt64 = 0
    public var bytesReceived: UInt64 = 0
    /// Frames of every kind.
    public var framesSent: UInt64 = 0
    public var framesReceived: UInt64 = 0
    public var messagesReceived: UInt64 = 0
    public var pingsSent: UInt64 = 0
    public var pongsReceived: UInt64 = 0
    /// Round trips of our pings, in nanoseconds: the last, the shortest, a running mean. nil before the first.
    public var roundTripNanoseconds: Int64?
    public var roundTripShortestNanoseconds: Int64?
    public var roundTripSmoothedNanoseconds: Int64?

    public init() {}
}
