import VoiceRelay
import VoiceWebSocketClient

/// A relay and the key for it. Its description never shows the key.
public struct RelayEndpoint: Sendable, CustomStringConvertible {
    public let url: String
    public var token: String
    /// Where a session that outlives its token gets the next one; nil where `token` lasts.
    public var tokens: RelayTokens?
    /// A PEM file of certificates to trust besides the system's.
    public var caFile: String?
    /// Whether `ws://` may leave this machine.
    public var allowsInsecure: Bool

    /// - Parameter base: `wss://host`, `https://host`, with or without the relay's path; `ws` and `http` for loopback.
    public init(base: String, token: String, caFile: String? = nil, allowsInsecure: Bool = false) {
        var url = base
        for (from, to) in [("https://", "wss://"), ("http://", "ws://")] where url.lowercased().hasPrefix(from) {
            url = to + url.dropFirst(from.count)
        }
        if !url.contains("://") { url = "wss://" + url }
        while url.hasSuffix("/") { url.removeLast() }
        let afterScheme = url.drop { $0 != ":" }.dropFirst(3)
        if !afterScheme.contains("/") { url += RelayProtocol.path }
        self.url = url
        self.token = token
        self.caFile = caFile
        self.allowsInsecure = allowsInsecure
    }

    /// `host:port`, for messages.
    public var name: String {
        String(url.drop { $0 != ":" }.dropFirst(3).prefix { $0 != "/" && $0 != "?" })
    }

    /// The token for the connection that is made now. Blocks.
    ///
    /// - Parameter refused: the one that the relay has just refused.
    func token(after refused: String?) throws(RelayTokens.Failure) -> String {
        guard let tokens else { return token }
        return try tokens.token(after: refused)
    }

    /// Whether the relay is on this machine.
    package var isLoopback: Bool {
        let host = name.prefix { $0 != ":" }
        return host == "localhost" || host.hasPrefix("127.") || name.hasPrefix("[::1]")
    }

    /// How a session's WebSocket is opened.
    package var webSocketOptions: WebSocketOptions {
        var options = WebSocketOptions()
        options.allowInsecure = allowsInsecure
        options.stream.caFile = caFile
        // What is on this machine is reached directly, also where HTTPS_PROXY or ALL_PROXY is set.
        if isLoopback { options.stream.proxy = .none }
        // The rate ceiling counts a packet when it is written: it has to leave then.
        options.stream.sendsNothingAhead = true
        return options
    }

    public var description: String { url }
}
