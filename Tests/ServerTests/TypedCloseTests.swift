import Foundation
import ProcessSupport
import Testing

/// What ends a session from outside while it runs: whoever gave something takes it back.
@Suite(.boundedCrowd) struct TypedCloseTests {
    private static let relay = Task { try await ServedRelay(keys: ["sk-empty": 0]) }
    private var quota: ServedQuota { get async throws { ServedQuota(try await Self.relay.value) } }

    /// Lets a session run, does `change` in the middle of it, and says how it ended.
    private func session(
        _ token: String, seconds: Int = 200, hostedUser: String? = nil, _ change: () async throws -> Void
    ) async throws -> PeerClient.Transcript {
        let steps =
            [.auth(token, ["max_duration_seconds": seconds]), .wait("ready"), .audio(8_000)]
            + PeerClient.Step.counted + [.mark("in"), .audio(1_600_000)]
        let client = try PeerClient.start(try await Self.relay.value.url, [steps], hostedUser: hostedUser)
        try await client.wait(for: "the session") { client.errorsSoFar.contains("in") }
        try await change()
        return try #require(try await PeerClient.transcripts(client).first)
    }

    private func expect(_ session: PeerClient.Transcript, _ code: Int, _ name: String, says: String) {
        #expect(session.closeCode == code)
        #expect(session.closeReason?.hasPrefix(name) == true)
        #expect(session.events.last?.code == name)
        #expect(session.events.last?.message?.contains(says) == true, "\(session.events)")
        #expect(session.samplesSent < 1_000_000)
    }

    @Test func aKeyThatIsRevokedEndsItsSessions() async throws {
        let quota = try await quota
        let account = try await quota.register()
        let key = try await quota.key(account)
        let other = try await quota.key(account)
        let listed = try await quota.ask("GET", "/developers/keys", account).value("keys") as? [[String: Any]]
        let id = try #require(listed?.first?["id"] as? String)
        let ended = try await session(key) {
            let answer = try await quota.ask("DELETE", "/developers/keys/\(id)", account)
            #expect(answer.status == 200)
        }
        expect(ended, 4401, "INVALID_AUTH", says: "revoked")
        // What was heard is billed, the rest is back.
        let left = try #require(try await quota.ask("GET", "/v1/balance", other).number("developer_balance"))
        #expect(left <= 1_000_000 - 1_250)
        #expect(left >= 1_000_000 - (ended.samplesSent * 2_500 + 15_999) / 16_000)
    }

    @Test func aPurchaseThatIsTakenBackEndsWhatItPaidFor() async throws {
        let quota = try await quota
        let account = try await quota.register()
        let key = try await quota.key(account)
        let checkout = try await buy(account)
        // 5,750,000 of 6,000,000.
        let ended = try await session(key, seconds: 2_300) {
            let taken = try await quota.ask("POST", "/api/payments/checkout/\(checkout)/refund", account)
            #expect(taken.status == 200, "\(taken.text)")
        }
        expect(ended, 4402, "BALANCE_EXHAUSTED", says: "taken back")
        let left = try #require(try await quota.ask("GET", "/v1/balance", key).number("developer_balance"))
        #expect(left <= 1_000_000)
        #expect(left >= 1_000_000 - (ended.samplesSent * 2_500 + 15_999) / 16_000)
        let again = try await quota.ask("POST", "/api/payments/checkout/\(checkout)/refund", account)
        #expect(again.string("error.code") == "not_paid")
        let page = try await quota.ask("GET", "/checkout/\(checkout)")
        #expect(page.text.contains("Taken back"))
    }

    @Test func whatWasSpentIsNotPaidBack() async throws {
        let quota = try await quota
        let checkout = try await buy("sk-empty")
        let stranger = try await quota.register()
        let path = "/api/payments/checkout/\(checkout)/refund"
        #expect(try await quota.ask("POST", path, stranger).status == 404)
        let relay = try await Self.relay.value
        let short = try await PeerClient.run(
            relay.url, [.auth("sk-empty"), .wait("ready"), .audio(1_600), .end, .wait("close")])
        #expect(short.first("done")?.creditsUsed == 250)
        let refused = try await quota.ask("POST", path, "sk-empty")
        #expect(refused.status == 402)
        #expect(refused.number("error.balance") == 4_999_750)
        #expect(refused.number("error.required") == 5_000_000)
        #expect(try await quota.ask("GET", "/v1/balance", "sk-empty").number("developer_balance") == 4_999_750)
    }

    @Test func theLinkedUserPaysForAVoice() async throws {
        let quota = try await quota
        let key = try await quota.key(try await quota.register())
        let relay = try await Self.relay.value
        let hosted = ["X-Quota-User: singer"]
        let steps: [PeerClient.Step] = [.auth(key), .wait("ready"), .audio(16_000, speed: 1.3), .end, .wait("close")]
        let nobody = try await PeerClient.transcripts(
            try PeerClient.start(relay.url, [steps], hostedUser: "singer"))[0]
        #expect(nobody.closeCode == 4401)
        #expect(nobody.events.last?.message?.contains("not linked") == true)
        #expect(try await quota.ask("POST", "/v1/users", key, json: #"{"external_user_id":"singer"}"#).status == 201)
        let sung = try await PeerClient.transcripts(try PeerClient.start(relay.url, [steps], hostedUser: "singer"))[0]
        #expect(sung.first("done")?.creditsUsed == 2_500)
        let theirs = try await quota.ask("GET", "/v1/balance", key, headers: hosted)
        #expect(theirs.number("balance") == 997_500)
        #expect(try await quota.ask("GET", "/v1/balance", key).number("developer_balance") == 1_000_000)
        // Another developer's user of that name is nobody, and a link that ends in mid-session ends that.
        let other = try await quota.key(try await quota.register())
        let stranger = try await PeerClient.transcripts(
            try PeerClient.start(relay.url, [[.auth(other), .wait("close")]], hostedUser: "singer"))[0]
        #expect(stranger.closeCode == 4401)
        let ended = try await session(key, hostedUser: "singer") {
            let answer = try await quota.ask("DELETE", "/v1/users/singer/link", key)
            #expect(answer.status == 200)
        }
        expect(ended, 4401, "INVALID_AUTH", says: "revoked")
    }

    /// Opens a checkout of 5,000,000 credits and presses its button, as a browser would.
    private func buy(_ token: String) async throws -> String {
        let quota = try await quota
        let opened = try await quota.ask(
            "POST", "/api/payments/checkout", token,
            json: #"{"package_id":"pack_5","success_url":"https://a.example/","cancel_url":"https://a.example/"}"#)
        let id = try #require(opened.string("session_id"))
        let page = try await quota.ask("GET", "/checkout/\(id)")
        let field = try #require(page.text.firstMatch(of: /name="form_token" value="([^"]+)"/)).output.1
        let cookie = try #require(page.headers["set-cookie"]?.prefix { $0 != ";" })
        let paid = try await quota.ask(
            "POST", "/checkout/\(id)/pay", headers: ["Cookie: \(cookie)"],
            options: ["--data-urlencode", "form_token=\(field)"])
        #expect(paid.status == 303, "\(paid.text)")
        return id
    }
}
