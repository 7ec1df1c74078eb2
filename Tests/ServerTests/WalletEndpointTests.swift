import Foundation
import ProcessSupport
import Testing

/// Balances, hosted users, checkouts and metered chats over HTTP.
@Suite(.boundedCrowd) struct WalletEndpointTests {
    private static let relay = Task { try await ServedRelay(keys: ["sk-poor": 2_000]) }
    private var quota: ServedQuota { get async throws { ServedQuota(try await Self.relay.value) } }
    private static let hello = #"{"model":"any","messages":[{"role":"user","content":"hello there"}]}"#

    @Test func hostedUsersPayForThemselves() async throws {
        let quota = try await quota
        let session = try await quota.register()
        let key = try await quota.key(session)
        let hosted = ["X-Quota-User: user/a+1"]
        #expect(try await quota.ask("GET", "/v1/balance", key, headers: hosted).string("error.code") == "not_found")
        let made = try await quota.ask("POST", "/v1/users", key, json: #"{"external_user_id":"user/a+1"}"#)
        #expect(made.status == 201)
        let again = try await quota.ask("POST", "/v1/users", key, json: #"{"external_user_id":"user/a+1"}"#)
        #expect(again.status == 409)
        let found = try await quota.ask("GET", "/v1/users/user%2Fa+1", key)
        #expect(found.string("user.id") == made.string("user.id"))
        #expect(found.string("linked_at") != nil)
        let chat = try await quota.ask("POST", "/v1/chat/completions", key, json: Self.hello, headers: hosted)
        #expect(chat.string("quota.billing_mode") == "user")
        let used = try #require(chat.number("quota.credits_used"))
        #expect(used > 0)
        let theirs = try await quota.ask("GET", "/v1/balance", key, headers: hosted)
        #expect(theirs.string("wallet") == "oauth_user")
        #expect(theirs.number("balance") == 1_000_000 - used)
        let own = try await quota.ask("GET", "/v1/balance", key)
        #expect(own.string("wallet") == "developer")
        #expect(own.number("developer_balance") == 1_000_000)
        // Another developer's user of that name is nobody.
        let other = try await quota.key(try await quota.register())
        #expect(try await quota.ask("GET", "/v1/balance", other, headers: hosted).status == 404)
        let ended = try await quota.ask("DELETE", "/v1/users/user%2Fa+1/link", key)
        #expect(ended.value("success") as? Bool == true)
        #expect(try await quota.ask("GET", "/v1/balance", key, headers: hosted).status == 404)
    }

    @Test func aChatCostsWhatItSays() async throws {
        let quota = try await quota
        let key = try await quota.key(try await quota.register())
        let answer = try await quota.ask("POST", "/v1/chat/completions", key, json: Self.hello)
        #expect(answer.status == 200)
        let choices = answer.value("choices") as? [[String: Any]]
        let message = choices?.first?["message"] as? [String: Any]
        #expect((message?["content"] as? String)?.contains("local") == true)
        let prompt = try #require(answer.number("usage.prompt_tokens"))
        let completion = try #require(answer.number("usage.completion_tokens"))
        let used = try #require(answer.number("quota.credits_used"))
        #expect(used == prompt + 4 * completion)
        #expect(answer.number("quota.balance_before") == 1_000_000)
        #expect(answer.number("quota.balance_after") == 1_000_000 - used)
        let stream = try await quota.ask(
            "POST", "/v1/chat/completions", key,
            json: #"{"model":"any","stream":true,"messages":[{"role":"user","content":"hello there"}]}"#)
        #expect(stream.headers["content-type"]?.hasPrefix("text/event-stream") == true)
        let events = stream.text.split(separator: "\n\n").map { $0.dropFirst("data: ".count) }
        #expect(events.last == "[DONE]")
        #expect(events.dropLast().last?.contains(#""credits_used":\#(used)"#) == true)
        #expect(events.dropLast(2).allSatisfy { !$0.contains("credits_used") })
        #expect(try await quota.ask("GET", "/v1/balance", key).number("developer_balance") == 1_000_000 - 2 * used)
    }

    @Test func anEmptyWalletIsToldBeforeAnythingRuns() async throws {
        let answer = try await quota.ask("POST", "/v1/chat/completions", "sk-poor", json: Self.hello)
        #expect(answer.status == 402)
        #expect(answer.string("error.code") == "insufficient_credits")
        #expect(answer.number("error.balance") == 2_000)
        #expect((answer.number("error.required") ?? 0) > 4_000)
        #expect(try await quota.ask("GET", "/v1/balance", "sk-poor").number("developer_balance") == 2_000)
    }

    @Test(arguments: [
        #"{"model":"m"}"#, #"{"messages":[]}"#, #"{"model":"m","messages":[]}"#, #"{"model":"m","messages":"x"}"#,
        #"{"model":"m","messages":[5]}"#, #"{"model":1,"messages":[{"role":"user","content":"x"}]}"#,
        #"{"model":"m","messages":[{"role":"user","content":"x"}],"stream":"yes"}"#,
        #"{"model":"m","messages":[{"role":"user","content":"x"}],"max_tokens":-1}"#,
        #"{"model":"m","messages":[{"role":"user","content":"x"}],"max_tokens":1e99}"#,
        #"{"model":"m","messages":[{"role":"user","content":"x"}],"n":3}"#,
    ]) func chatsThatMakeNoSense(_ body: String) async throws {
        let answer = try await quota.ask("POST", "/v1/chat/completions", "sk-poor", json: body)
        #expect(answer.status == 400)
        #expect(answer.string("error.code") == "bad_request")
    }

    @Test func aCheckoutIsOpenedForAPackage() async throws {
        let quota = try await quota
        let key = try await quota.key(try await quota.register())
        let packages = try await quota.ask("GET", "/v1/packages").value("packages") as? [[String: Any]]
        let package = try #require(packages?.first)
        #expect(package["price_display"] as? String == "$5.00")
        let id = try #require(package["id"] as? String)
        func open(_ id: String, _ success: String) async throws -> ServedQuota.Answer {
            try await quota.ask(
                "POST", "/api/payments/checkout", key,
                json: #"{"package_id":"\#(id)","success_url":"\#(success)","cancel_url":"https://a.example/no"}"#)
        }
        let made = try await open(id, "https://a.example/yes")
        #expect(made.status == 200)
        #expect(made.string("url") == "\(quota.base)/checkout/\(made.string("session_id") ?? "")")
        #expect(try await open("pack_none", "https://a.example/").status == 404)
        #expect(try await open(id, "javascript:alert(1)").status == 400)
        #expect(try await open(id, "/yes").status == 400)
    }

    @Test func hostedUsersPayForTheirVoices() async throws {
        let relay = try await Self.relay.value
        let quota = ServedQuota(relay)
        let key = try await quota.key(try await quota.register())
        _ = try await quota.ask("POST", "/v1/users", key, json: #"{"external_user_id":"v"}"#)
        let script = """
            import asyncio, json, sys
            from websockets.legacy.client import connect
            async def main(url, key, user):
                async with connect(url, extra_headers={"X-Quota-User": user}) as socket:
                    await socket.send(json.dumps({"type": "auth", "token": key, "voice": "rachel",
                        "format": "pcm_16le_16k_mono", "max_duration_seconds": 60}))
                    print(await socket.recv())
                    await socket.send(bytes(3200))
                    await socket.send(json.dumps({"type": "end"}))
                    async for message in socket:
                        if isinstance(message, str): print(message)
            asyncio.run(main(*sys.argv[1:]))
            """
        let url = relay.url + "/v1/audio/voice-conversion"
        let spoken = try await Command.run(Checkout.python, ["-c", script, url, key, "v"])
        #expect(spoken.output.contains(#""credits_used":250"#), "\(spoken.output)\(spoken.errors)")
        let theirs = try await quota.ask("GET", "/v1/balance", key, headers: ["X-Quota-User: v"])
        #expect(theirs.number("balance") == 999_750)
        #expect(try await quota.ask("GET", "/v1/balance", key).number("developer_balance") == 1_000_000)
        let nobody = try await Command.run(Checkout.python, ["-c", script, url, key, "w"])
        #expect(nobody.output.contains("INVALID_AUTH"), "\(nobody.output)")
    }
}
