import VoiceRelay

extension RelayFailure {
    /// Whether a new connection may succeed by itself.
    package var isWorthAnother: Bool {
        switch self {
        case .closed(let code, _): code.isReconnectable
        case .silent: true
        case .violation, .incomplete: false
        }
    }
}

extension ConversionError {
    /// Why a live session ended, with what helps in a live session.
    static func live(_ failure: RelayFailure, _ endpoint: RelayEndpoint) -> ConversionError {
        let sentence: String
        switch failure {
        case .closed(.sessionTimeout, _):
            sentence = "the session reached its time limit; start another, or let it renew itself (--renew)"
        case .closed(.normal, _): sentence = "the relay ended the session; start another"
        case .closed(.balanceExhausted, _):
            sentence = "the wallet can't pay for more; top up your Quota wallet (quota-voice topup), then start again"
        case .closed, .violation, .silent, .incomplete:
            return .session(failure, relay: endpoint.name, hiding: endpoint.token)
        }
        return ConversionError(.session(failure), "\(endpoint.name): \(sentence)")
    }
}
