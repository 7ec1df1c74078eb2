import Foundation
import QuotaAPI
import Testing

/// Refusals become typed errors, and servers that misbehave do no harm.
@Suite struct AnswerTests {
    private func error(
        _ action: QuotaJSON, credentials: QuotaCredentials = QuotaCredentials(apiKey: "sk-quota-good")
    ) async throws -> (QuotaError?, tries: Int) {
        let world = try await Peer.shared.world(["GET /v1/me": action])
        let client = try world.client(credentials)
        let error = await quotaError { _ = try await client.getMe() }
        return (error, try await world.count("GET /v1/me"))
    }

    private func refusal(_ status: Int, _ code: String, _ headers: QuotaJSON = [:], _ more: QuotaJSON = [:])
        -> QuotaJSON
    {
        var fields: [String: QuotaJSON] = ["code": .string(code), "message": "because"]
        if case .object(let more) = more { fields.merge(more) { $1 } }
        return ["status": .integer(status), "headers": headers, "json": ["error": .object(fields)]]
    }

    @Test func insufficientCreditsCarryTheAmounts() async throws {
        let (inside, _) = try await error(
            refusal(402, "insufficient_credits", [:], ["balance": 10, "required": 2_500]))
        guard case .insufficientCredits(10?, 2_500?, let answer)? = inside else {
            Issue.record("\(String(describing: inside))")
            return
        }
        #expect(answer.message == "because")
        #expect(inside?.description.contains("$0.0025 needed") == true)
        let (plain, _) = try await error(["status": 402, "body": "pay"])
        guard case .insufficientCredits(nil, nil, _)? = plain else {
            Issue.record("\(String(describing: plain))")
            return
        }
    }

    @Test(arguments: [("7", 7), (nil, 60), ("soon", 60), ("0", 0), ("-3", 60)])
    func aRateLimitSaysHowLong(header: String?, seconds: Int) async throws {
        let world = try await Peer.shared.world([
            "POST /v1/chat/completions": refusal(
                429, "rate_limit_exceeded", header.map { ["Retry-After": .string($0)] } ?? [:])
        ])
        let client = try world.client()
        let error = await quotaError { _ = try await client.chat(ChatRequest(model: "m", messages: [])) }
        guard case .rateLimited(seconds, _)? = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(try await world.count("POST /v1/chat/completions") == 1)
    }

    @Test func scopesConnectionsAndTokensAreToldApart() async throws {
        let (scope, _) = try await error(refusal(403, "insufficient_scope"))
        guard case .insufficientScope? = scope else {
            Issue.record("\(String(describing: scope))")
            return
        }
        let (wallet, _) = try await error(refusal(401, "not_connected"))
        guard case .notConnected? = wallet else {
            Issue.record("\(String(describing: wallet))")
            return
        }
        let (key, _) = try await error([:], credentials: QuotaCredentials(apiKey: "sk-quota-wrong"))
        guard case .server(let answer)? = key else {
            Issue.record("\(String(describing: key))")
            return
        }
        #expect(answer.code == "invalid_api_key")
        #expect(answer.hint == "look at the dashboard")
        // The server quoted the key; this client doesn't pass that on.
        #expect(!"\(answer)".contains("sk-quota-wrong"))
        let (token, _) = try await error([:], credentials: QuotaCredentials(accessToken: "quota_token_old"))
        guard case .tokenExpired(let expiry)? = token else {
            Issue.record("\(String(describing: token))")
            return
        }
        #expect(expiry.reason == .noRefreshToken)
    }

    @Test func aBodyThatIsNotJSONKeepsItsStatus() async throws {
        for body in ["<html>bad gateway</html>", "", "{\"error\":", "[]", "{\"error\":7}", "\"x\""] {
            let (error, tries) = try await error(["status": 500, "body": .string(body)])
            guard case .server(let answer)? = error else {
                Issue.record("\(String(describing: error))")
                return
            }
            #expect(answer.status == 500)
            #expect(answer.code == "http_500")
            #expect(tries == 1)
        }
    }

    @Test func aLoudErrorIsQuietened() async throws {
        let noise =
            "\u{1B}[2J\u{7}\r\nkey sk-quota-good and whsec_abc.def quota_refresh_9, "
            + String(repeating: "x", count: 5_000)
        let (error, _) = try await error(refusal(400, "bad_request", [:], ["message": .string(noise)]))
        let text = try #require(error?.description)
        #expect(text.count < 800)
        #expect(!text.contains("good"))
        #expect(!text.contains("abc.def"))
        #expect(!text.contains("quota_refresh_9"))
        #expect(text.unicodeScalars.allSatisfy { $0.value >= 32 })
    }

    @Test func halfAnAnswerIsNone() async throws {
        let (half, _) = try await error(["body": "{\"id\":\"us"])
        guard case .unreadable(let answer)? = half else {
            Issue.record("\(String(describing: half))")
            return
        }
        #expect(answer.detail == "it is not JSON")
        let (cut, tries) = try await error(["body": "{\"id\":\"us", "length": 100, "cut": true])
        #expect(kind(cut) == .connectionLost)
        #expect(tries == 3)
    }

