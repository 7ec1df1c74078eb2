import AsyncHTTPClient
import Hummingbird
import NIOCore

/// Passes a provider's stream on, counts what it takes, and puts the bill into the last chunk.
struct UpstreamStream {
    private let order: ChatOrder
    private let charge: ChatCharge
    private var lines = DataLines()
    /// The last chunk is not known as such until the next one or the end comes.
    private var held: JSONTree?
    private var usage: Reservation.Tokens?
    private var completionTokens = 0
    private var isDone = false

    init(_ order: ChatOrder, _ charge: ChatCharge) {
        self.order = order
        self.charge = charge
        charge.note(counted)
    }

    private var counted: Reservation.Tokens {
        usage ?? .init(prompt: order.localPromptTokens, completion: completionTokens)
    }

    mutating func pass(_ response: HTTPClientResponse, to writer: inout any ResponseBodyWriter) async throws {
        do {
            for try await buffer in response.body {
                for line in try lines.push(buffer.readableBytesView) { try await take(line, &writer) }
                if isDone { break }
            }
        } catch let error as APIError {
            try await fail(error, &writer)
            return
        } catch is HTTPClientError {
            try await fail(Upstream.broken, &writer)
            return
        }
        guard isDone else {
            try await fail(Upstream.broken, &writer)
            return
        }
        let quota = try await charge.settle(counted)
        guard case .object(var last) = held ?? ChatAnswer(model: order.model).chunk(nil) else { return }
        last["quota"] = quota
        try await writer.write(ChatAnswer.event(JSONTree.object(last).text))
        try await writer.write(ChatAnswer.event("[DONE]"))
    }

    private mutating func take(_ line: String, _ writer: inout any ResponseBodyWriter) async throws {
        guard !isDone else { return }
        if line == "[DONE]" {
            isDone = true
            return
        }
        guard let chunk = JSONTree(text: line), case .object(var fields) = chunk, chunk["error"] == nil else {
            throw Upstream.broken
        }
        if let usage = Upstream.tokens(chunk["usage"]) { self.usage = usage }
        for choice in chunk["choices"]?.array ?? [] {
            if let text = choice["delta"]?["content"]?.string { completionTokens += ChatPrice.tokens(in: text) }
        }
        charge.note(counted)
        if !order.includesUsage {
            // Asked for by us alone: the chunk that only has it is not passed on.
            if chunk["choices"]?.array?.isEmpty ?? true { return }
            fields["usage"] = nil
        }
        if let held { try await writer.write(ChatAnswer.event(held.text)) }
        held = .object(fields)
    }

    /// The status has gone out long ago: the error is an event, and no `[DONE]` follows it.
    private func fail(_ error: APIError, _ writer: inout any ResponseBodyWriter) async throws {
        let quota = try await charge.settle(counted)
        let body: JSONTree = [
            "error": ["code": .string(error.code), "message": .string(error.message)], "quota": quota,
        ]
        try await writer.write(ChatAnswer.event(body.text))
    }
}
