/// How a session ended.
public enum RelayEnding: Equatable, Sendable {
    /// All of the answer came. The final bill where the relay gave one.
    case finished(RelayDone?)
    /// The user stopped it.
    case cancelled
    case failed(RelayFailure)
}

/// Why a session ended before its answer was complete.
public enum RelayFailure: Error, Equatable, Sendable {
    /// Where the relay went silent.
    public enum Silence: Equatable, Sendable {
        case beforeReady, streaming, afterEnd
    }

    /// The relay closed the connection; `detail` is the message of its `error` frame.
    case closed(RelayCloseCode, detail: String?)
    /// The relay broke the protocol: "it sent …".
    case violation(String)
    /// The connection lives but the relay does not answer.
    case silent(Silence)
    /// The relay said that it was done but part of the answer is missing.
    case incomplete(received: Int, expected: Int)
}
