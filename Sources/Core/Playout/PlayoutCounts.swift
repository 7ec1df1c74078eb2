/// What a jitter buffer did since it was made, in samples of the stream unless said otherwise.
///
/// The books balance: pushed = played + removed + droppedLate - inserted + waiting, and
/// pulled = played + concealed + silent.
public struct PlayoutCounts: Sendable, Hashable {
    /// Given to the buffer.
    public var pushed = 0
    /// Asked of the buffer.
    public var pulled = 0
    /// Samples of the stream that came out.
    public var played = 0
    /// Cut out by time-scale modification, to shorten the delay.
    public var removed = 0
    /// Played twice by time-scale modification, to lengthen the delay.
    public var inserted = 0
    /// Too old to be played: skipped.
    public var droppedLate = 0
    /// Made up because nothing was there.
    public var concealed = 0
    /// Silence before the stream, in its pauses, and while it gathers its depth.
    public var silent = 0
    /// Times that nothing was there.
    public var concealments = 0
    /// Times that a way was silent for longer than the deepest buffer, and then went on.
    public var outages = 0

    public init() {}
}
