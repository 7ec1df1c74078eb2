/// The client's first frame: who pays, and for what.
///
/// Its description never shows the token.
public struct RelayAuth: Sendable, CustomStringConvertible {
    public var token: String
    public var model: String
    public var voice: String
    public var format: String
    /// Bounds the session and the reservation: so many seconds of credits are set aside at `ready`.
    public var maxDurationSeconds: Int

    public init(
        token: String, model: String = RelayProtocol.model, voice: String, format: String = RelayProtocol.formatPCM,
        maxDurationSeconds: Int
    ) {
        self.token = token
        self.model = model
        self.voice = voice
        self.format = format
        self.maxDurationSeconds = maxDurationSeconds
    }

    public var description: String {
        "auth(model: \(model), voice: \(voice), format: \(format), maxDurationSeconds: \(maxDurationSeconds))"
    }

    var json: String {
        let quoted = JSONValue.quoted
        return
            "{\"type\":\(quoted(RelayProtocol.MessageType.auth)),\"token\":\(quoted(token)),\"model\":\(quoted(model)),"
            + "\"voice\":\(quoted(voice)),\"format\":\(quoted(format)),\"max_duration_seconds\":\(maxDurationSeconds)}"
    }
}

/// The client's request for another voice inside the session (feature `voice`).
public struct RelayVoiceChange: Sendable {
    public var voice: String

    public init(voice: String) {
        self.voice = voice
    }

    public var json: String {
        "{\"type\":\(JSONValue.quoted(RelayProtocol.MessageType.voice)),\"voice\":\(JSONValue.quoted(voice))}"
    }
}

/// What became of a request for another voice (feature `voice_answer`).
public struct RelayVoiceAnswer: Equatable, Sendable {
    /// The voice that is in force.
    public var voice: String
    /// The one that was asked for and that the relay does not have, and why.
    public var refused: String?
    public var message: String?

    public init(voice: String, refused: String? = nil, message: String? = nil) {
        self.voice = voice
        self.refused = refused
        self.message = message
    }
}

/// What the relay grants: the session may send audio from here on.
public struct RelayReady: Equatable, Sendable {
    public var sessionID: String
    public var reservedCredits: Int?
    public var heartbeatSeconds: Double
    public var features: Set<String>
    public var formats: [String]
    /// Samples by which the converted stream lags its input, where the relay says so (the local server does).
    public var delaySamples: Int
    /// The relay's own ceiling, where it states one above the profile's (the in-process relay takes any rate).
    public var ceilingBytesPerSecond: Int
}

/// A running bill.
public struct RelayUsage: Equatable, Sendable {
    public var seconds: Double
    public var creditsUsed: Int?
    public var creditsLeft: Int?

    public init(seconds: Double, creditsUsed: Int? = nil, creditsLeft: Int? = nil) {
        self.seconds = seconds
        self.creditsUsed = creditsUsed
        self.creditsLeft = creditsLeft
    }
}

/// The final bill.
public struct RelayDone: Equatable, Sendable {
    public var seconds: Double
    public var creditsUsed: Int?
    public var creditsRefunded: Int?

    public init(seconds: Double, creditsUsed: Int? = nil, creditsRefunded: Int? = nil) {
        self.seconds = seconds
        self.creditsUsed = creditsUsed
        self.creditsRefunded = creditsRefunded
    }
}

/// What a wallet lacks for a session: the amounts of the relay's refusal.
public struct RelayShortfall: Equatable, Sendable {
    /// Credits in the wallet.
    public var balance: Int
    /// Credits that the session would set aside.
    public var required: Int

    public init(balance: Int, required: Int) {
        self.balance = balance
        self.required = required
    }
}

/// A text message from the relay.
enum RelayMessage: Equatable {
    case ready(RelayReady)
    case usage(RelayUsage)
    case done(RelayDone)
    case error(code: String, message: String, shortfall: RelayShortfall? = nil)
    case voice(RelayVoiceAnswer)
    /// A type that this client does not know: ignored, as the profile asks.
    case unknown
    /// Not a JSON object with a `type`, or a known type without what it must carry.
    case malformed

    init(_ text: String) {
        guard let json = JSONValue(parsing: text), let type = json["type"]?.string else {
            self = .malformed
            return
        }
        switch type {
        case RelayProtocol.MessageType.ready: self = RelayReady(json).map(RelayMessage.ready) ?? .malformed
        case RelayProtocol.MessageType.usage:
            self = .usage(
                RelayUsage(
                    seconds: json["seconds"]?.double ?? 0, creditsUsed: json["credits_used"]?.integer,
                    creditsLeft: json["credits_left"]?.integer))
        case RelayProtocol.MessageType.done:
            self = .done(
                RelayDone(
                    seconds: json["seconds"]?.double ?? 0, creditsUsed: json["credits_used"]?.integer,
                    creditsRefunded: json["credits_refunded"]?.integer))
        case RelayProtocol.MessageType.voice:
            self =
                json["voice"]?.string.map { name in
                    .voice(
                        RelayVoiceAnswer(
                            voice: name, refused: json["refused"]?.string, message: json["message"]?.string))
                } ?? .malformed
        case RelayProtocol.MessageType.error:
            let shortfall = json["balance"]?.integer.flatMap { balance in
                json["required"]?.integer.map { RelayShortfall(balance: balance, required: $0) }
            }
            self = .error(
                code: json["code"]?.string ?? "", message: json["message"]?.string ?? "", shortfall: shortfall)
        default: self = .unknown
        }
    }
}

extension RelayReady {
    init?(_ json: JSONValue) {
        guard let id = json["session_id"]?.string else { return nil }
        sessionID = id
        reservedCredits = json["reserved_credits"]?.integer
        let heartbeat = json["heartbeat_seconds"]?.double ?? Double(RelayProtocol.heartbeatSecondsDefault)
        heartbeatSeconds = min(max(heartbeat, 0.1), 60)
        features = Set(json["features"]?.strings ?? [])
        formats = json["formats"]?.strings ?? [RelayProtocol.formatPCM]
        delaySamples = min(max(json["delay_samples"]?.integer ?? 0, 0), RelayProtocol.sampleRate)
        ceilingBytesPerSecond = max(
            json["ceiling_bytes_per_second"]?.integer ?? 0, RelayProtocol.ceilingBytesPerSecond)
    }
}
