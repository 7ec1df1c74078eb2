/// What a call cost: the `quota` block.
public struct QuotaBill: Sendable, Hashable, Codable {
    /// Credits.
    public var creditsUsed: Int?
    public var balanceBefore: Int?
    public var balanceAfter: Int?
    public var billingMode: BillingMode?

    private enum CodingKeys: String, CodingKey {
        case creditsUsed = "credits_used"
        case balanceBefore = "balance_before"
        case balanceAfter = "balance_after"
        case billingMode = "billing_mode"
    }
}

/// How many tokens a call took.
public struct TokenUsage: Sendable, Hashable, Codable {
    public var promptTokens: Int?
    public var completionTokens: Int?
    public var totalTokens: Int?

    private enum CodingKeys: String, CodingKey {
        case promptTokens = "prompt_tokens"
        case completionTokens = "completion_tokens"
        case totalTokens = "total_tokens"
    }
}

/// Why a model stopped.
public struct FinishReason: QuotaName {
    public let rawValue: String
    public init(rawValue: String) { self.rawValue = rawValue }
    public static let stop: FinishReason = "stop"
    public static let length: FinishReason = "length"
    public static let toolCalls: FinishReason = "tool_calls"
    public static let contentFilter: FinishReason = "content_filter"
}

/// A whole answer of a model.
public struct ChatCompletion: Sendable, Hashable, Codable {
    public struct Choice: Sendable, Hashable, Codable {
        public var index: Int?
        public var message: ChatMessage
        public var finishReason: FinishReason?

        private enum CodingKeys: String, CodingKey {
            case index, message
            case finishReason = "finish_reason"
        }
    }

    public var id: String?
    public var model: String?
    public var choices: [Choice]
    public var usage: TokenUsage?
    public var quota: QuotaBill?

    /// The first choice's text.
    public var text: String? { choices.first?.message.text }
}

/// A piece of a streamed answer.
public struct ChatChunk: Sendable, Hashable, Codable {
    public struct Delta: Sendable, Hashable, Codable {
        public var role: ChatRole?
        public var content: String?
        public var toolCalls: [QuotaJSON]?

        private enum CodingKeys: String, CodingKey {
            case role, content
            case toolCalls = "tool_calls"
        }
    }

    public struct Choice: Sendable, Hashable, Codable {
        public var index: Int?
        public var delta: Delta?
        public var finishReason: FinishReason?

        private enum CodingKeys: String, CodingKey {
            case index, delta
            case finishReason = "finish_reason"
        }
    }

    public var id: String?
    public var model: String?
    public var choices: [Choice]
    public var usage: TokenUsage?
    /// With the last chunk.
    public var quota: QuotaBill?

    /// What the first choice's text goes on with.
    public var text: String { choices.first?.delta?.content ?? "" }

    private enum CodingKeys: String, CodingKey {
        case id, model, choices, usage, quota
    }

    public init(from decoder: any Decoder) throws {
        let fields = try decoder.container(keyedBy: CodingKeys.self)
        id = try fields.decodeIfPresent(String.self, forKey: .id)
        model = try fields.decodeIfPresent(String.self, forKey: .model)
        // A chunk that only bears the bill has none.
        choices = try fields.decodeIfPresent([Choice].self, forKey: .choices) ?? []
        usage = try fields.decodeIfPresent(TokenUsage.self, forKey: .usage)
        quota = try fields.decodeIfPresent(QuotaBill.self, forKey: .quota)
    }
}

/// A model that can be called.
public struct QuotaModel: Sendable, Hashable, Codable {
    public var id: String
    public var ownedBy: String?
    /// As the server lists it: `{"prompt": …, "completion": …}`, `{"per_second": …}` and others.
    public var pricing: QuotaJSON?

    private enum CodingKeys: String, CodingKey {
        case id, pricing
        case ownedBy = "owned_by"
    }
}
