import Foundation
import ProcessSupport
import Testing

/// Chats as others speak them: OpenAI's SDK, and an upstream that is another local server.
@Suite(.boundedCrowd) struct ChatClientTests {
    @Test func openAIsSDKWorksUnmodified() async throws {
        let setUp = try await Command.run(
            "/bin/sh", ["\(Checkout.root)/Tests/Clients/set-up.sh"], within: 280)
        try #require(setUp.status == 0, "\(setUp.errors)")
        let python = setUp.output.trimmingCharacters(in: .whitespacesAndNewlines)
        let relay = try await ServedRelay(keys: ["sk-rich": 1_000_000, "sk-poor": 5])
        let result = try await Command.run(
            python,
            [
                "\(Checkout.root)/Tests/Clients/openai_chat.py", "http://127.0.0.1:\(relay.port)", "sk-rich",
                "sk-poor",
            ], within: 120)
        try #require(result.status == 0, "\(result.errors)")
        let json = try JSONSerialization.jsonObject(with: Data(result.output.utf8))
        let seen = try #require(json as? [String: Any])
        #expect((seen["text"] as? String)?.contains("hello there") == true)
        #expect(seen["text"] as? String == seen["streamed"] as? String)
        #expect(seen["finish"] as? String == "stop")
        #expect(seen["short_finish"] as? String == "length")
        #expect(seen["credits"] as? Int == seen["streamed_credits"] as? Int)
        #expect(seen["total"] as? Int == seen["usage_total"] as? Int)
        #expect(seen["usage_choices"] as? Int == 0)
        #expect((seen["models"] as? [String])?.contains("elevenlabs/voice-conversion-v1") == true)
        #expect((seen["poor"] as? [Any])?.first as? Int == 402)
        #expect((seen["poor"] as? [Any])?.last as? String == "insufficient_credits")
        #expect(seen["nobody"] as? String == "invalid_api_key")
        #expect(seen["empty"] as? String == "bad_request")
    }

    private static let hello = #"{"model":"any","messages":[{"role":"user","content":"hello there"}]}"#
    private static let streamed =
        #"{"model":"any","stream":true,"messages":[{"role":"user","content":"hello there"}]}"#

    /// One server completes for another: each bills its own.
    @Test func anUpstreamDoesTheWork() async throws {
        let far = try await ServedRelay(keys: ["sk-far": 1_000_000])
        let folder = try Scratch()
        let settings = try folder.write(
            "settings.json", #"{"upstream":"http://127.0.0.1:\#(far.port)/v1/","upstreamKey":"sk-far"}"#)
        let near = ServedQuota(try await ServedRelay(keys: ["sk-near": 1_000_000], options: ["--config", settings]))
        let whole = try await near.ask("POST", "/v1/chat/completions", "sk-near", json: Self.hello)
        #expect(whole.text.contains("hello there"))
        let used = try #require(whole.number("quota.credits_used"))
        #expect(whole.number("quota.balance_after") == 1_000_000 - used)
        let stream = try await near.ask("POST", "/v1/chat/completions", "sk-near", json: Self.streamed)
        let events = stream.text.split(separator: "\n\n")
        #expect(events.last == "data: [DONE]")
        #expect(events.dropLast().last?.contains(#""credits_used":\#(used)"#) == true, "\(stream.text)")
        #expect(events.dropLast().last?.contains(#""finish_reason":"stop""#) == true)
        #expect(try await near.ask("GET", "/v1/balance", "sk-near").number("developer_balance") == 1_000_000 - 2 * used)
        let paid = try await ServedQuota(far).ask("GET", "/v1/balance", "sk-far").number("developer_balance")
        #expect(paid == 1_000_000 - 2 * used)
    }

    @Test func anUpstreamThatIsAwayCostsNothing() async throws {
        let near = ServedQuota(
            try await ServedRelay(keys: ["sk-near": 1_000_000], options: ["--upstream", "http://127.0.0.1:1/v1"]))
        for body in [Self.hello, Self.streamed] {
            let answer = try await near.ask("POST", "/v1/chat/completions", "sk-near", json: body)
            #expect(answer.status == 503)
            #expect(answer.string("error.code") == "provider_unavailable")
        }
        #expect(try await near.ask("GET", "/v1/balance", "sk-near").number("developer_balance") == 1_000_000)
        // One that refuses its key: our own failure, not the caller's.
        let far = try await ServedRelay(keys: ["sk-far": 1])
        let wrong = ServedQuota(
            try await ServedRelay(
                keys: ["sk-near": 1_000_000], options: ["--upstream", "http://127.0.0.1:\(far.port)/v1"]))
        let answer = try await wrong.ask("POST", "/v1/chat/completions", "sk-near", json: Self.hello)
        #expect(answer.status == 502)
        #expect(answer.string("error.code") == "upstream_error")
    }
}
