import VoiceRelay

/// Why a conversion did not come to its end. Its description is one sentence with the next step; no secret is in it.
public struct ConversionError: Error, Sendable, CustomStringConvertible {
    /// The cause, for programs.
    public enum Cause: Equatable, Sendable {
        /// No connection came about: name, network, TLS, or a refusal before the WebSocket was open.
        case unreachable
        /// The URL can't be used.
        case badURL
        /// The credential was refused before the WebSocket was open.
        case refused
        /// The session began and ended early.
        case session(RelayFailure)
        case cancelled
        /// The sample rates can't be converted into each other.
        case unsupportedRate
        /// This machine can't encode for the wire that was asked for.
        case unsupportedWire
    }

    public let cause: Cause
    public let description: String
    /// With ``RelayCloseCode/balanceExhausted``, where the relay said the amounts.
    public let shortfall: RelayShortfall?

    public init(_ cause: Cause, _ description: String, shortfall: RelayShortfall? = nil) {
        self.cause = cause
        self.description = description
        self.shortfall = shortfall
    }

    /// - Parameter token: the key, which a relay may repeat and a log must not.
    package static func session(
        _ failure: RelayFailure, relay: String, hiding token: String, shortfall: RelayShortfall? = nil
    ) -> ConversionError {
        ConversionError(
            .session(failure), "\(relay): \(hide(token, in: sentence(failure)))", shortfall: shortfall)
    }

    private static func hide(_ token: String, in text: String) -> String {
        guard !token.isEmpty else { return text }
        var shown = ""
        var rest = text[...]
        while let first = rest.first {
            if rest.hasPrefix(token) {
                shown += "[key]"
                rest = rest.dropFirst(token.count)
            } else {
                shown.append(first)
                rest = rest.dropFirst()
            }
        }
        return shown
    }

    /// What a relay says, on one line and without a way to steer a terminal: C0, DEL and C1 become spaces.
    private static func plain(_ text: String) -> String {
        var shown = ""
        for scalar in text.unicodeScalars.prefix(200) {
            let isControl = scalar.value < 0x20 || (0x7F...0x9F).contains(scalar.value)
            shown.unicodeScalars.append(isControl || [0x2028, 0x2029].contains(scalar.value) ? " " : scalar)
        }
        return shown
    }

    private static func sentence(_ failure: RelayFailure) -> String {
        switch failure {
        case .closed(let code, let detail): closed(code, detail)
        case .violation(let what): "\(what); this is not a relay of profile v1, check the URL"
        case .silent(.beforeReady):
            "the relay did not answer the handshake within \(RelayProtocol.authSecondsMax) s; check the URL, or try again"
        case .silent(.streaming), .silent(.afterEnd):
            "the relay sent no sound for \(RelayProtocol.stallSecondsMax) s; try again"
        case .incomplete(let received, let expected):
            "the relay returned \(seconds(received)) s of \(seconds(expected)) s of sound; try again"
        }
    }

    private static func closed(_ code: RelayCloseCode, _ detail: String?) -> String {
        let said = detail.flatMap { $0.isEmpty ? nil : " (\(plain($0)))" } ?? ""
        return switch code {
        case .invalidAuth: "the relay refused the key\(said); check QUOTA_API_KEY or --token-file"
        case .balanceExhausted: "the wallet can't pay for this\(said); top up your Quota wallet, then run it again"
        case .sessionTimeout: "the session reached its time limit\(said); split the recording, then run it again"
        case .formatViolation: "the relay refused the sound's format or pace\(said); please report this as a bug"
        case .upstreamDisconnected: "the relay lost its converter\(said); try again in a moment"
        case .heartbeatLost: "the connection went silent (heartbeat lost)\(said); check the network, then try again"
        case .normal: "the relay ended the session before all sound was back\(said); try again"
        case .webSocket(let number, let reason): webSocket(number, reason, said)
        case .other(let number, let reason):
            "the relay closed the session with code \(number)\(reason.isEmpty ? said : " (\(plain(reason)))"); try again later"
        }
    }

    private static func webSocket(_ number: UInt16, _ reason: String, _ said: String) -> String {
        let said = said.isEmpty && !reason.isEmpty ? " (\(plain(reason)))" : said
        return switch number {
        case 1001, 1012, 1013, 1014: "the relay is busy or going away\(said); try again in a moment"
        case 1006:
            "the connection broke before all sound was back\(said); check the network and the relay, then try again"
        case 1008: "the relay refused the request\(said); check the voice and the options"
        case 1011: "the relay failed\(said); try again in a moment"
        default: "the relay closed the connection with code \(number)\(said); check that the URL is that of a relay"
        }
    }

    private static func seconds(_ samples: Int) -> String {
        let tenths = samples * 10 / RelayProtocol.sampleRate
        return "\(tenths / 10).\(tenths % 10)"
    }
}
