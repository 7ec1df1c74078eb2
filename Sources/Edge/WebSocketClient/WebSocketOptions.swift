import VoiceRealtime
import VoiceSecureStream
import VoiceWebSocket

/// How a WebSocket is opened and kept.
public struct WebSocketOptions: Sendable {
    /// What happens to a 301, 302, 307 or 308. Redirects never leave TLS.
    public enum Redirects: Sendable {
        case refuse
        /// Followed on the same host, whatever its port.
        case sameHost
        /// Followed anywhere; `headers` stay behind when the host or port changes. The application must look at
        /// `WebSocketDriver.connectedURL` before it sends a secret as a message.
        case anyHost
    }

    /// Sent with the upgrade; names that the handshake itself sets are refused.
    public var headers: [HeaderField] = []
    /// Offered in order of preference.
    public var subprotocols: [String] = []
    /// From the first byte of the request to the end of the answer, for each redirect, in nanoseconds.
    public var handshakeTimeoutNanoseconds: Int64 = .seconds(10)
    /// Ping interval in seconds; nil sends none and never judges the peer lost.
    public var heartbeatSeconds: Double?
    /// When nothing came from the peer for so many nanoseconds, it is told Close 1001 with the reason "idle"; nil for
    /// no bound. For servers that do not answer pings; a heartbeat finds a dead peer sooner.
    public var idleTimeoutNanoseconds: Int64?
    /// Bounds of frames, messages and queues, and the times of closing.
    public var limits = WebSocketLimits()
    /// Connect and TLS timeouts, trust, proxy.
    public var stream = StreamOptions()
    /// Allows `ws://` beyond loopback.
    public var allowInsecure = false
    public var redirects = Redirects.sameHost
    public var redirectsMax = 5
    /// Connects to this Unix socket instead of the URL's host; the URL is then only for the request.
    public var unixPath: String?

    public init() {}
}
