/// Who says a message.
public struct ChatRole: QuotaName {
    public let rawValue: String
    public init(rawValue: String) { self.rawValue = rawValue }
    public static let system: ChatRole = "system"
    public static let user: ChatRole = "user"
    public static let assistant: ChatRole = "assistant"
    public static let tool: ChatRole = "tool"
}

/// One message of a conversation.
public struct ChatMessage: Sendable, Hashable, Codable {
    public var role: ChatRole
    /// A text, or an array of parts (`[{"type": "image_url", …}]`); `nil` beside tool calls.
    public var content: QuotaJSON?
    public var name: String?
    public var toolCalls: [QuotaJSON]?
    public var toolCallID: String?

    public init(_ role: ChatRole, _ text: String) {
        self.role = role
        content = .string(text)
    }

    public init(role: ChatRole, content: QuotaJSON?) {
        self.role = role
        self.content = content
    }

    /// The content, where it is plain text.
    public var text: String? { content?.string }

    private enum CodingKeys: String, CodingKey {
        case role, content, name
        case toolCalls = "tool_calls"
        case toolCallID = "tool_call_id"
    }
}

/// What is asked of a model, in OpenAI's shape.
public struct ChatRequest: Sendable, Hashable {
    public var model: String
    public var messages: [ChatMessage]
    public var temperature: Double?
    public var topP: Double?
    public var maxTokens: Int?
    public var stop: [String]?
    public var tools: [QuotaJSON]?
    /// Any other field, by its name in JSON. The named fields above win.
    public var extra: [String: QuotaJSON] = [:]

    public init(model: String, messages: [ChatMessage]) {
        self.model = model
        self.messages = messages
    }

    func json(streams: Bool) -> QuotaChatBody { QuotaChatBody(request: self, streams: streams) }
}

/// A ``ChatRequest`` on the wire.
struct QuotaChatBody: Encodable {
    let request: ChatRequest
    let streams: Bool

    private struct Key: CodingKey {
        var stringValue: String
        var intValue: Int? { nil }
        init(_ name: String) { stringValue = name }
        init?(stringValue: String) { self.stringValue = stringValue }
        init?(intValue: Int) { nil }
    }

    func encode(to encoder: any Encoder) throws {
        var fields = encoder.container(keyedBy: Key.self)
        for (name, value) in request.extra { try fields.encode(value, forKey: Key(name)) }
        try fields.encode(request.model, forKey: Key("model"))
        try fields.encode(request.messages, forKey: Key("messages"))
        try fields.encodeIfPresent(request.temperature, forKey: Key("temperature"))
        try fields.encodeIfPresent(request.topP, forKey: Key("top_p"))
        try fields.encodeIfPresent(request.maxTokens, forKey: Key("max_tokens"))
        try fields.encodeIfPresent(request.stop, forKey: Key("stop"))
        try fields.encodeIfPresent(request.tools, forKey: Key("tools"))
        try fields.encode(streams, forKey: Key("stream"))
    }
}