    @Test func aWrongTypeIsNamedByItsPlace() async throws {
        let (error, tries) = try await error(["json": ["id": "u", "balance": "lots"]])
        guard case .unreadable(let answer)? = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(answer.detail == "balance has another type")
        #expect(tries == 1)
        let (missing, _) = try await self.error(["json": ["balance": 5]])
        #expect(missing?.description.contains("id is missing") == true)
    }

    @Test func aHugeBodyIsNotTaken() async throws {
        let (huge, _) = try await error(["repeat": ["xxxxxxxxxxxxxxxx", 1_000_000]])
        #expect(kind(huge) == .tooLarge)
        let (error, _) = try await error(["status": 400, "repeat": ["xxxxxxxxxxxxxxxx", 100_000]])
        guard case .server(let answer)? = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(answer.status == 400)
    }

    @Test func aDripIsCutAtTheTimeout() async throws {
        let drip = QuotaJSON.array((0..<1_200).map { _ in [" ", 0.1] })
        let world = try await Peer.shared.world(["GET /v1/me": ["parts": drip]])
        var options = world.options
        options.timeout = .milliseconds(400)
        options.retry = .never
        let client = try QuotaClient(.apiKey("sk-quota-good"), options: options)
        #expect(kind(await quotaError { _ = try await client.getMe() }) == .timedOut)
    }

    @Test(arguments: [301, 302, 303, 307, 308])
    func aRedirectIsNotFollowed(status: Int) async throws {
        let other = try await Peer.shared.world()
        let (error, tries) = try await error([
            "status": .integer(status), "headers": ["Location": .string(other.baseURL + "/v1/me")],
        ])
        #expect(kind(error) == .redirectRefused)
        #expect(tries == 1)
        #expect(try await other.log().isEmpty)
    }

    @Test func whatIsNotHTTPIsSaidToBe() async throws {
        let (error, _) = try await error(["raw": "SSH-2.0-OpenSSH_9.2\r\n"])
        #expect(kind(error) == .malformed || kind(error) == .connectionLost)
    }

    @Test func noServerIsNoConnection() async throws {
        var options = QuotaOptions()
        options.baseURL = "http://127.0.0.1:1"
        options.retry = .never
        let client = try QuotaClient(.apiKey("sk-quota-good"), options: options)
        let error = await quotaError { _ = try await client.getMe() }
        #expect(kind(error) == .cannotConnect)
        #expect(error?.description.contains("127.0.0.1:1 GET /v1/me") == true)
    }

    @Test(arguments: [502, 503, 504])
    func whatPassesIsTriedAgain(status: Int) async throws {
        let failing: QuotaJSON = ["status": .integer(status)]
        let world = try await Peer.shared.world(["GET /v1/me": [failing, ["reset": true], [:]]])
        #expect(try await world.client().getMe().id == "user_1")
        #expect(try await world.count("GET /v1/me") == 3)
    }

    @Test func aShortRetryAfterIsWaitedFor() async throws {
        let limited = refusal(429, "rate_limit", ["Retry-After": "0"])
        let world = try await Peer.shared.world(["GET /v1/me": [limited, [:]]])
        #expect(try await world.client().getMe().id == "user_1")
        let (error, tries) = try await error(refusal(429, "rate_limit", ["Retry-After": "3600"]))
        guard case .rateLimited(3_600, _)? = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(tries == 1)
    }

    @Test func aPaidRequestIsNeverRepeated() async throws {
        let failures: [QuotaJSON] = [
            ["status": 503], ["status": 502], ["reset": true], refusal(429, "rate_limit", ["Retry-After": "0"]),
        ]
        for action in failures {
            let world = try await Peer.shared.world(["POST /v1/chat/completions": [action, [:]]])
            let client = try world.client()
            let request = ChatRequest(model: "m", messages: [ChatMessage(.user, "a")])
            #expect(await quotaError { _ = try await client.chat(request) } != nil)
            #expect(try await world.count("POST /v1/chat/completions") == 1)
        }
    }

    @Test func anUnlinkWhoseAnswerWasLostIsDone() async throws {
        let gone = refusal(404, "not_found")
        let world = try await Peer.shared.world(["DELETE /v1/users/alice/link": [["reset": true], gone]])
        try await world.client().unlink("alice")
        let never = try await Peer.shared.world(["DELETE /v1/users/alice/link": gone])
        let client = try never.client()
        #expect(await quotaError { try await client.unlink("alice") } != nil)
    }

    @Test func cancellingIsNoError() async throws {
        let world = try await Peer.shared.world(["GET /v1/me": ["held": true]])
        let client = try world.client()
        let task = Task { try await client.getMe() }
        while try await world.log().isEmpty { try await Task.sleep(for: .milliseconds(5)) }
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
    }

    private func kind(_ error: QuotaError?) -> QuotaTransportError.Kind? {
        if case .transport(let error)? = error { error.kind } else { nil }
    }
}
