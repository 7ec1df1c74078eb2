import VoiceSecureStream
import VoiceWebSocket

extension WebSocketError {
    /// What `ReconnectPolicy` makes of a failed attempt: would the same happen again?
    public var reconnectFailure: ReconnectPolicy.Failure {
        switch self {
        case .invalidURL, .insecureURL, .badRequest, .handshake, .tooManyRedirects, .redirectRefused, .cancelled,
            .notConnected, .alreadyConnected, .misuse:
            .terminal
        case .handshakeTimedOut, .outOfDescriptors:
            .transient(retryAfterSeconds: nil)
        case .closed(let closure):
            closure.reconnectFailure
        case .refused(let refusal):
            switch refusal.kind {
            case .tooManyRequests, .serverError: .transient(retryAfterSeconds: refusal.retryAfterSeconds)
            case .unauthorized, .paymentRequired, .forbidden, .other: .terminal
            }
        case .stream(let error):
            switch error.cause {
            case .nameNotFound, .resolverFailed, .refused, .unreachable, .timedOut, .reset, .truncated, .other:
                .transient(retryAfterSeconds: nil)
            case .proxyRefused(let status):
                // The proxy answers for the network behind it; what it says about us stays true.
                status >= 500 ? .transient(retryAfterSeconds: nil) : .terminal
            case .badAddress, .badOption, .cancelled, .tls, .closed:
                .terminal
            }
        }
    }
}

extension WebSocketClosure {
    /// What `ReconnectPolicy` makes of this end by RFC 6455's codes. Codes from 3000 on are terminal here: only the
    /// application knows their meaning.
    public var reconnectFailure: ReconnectPolicy.Failure {
        switch cause {
        case .local, .aborted, .violation:
            .terminal
        case .heartbeatLost, .endOfStream, .transportFailed, .closeTimeout:
            .transient(retryAfterSeconds: nil)
        case .peer:
            switch code {
            // Going away, internal error, service restart, try again later, bad gateway.
            case 1001, 1011, 1012, 1013, 1014: .transient(retryAfterSeconds: nil)
            case _: .terminal
            }
        }
    }
}
