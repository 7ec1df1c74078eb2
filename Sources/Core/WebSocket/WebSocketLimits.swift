/// What bounds the memory and the time that a peer can take from us.
public struct WebSocketLimits: Equatable, Sendable {
    /// Longest payload of one frame taken, in bytes. More is answered with 1009.
    public var frameBytesMax = 16 << 20
    /// Longest message taken, in bytes. More is answered with 1009.
    public var messageBytesMax = 16 << 20
    /// Payload waiting to be sent, in bytes; a send beyond it throws `sendQueueFull`, but one message of up to this
    /// length is always taken by an empty queue.
    public var sendQueueBytesMax = 16 << 20
    /// Longest payload of a frame sent, in bytes; longer messages leave in fragments, with control frames between.
    /// Values outside 125...65536 are brought into that range.
    public var sendFragmentBytes = 65_536
    /// Time for the peer to answer our Close, in nanoseconds.
    public var closeNanoseconds: Int64 = .seconds(5)
    /// Time for what is queued to leave and for the server to end its stream once Close frames went both ways or the
    /// connection failed (RFC 6455 §7.1.1), in nanoseconds.
    public var lingerNanoseconds: Int64 = .seconds(1)
    /// Kinds of message taken; others are answered with 1003.
    public var acceptsText = true
    public var acceptsBinary = true

    public init() {}
}
