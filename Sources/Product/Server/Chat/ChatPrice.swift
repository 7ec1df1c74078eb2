/// What a completion costs, in credits.
package enum ChatPrice {
    package static let creditsPerPromptToken = 1
    package static let creditsPerCompletionToken = 4
    static let completionTokensDefault = 1_024
    static let completionTokensMax = 32_768

    /// Four bytes to a token, as a rule of thumb has it: for the local responder, and for upstreams that don't say.
    static func tokens(in text: String) -> Int { (text.utf8.count + 3) / 4 }

    static func credits(_ tokens: Reservation.Tokens) -> Int {
        tokens.prompt * creditsPerPromptToken + tokens.completion * creditsPerCompletionToken
    }
}

/// What is asked of a model, as far as the server looks at it. The rest goes upstream as it came.
struct ChatOrder: Sendable {
    let body: [String: JSONTree]
    let model: String
    let messages: [JSONTree]
    let streams: Bool
    let includesUsage: Bool
    let completionTokensMax: Int

    init(_ tree: JSONTree) throws(APIError) {
        guard case .object(let body) = tree else { throw .badRequest("the body is not a JSON object") }
        guard let model = body["model"]?.string, (1...200).contains(model.utf8.count) else {
            throw .badRequest("model must be a string")
        }
        guard let messages = body["messages"]?.array, !messages.isEmpty else {
            throw .badRequest("messages must be an array that is not empty")
        }
        for message in messages {
            guard let role = message["role"]?.string, !role.isEmpty else {
                throw .badRequest("every message must have a role")
            }
        }
        switch body["stream"] {
        case nil, .null, .bool(false): streams = false
        case .bool(true): streams = true
        default: throw .badRequest("stream must be true or false")
        }
        if let count = body["n"], count != .null, count != 1 { throw .badRequest("n must be 1") }
        includesUsage = body["stream_options"]?["include_usage"]?.bool ?? false
        var limit = ChatPrice.completionTokensDefault
        for name in ["max_tokens", "max_completion_tokens"] {
            guard let value = body[name], value != .null else { continue }
            guard let tokens = value.integer, (1...ChatPrice.completionTokensMax).contains(tokens) else {
                throw .badRequest("\(name) must be from 1 to \(ChatPrice.completionTokensMax)")
            }
            limit = tokens
        }
        self.body = body
        self.model = model
        self.messages = messages
        completionTokensMax = limit
    }

    /// All text of the messages; of parts (`[{"type": "text", …}]`) the texts.
    var texts: [String] {
        messages.flatMap { message -> [String] in
            if let text = message["content"]?.string { return [text] }
            return message["content"]?.array?.compactMap { $0["text"]?.string } ?? []
        }
    }

    /// The last thing that a user said.
    var question: String {
        let last = messages.last { $0["role"]?.string == "user" } ?? messages[messages.count - 1]
        if let text = last["content"]?.string { return text }
        return last["content"]?.array?.compactMap { $0["text"]?.string }.joined(separator: " ") ?? ""
    }

    /// Never less than the prompt's tokens, for no tokenizer makes more than one of a byte's worth.
    func reservedCredits(isLocal: Bool) -> Int {
        let prompt =
            isLocal ? localPromptTokens : JSONTree.object(body).text.utf8.count
        return ChatPrice.credits(.init(prompt: prompt, completion: completionTokensMax))
    }

    var localPromptTokens: Int { texts.reduce(messages.count) { $0 + ChatPrice.tokens(in: $1) } }
}
