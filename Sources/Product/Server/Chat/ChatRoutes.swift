import Foundation
import Hummingbird
import NIOCore

/// How completions are made.
package struct ChatBackend: Sendable {
    package var upstream: Upstream?

    package init(upstream: Upstream? = nil) {
        self.upstream = upstream
    }

    /// What `/v1/models` lists.
    var modelID: String { upstream == nil ? LocalResponder.modelID : "upstream" }
}

/// `/v1/chat/completions`, metered: reserve, run, reconcile.
struct ChatRoutes {
    let services: ServerServices
    private static let bytesMax = 8 << 20

    func add(to router: Router<QuotaContext>) {
        router.group("v1/chat/completions")
            .add(middleware: Authentication(store: services.store, accepts: [.apiKey, .accessToken]))
            .post { request, context in try await complete(request, context) }
    }

    private func complete(_ request: Request, _ context: QuotaContext) async throws -> Response {
        let principal = try context.requirePrincipal()
        try principal.require(.creditsSpend)
        let order = try ChatOrder(try await JSONRequest.tree(from: request, bytesMax: Self.bytesMax))
        let charge = try await ChatCharge.open(
            order, isLocal: services.chat.upstream == nil, principal, in: services.store)
        guard let upstream = services.chat.upstream else { return try await local(order, charge) }
        return try await remote(order, charge, upstream)
    }

    private func local(_ order: ChatOrder, _ charge: ChatCharge) async throws -> Response {
        let answer = ChatAnswer(model: order.model)
        let (words, isCut) = LocalResponder.words(for: order)
        let finish = isCut ? "length" : "stop"
        let prompt = order.localPromptTokens
        guard order.streams else {
            let tokens = Reservation.Tokens(
                prompt: prompt, completion: words.reduce(0) { $0 + ChatPrice.tokens(in: $1) })
            let quota = try await charge.settle(tokens)
            return JSONAnswer.response(
                answer.whole(words.joined(), finish: finish, tokens: tokens, quota: quota))
        }
        return ChatAnswer.stream { writer in
            var tokens = Reservation.Tokens(prompt: prompt, completion: 0)
            let opening: JSONTree = ["role": "assistant", "content": ""]
            try await writer.write(ChatAnswer.event(answer.chunk(opening).text))
            for word in words {
                tokens.completion += ChatPrice.tokens(in: word)
                charge.note(tokens)
                try await writer.write(ChatAnswer.event(answer.chunk(["content": .string(word)]).text))
            }
            let quota = try await charge.settle(tokens)
            let usage = order.includesUsage ? ChatAnswer.usage(tokens) : nil
            let ending = answer.chunk([:], finish: finish, quota: usage == nil ? quota : nil)
            try await writer.write(ChatAnswer.event(ending.text))
            if let usage {
                try await writer.write(ChatAnswer.event(answer.chunk(nil, usage: usage, quota: quota).text))
            }
            try await writer.write(ChatAnswer.event("[DONE]"))
        }
    }

    private func remote(_ order: ChatOrder, _ charge: ChatCharge, _ upstream: Upstream) async throws -> Response {
        let response = try await upstream.send(order)
        guard !order.streams else {
            return ChatAnswer.stream { writer in
                var stream = UpstreamStream(order, charge)
                try await stream.pass(response, to: &writer)
            }
        }
        guard let buffer = try? await response.body.collect(upTo: Upstream.answerBytesMax),
            let tree = try? JSONDecoder().decode(JSONTree.self, from: Data(buffer.readableBytesView)),
            case .object(var answer) = tree, let choices = tree["choices"]?.array
        else { throw Upstream.broken }
        let text = choices.compactMap { $0["message"]?["content"]?.string }.joined()
        let tokens =
            Upstream.tokens(tree["usage"])
            ?? .init(prompt: order.localPromptTokens, completion: ChatPrice.tokens(in: text))
        answer["quota"] = try await charge.settle(tokens)
        return JSONAnswer.response(JSONTree.object(answer))
    }
}
