import VoiceSecureStream
import VoiceWebSocket

/// Why a WebSocket could not be opened or used. Its description is one sentence with the next step.
///
/// How an open connection ended is no error but `WebSocketClosure`.
public enum WebSocketError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The URL can't be used: what is wrong with it.
    case invalidURL(String)
    /// `ws://` to another machine without `allowInsecure`.
    case insecureURL(host: String)
    /// A header, subprotocol or target that can't be sent.
    case badRequest(HandshakeMisuse)
    /// The connection could not be made, or broke before it was open.
    case stream(StreamError)
    /// The server's answer to the upgrade breaks RFC 6455 §4.1 or HTTP.
    case handshake(HandshakeViolation)
    /// The server did not finish its answer to the upgrade in time.
    case handshakeTimedOut
    /// The server refused the upgrade, with its status and body.
    case refused(HandshakeRefusal)
    /// Followed as many redirects as the options allow.
    case tooManyRedirects(limit: Int)
    /// The redirect would leave TLS, or the host when the options forbid that.
    case redirectRefused(location: String)
    /// `waker` was signalled, or the task cancelled.
    case cancelled
    /// Not connected, or the closure was already delivered.
    case notConnected
    /// `connect` was called a second time.
    case alreadyConnected
    /// The system gives no more descriptors.
    case outOfDescriptors(errno: Int32)
    /// The call does not fit the connection's state or limits; nothing was sent.
    case misuse(WebSocketMisuse)

    public var description: String {
        switch self {
        case .invalidURL(let reason):
            "The WebSocket URL cannot be used: \(reason)."
        case .insecureURL(let host):
            "ws:// to \(host) would send everything readable: use wss://, or allow it explicitly."
        case .badRequest(let misuse):
            "The WebSocket request cannot be sent: \(misuse)."
        case .stream(let error):
            error.description
        case .handshake(let violation):
            "The server did not answer as a WebSocket server: \(violation.explanation). Check the URL."
        case .handshakeTimedOut:
            "The server did not finish the WebSocket handshake in time: try again later."
        case .refused(let refusal):
            Self.sentence(refusal)
        case .tooManyRedirects(let limit):
            "The server redirected more than \(limit) times: check the URL."
        case .redirectRefused(let location):
            "The server redirects to \(Self.printable(location)), which is not followed: use that URL if you trust it."
        case .cancelled:
            "The connection was cancelled."
        case .notConnected:
            "The WebSocket is not connected: connect first."
        case .alreadyConnected:
            "This WebSocket was connected before: make a new one for a new connection."
        case .outOfDescriptors(let code):
            "No descriptor is left for the connection (errno \(code)): close some or raise the limit (ulimit -n)."
        case .misuse(let misuse):
            "The WebSocket call was refused: \(misuse)."
        }
    }

    private static func sentence(_ refusal: HandshakeRefusal) -> String {
        let answer = "\(refusal.status) \(printable(refusal.reason))"
        switch refusal.kind {
        case .unauthorized: return "The server refused the credentials (\(answer)): check the token."
        case .paymentRequired: return "The server wants a payment first (\(answer)): top up the balance."
        case .forbidden: return "The server forbids the connection (\(answer)): check the account's rights."
        case .tooManyRequests:
            let wait = refusal.retryAfterSeconds.map { " in \($0) s" } ?? " later"
            return "The server has too many requests (\(answer)): try again\(wait)."
        case .serverError: return "The server failed (\(answer)): try again later."
        case .other: return "The server refused the WebSocket (\(answer)): check the URL."
        }
    }

    /// Without what could forge a line of a terminal or a log.
    private static func printable(_ text: String) -> String {
        String(text.prefix(200).map { $0.unicodeScalars.allSatisfy { $0.value >= 0x20 && $0.value != 0x7F } ? $0 : "?" })
    }
}
