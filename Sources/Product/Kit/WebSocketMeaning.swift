import VoiceRelay
import VoiceWebSocket
import VoiceWebSocketClient

extension WebSocketClosure {
    /// What the end of the WebSocket means for the session.
    package var relayCode: RelayCloseCode {
        switch cause {
        case .peer: RelayCloseCode(number: code, reason: reason)
        case .heartbeatLost: .heartbeatLost
        case .violation: .webSocket(number: code, reason: "it broke the WebSocket protocol")
        // No Close came: RFC 6455 §7.1.5 has 1006 for that.
        case .endOfStream, .transportFailed, .closeTimeout, .aborted, .local: .webSocket(number: 1006, reason: "")
        }
    }
}

extension ConversionError {
    /// No WebSocket came about. The sentences below the WebSocket name host, cause and next step already.
    package init(_ error: WebSocketError, endpoint: RelayEndpoint) {
        switch error {
        case .insecureURL(let host):
            self.init(
                .badURL, "ws:// to \(host) would send key and voice readable; use wss://, or allow it (--insecure)")
        case .invalidURL, .badRequest: self.init(.badURL, "\(endpoint.url): \(error)")
        case .refused(let refusal) where [401, 402, 403].contains(refusal.status):
            self.init(.refused, "\(endpoint.name): \(error)")
        case .refused, .handshake, .handshakeTimedOut, .tooManyRedirects, .redirectRefused:
            self.init(.unreachable, "\(endpoint.name): \(error)")
        case .cancelled: self.init(.cancelled, "stopped")
        case .stream, .closed, .notConnected, .alreadyConnected, .outOfDescriptors, .misuse:
            self.init(.unreachable, error.description)
        }
    }
}
