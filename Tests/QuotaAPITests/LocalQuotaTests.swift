import Foundation
import ProcessSupport
import QuotaAPI
import Testing

/// The client against a real server process, row by row of the API.
@Suite(.boundedCrowd) struct LocalQuotaTests {
    private static let key = "sk-quota-local-test"
    private static let relay = Task {
        try await ServedRelay(keys: [key: 10_000_000, "sk-quota-local-poor": 100])
    }

    private func client(_ key: String = Self.key) async throws -> QuotaClient {
        var options = QuotaOptions()
        options.baseURL = "http://127.0.0.1:\(try await Self.relay.value.port)"
        options.timeout = .seconds(60)
        return try QuotaClient(.apiKey(key), options: options)
    }

    /// A client of an account of its own.
    private func freshClient() async throws -> QuotaClient {
        let quota = ServedQuota(try await Self.relay.value)
        return try await client(try await quota.key(try await quota.register()))
    }

    private let order = ChatRequest(model: "any", messages: [ChatMessage(.user, "hello there")])

    @Test func meAndBalance() async throws {
        let client = try await freshClient()
        let me = try await client.getMe()
        #expect(me.id.hasPrefix("user_"))
        #expect(me.email?.hasSuffix("@test.example") == true)
        #expect(me.balance == 1_000_000)
        let balance = try await client.getBalance()
        #expect(balance.wallet == .developer)
        #expect(balance.balance == 1_000_000)
        #expect(balance.billingMode == .developer)
        #expect(balance.userID == me.id)
    }

    @Test func packagesModelsAndCheckout() async throws {
        let client = try await client()
        let packages = try await client.getPackages()
        let package = try #require(packages.first)
        #expect(package.credits == 5_000_000)
        #expect(package.priceDisplay == "$5.00")
        let models = try await client.models()
        let voice = try #require(models.first { $0.id == "elevenlabs/voice-conversion-v1" })
        #expect(voice.pricing?["per_second"] == .number(0.0025))
        let checkout = try await client.createCheckout(
            packageID: package.id, successURL: "https://a.example/yes", cancelURL: "https://a.example/no")
        #expect(checkout.url.hasPrefix("http://127.0.0.1:"))
        #expect(checkout.sessionID?.hasPrefix("cs_") == true)
    }

    @Test func chatAndItsBill() async throws {
        let client = try await freshClient()
        let answer = try await client.chat(order)
        #expect(answer.text?.contains("hello there") == true)
        #expect(answer.choices.first?.finishReason == .stop)
        let bill = try #require(answer.quota)
        #expect(bill.balanceBefore == 1_000_000)
        #expect(bill.balanceAfter == 1_000_000 - (bill.creditsUsed ?? 0))
        #expect(try await client.getBalance().balance == bill.balanceAfter)
        var text = ""
        var last: ChatChunk?
        for try await chunk in try await client.chatStream(order) {
            text += chunk.text
            last = chunk
        }
        #expect(text == answer.text)
        #expect(last?.quota?.balanceBefore == bill.balanceAfter)
        #expect(last?.quota?.creditsUsed == bill.creditsUsed)
    }

    @Test func anEmptyWallet() async throws {
        let client = try await client("sk-quota-local-poor")
        for streams in [false, true] {
            await #expect {
                if streams { _ = try await client.chatStream(order) } else { _ = try await client.chat(order) }
            } throws: { error in
                guard case QuotaError.insufficientCredits(let balance, let required, _) = error else { return false }
                return balance == 100 && (required ?? 0) > 100
            }
        }
    }

    @Test func hostedUsers() async throws {
        let quota = ServedQuota(try await Self.relay.value)
        let key = try await quota.key(try await quota.register())
        let client = try await client(key)
        #expect(try await client.users("their/user ü") == nil)
        let made = try await quota.ask(
            "POST", "/v1/users", key, json: #"{"external_user_id":"their/user ü","email":"\#(UUID())@x.example"}"#)
        #expect(made.status == 201)
        let linked = try #require(try await client.users("their/user ü"))
        #expect(linked.user.balance == 1_000_000)
        #expect(linked.linkedAt != nil)
        try await client.unlink("their/user ü")
        #expect(try await client.users("their/user ü") == nil)
    }

    @Test func aVoiceSessionIsBilled() async throws {
        let client = try await freshClient()
        var options = VoiceSessionOptions(voice: "rachel")
        options.maxDurationSeconds = 60
        let session = try await client.connectVoiceConversion(options)
        #expect(session.reservedCredits == 150_000)
        #expect(try await client.getBalance().balance == 850_000)
        async let heard = session.audio.reduce(0) { $0 + $1.count }
        try await session.send([UInt8](repeating: 0, count: 32_000))
        session.finish()
        #expect(await heard >= 32_000)
        guard case .finished(let bill) = await session.end else {
            Issue.record("\(await session.end)")
            return
        }
        #expect(bill?.creditsUsed == 2_500)
        #expect(try await client.getBalance().balance == 997_500)
    }

    @Test func aVoiceSessionThatCanNotBePaid() async throws {
        let client = try await client("sk-quota-local-poor")
        let error = await #expect(throws: VoiceConnectError.self) {
            _ = try await client.connectVoiceConversion(VoiceSessionOptions(voice: "rachel"))
        }
        #expect(error?.shortfall?.balance == 100)
        #expect(error?.shortfall?.required == 600 * 2_500)
        #expect(try await client.getBalance().balance == 100)
    }

    @Test func aKeyThatDoesNotExist() async throws {
        let client = try await client("sk-quota-other")
        await #expect {
            _ = try await client.getMe()
        } throws: { error in
            guard case QuotaError.server(let answer) = error else { return false }
            return answer.status == 401 && answer.code == "invalid_api_key"
        }
    }
}
