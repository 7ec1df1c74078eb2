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
    /// Why a live session was lost or has ended, with what helps in a live session.
    ///
    /// - Parameter renews: whether it was to renew itself.
    static func live(
        _ failure: RelayFailure, relay: String, hiding token: String, shortfall: RelayShortfall?, renews: Bool
    ) -> ConversionError {
        guard let sentence = sentence(failure, shortfall, renews) else {
            return .session(failure, relay: relay, hiding: token, shortfall: shortfall)
        }
        return ConversionError(.session(failure), "\(relay): \(sentence)", shortfall: shortfall)
    }

    /// nil where the sentence for a recording serves as well.
    private static func sentence(_ failure: RelayFailure, _ shortfall: RelayShortfall?, _ renews: Bool) -> String? {
        switch failure {
        case .closed(.sessionTimeout, _):
            renews
                ? "the session reached its time limit too soon"
                : "the session reached its time limit; start another, or let it renew itself (--renew)"
        case .closed(.normal, _): "the relay ended the session; start another"
        case .closed(.balanceExhausted, _): balance(shortfall)
        case .closed(.upstreamDisconnected, _): "the relay lost its converter"
        case .closed(.heartbeatLost, _): "the connection went silent (heartbeat lost)"
        case .closed(.webSocket(1006, _), _): "the connection broke"
        case .silent(.streaming): "the relay sent no sound for \(RelayProtocol.stallSecondsMax) s"
        case .closed, .violation, .silent, .incomplete: nil
        }
    }

    private static func balance(_ shortfall: RelayShortfall?) -> String {
        let topUp = "top up your Quota wallet (quota-voice topup)"
        guard let shortfall else { return "the wallet can't pay for more; \(topUp), then start again" }
        let amounts =
            "the wallet has \(dollars(shortfall.balance)), and the session sets aside \(dollars(shortfall.required))"
            + " for \(shortfall.required / RelayProtocol.creditsPerSecond) s"
        let seconds = shortfall.balance / RelayProtocol.creditsPerSecond
        guard seconds > 0 else { return "\(amounts); \(topUp), then start again" }
        return "\(amounts); \(topUp), or ask for less time (--max-duration \(seconds))"
    }

    /// Whole cents, rounded down, as is said of a wallet.
    private static func dollars(_ credits: Int) -> String {
        let cents = max(0, credits) / 10_000
        return "$\(cents / 100).\(cents % 100 < 10 ? "0" : "")\(cents % 100)"
    }
}
