import Foundation

/// What an event is about.
public struct WebhookType: QuotaName {
    public let rawValue: String
    public init(rawValue: String) { self.rawValue = rawValue }
    public static let userConnected: WebhookType = "user.connected"
    public static let userDisconnected: WebhookType = "user.disconnected"
    public static let balanceUpdated: WebhookType = "balance.updated"
    public static let balanceLow: WebhookType = "balance.low"
    public static let usageCompleted: WebhookType = "usage.completed"
}

/// One delivery.
public struct WebhookEvent: Sendable, Hashable {
    public var id: String
    public var type: WebhookType
    public var createdAt: Date
    public var payload: WebhookPayload
    /// The event's `data` as it came.
    public var data: QuotaJSON
}

/// What an event says.
public enum WebhookPayload: Sendable, Hashable {
    case userConnected(UserConnected)
    case userDisconnected(UserDisconnected)
    case balanceUpdated(BalanceUpdated)
    case balanceLow(BalanceLow)
    case usageCompleted(UsageCompleted)
    /// A type that this version does not know: ``WebhookEvent/data`` has it all.
    case other

    public struct UserConnected: Sendable, Hashable, Codable {
        public var userID: String
        public var connectedAt: String?

        private enum CodingKeys: String, CodingKey {
            case userID = "user_id"
            case connectedAt = "connected_at"
        }
    }

    public struct UserDisconnected: Sendable, Hashable, Codable {
        public var userID: String
        public var disconnectedAt: String?

        private enum CodingKeys: String, CodingKey {
            case userID = "user_id"
            case disconnectedAt = "disconnected_at"
        }
    }

    public struct BalanceUpdated: Sendable, Hashable, Codable {
        public var userID: String
        /// Credits.
        public var newBalance: Int
        public var amountSpent: Int?
        public var model: String?
        /// A route's template, such as `/v1/chat/completions`.
        public var endpoint: String?

        private enum CodingKeys: String, CodingKey {
            case model, endpoint
            case userID = "user_id"
            case newBalance = "new_balance"
            case amountSpent = "amount_spent"
        }
    }

    public struct BalanceLow: Sendable, Hashable, Codable {
        public var userID: String
        /// Credits.
        public var currentBalance: Int
        public var threshold: Int

        private enum CodingKeys: String, CodingKey {
            case threshold
            case userID = "user_id"
            case currentBalance = "current_balance"
        }
    }

    public struct UsageCompleted: Sendable, Hashable, Codable {
        public var userID: String
        public var model: String?
        public var promptTokens: Int?
        public var completionTokens: Int?
        public var totalTokens: Int?
        /// Credits.
        public var creditsUsed: Int

        private enum CodingKeys: String, CodingKey {
            case model
            case userID = "user_id"
            case promptTokens = "prompt_tokens"
            case completionTokens = "completion_tokens"
            case totalTokens = "total_tokens"
            case creditsUsed = "credits_used"
        }
    }
}

/// Why a delivery was not taken.
public enum WebhookError: Error, Sendable, Equatable, CustomStringConvertible {
    /// Not signed with this secret: answer 401.
    case badSignature
    /// Signed, but not an event: answer 400.
    case malformed(String)
    /// Signed, but made too long ago, or in the future: answer 400.
    case outOfTime

    public var description: String {
        switch self {
        case .badSignature: "the signature is not that of this body and secret"
        case .malformed(let detail): "the body is not an event: \(detail)"
        case .outOfTime: "the event is too old, or from the future; check the clock"
        }
    }
}

/// The event in a body, once its signature is found good.
///
/// - Parameters:
///   - payload: the raw bytes of the body.
///   - signature: the `X-Quota-Signature` header; `nil` where it is missing.
/// - Throws: ``WebhookError``.
public func parseWebhook(
    payload: some DataProtocol, signature: String?, secret: String
) throws(WebhookError) -> WebhookEvent {
    guard verifyWebhookSignature(payload: payload, signature: signature ?? "", secret: secret) else {
        throw .badSignature
    }
    do {
        let bytes = Data(payload)
        let envelope = try JSONDecoder().decode(WebhookEnvelope.self, from: bytes)
        guard !envelope.id.isEmpty, let created = parseTimestamp(envelope.createdAt) else {
            throw WebhookError.malformed("id or created_at can't be read")
        }
        return WebhookEvent(
            id: envelope.id, type: envelope.type, createdAt: created,
            payload: try WebhookPayload(envelope.type, bytes), data: envelope.data)
    } catch let error as WebhookError {
        throw error
    } catch {
        throw .malformed(APIAnswer.place(of: error))
    }
}

/// A delivery's outer shape.
private struct WebhookEnvelope: Decodable {
    var id: String
    var type: WebhookType
    var createdAt: String
    var data: QuotaJSON

    private enum CodingKeys: String, CodingKey {
        case id, type, data
        case createdAt = "created_at"
    }
}

/// ISO 8601 with or without fractions of a second.
func parseTimestamp(_ text: String) -> Date? {
    (try? Date(text, strategy: .iso8601))
        ?? (try? Date(text, strategy: Date.ISO8601FormatStyle(includingFractionalSeconds: true)))
}

extension WebhookPayload {
    init(_ type: WebhookType, _ envelope: Data) throws {
        struct Body<Value: Decodable>: Decodable { var data: Value }
        func decode<Value: Decodable>(_: Value.Type) throws -> Value {
            try JSONDecoder().decode(Body<Value>.self, from: envelope).data
        }
        switch type {
        case .userConnected: self = .userConnected(try decode(UserConnected.self))
        case .userDisconnected: self = .userDisconnected(try decode(UserDisconnected.self))
        case .balanceUpdated: self = .balanceUpdated(try decode(BalanceUpdated.self))
        case .balanceLow: self = .balanceLow(try decode(BalanceLow.self))
        case .usageCompleted: self = .usageCompleted(try decode(UsageCompleted.self))
        default: self = .other
        }
    }
}
