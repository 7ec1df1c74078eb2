import Hummingbird
import NIOCore

/// The shapes of an answer, as OpenAI has them.
struct ChatAnswer: Sendable {
    let id = Identifier.completion.make()
    let created = Int(WallTime.now.seconds)
    let model: String

    static func usage(_ tokens: Reservation.Tokens) -> JSONTree {
        [
            "prompt_tokens": .integer(tokens.prompt), "completion_tokens": .integer(tokens.completion),
            "total_tokens": .integer(tokens.prompt + tokens.completion),
        ]
    }

    func whole(_ text: String, finish: String, tokens: Reservation.Tokens, quota: JSONTree) -> JSONTree {
        [
            "id": .string(id), "object": "chat.completion", "created": .integer(created), "model": .string(model),
            "choices": [
                [
                    "index": 0, "message": ["role": "assistant", "content": .string(text)],
                    "finish_reason": .string(finish), "logprobs": .null,
                ]
            ],
            "usage": Self.usage(tokens), "quota": quota,
        ]
    }

    func chunk(
        _ delta: JSONTree?, finish: String? = nil, usage: JSONTree? = nil, quota: JSONTree? = nil
    ) -> JSONTree {
        var chunk: [String: JSONTree] = [
            "id": .string(id), "object": "chat.completion.chunk", "created": .integer(created),
            "model": .string(model), "choices": [],
        ]
        if let delta {
            chunk["choices"] = [["index": 0, "delta": delta, "finish_reason": JSONTree(finish), "logprobs": .null]]
        }
        chunk["usage"] = usage
        chunk["quota"] = quota
        return .object(chunk)
    }

    /// One event of the stream (WHATWG HTML §9.2); JSON text has no line ends.
    static func event(_ data: String) -> ByteBuffer { ByteBuffer(string: "data: \(data)\n\n") }

    static func stream(
        _ write: @escaping @Sendable (inout any ResponseBodyWriter) async throws -> Void
    ) -> Response {
        Response(
            status: .ok, headers: [.contentType: "text/event-stream", .cacheControl: "no-store"],
            body: ResponseBody { writer in
                try await write(&writer)
                try await writer.finish(nil)
            })
    }
}
