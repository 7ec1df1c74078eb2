import Foundation
import QuotaAPI
import Testing

/// Every row of the API's page, against a server process.
@Suite struct EndpointTests {
    @Test func meSaysWhoAndToleratesWhatIsNew() async throws {
        let world = try await Peer.shared.world()
        let me = try await world.client().getMe()
        #expect(me.id == "user_1")
        #expect(me.email == "a@b.example")
        #expect(me.balance == 5_000_000)
        #expect(me.userMetadata?["k"] == [1])
        let request = try #require(try await world.log().first)
        #expect(request.headers["authorization"] == "Bearer sk-quota-good")
        #expect(request.headers["user-agent"] == "quota-voice-swift/0.1")
        #expect(request.headers["x-quota-user"] == nil)
    }

    @Test func aMissingWalletIsNotAnEmptyOne() async throws {
        let world = try await Peer.shared.world([:], ["wallet": "none"])
        #expect(try await world.client().getMe().balance == nil)
    }

    @Test func aBalanceIsReadableOnEveryWallet() async throws {
        let world = try await Peer.shared.world()
        let developer = try await world.client().getBalance()
        #expect(developer.wallet == .developer)
        #expect(developer.balance == 5_000_000)
        let user = try await world.client(QuotaCredentials(accessToken: "quota_token_0")).getBalance()
        #expect(user.wallet == .oauthUser)
        #expect(user.balance == 5_000_000)
        #expect(user.billingMode == .user)
        let later = try await Peer.shared.world([
            "GET /v1/balance": ["json": ["wallet": "family", "balance": 7, "billing_mode": "shared", "x": [:]]]
        ])
        let unknown = try await later.client().getBalance()
        #expect(unknown.wallet == "family")
        #expect(unknown.balance == 7)
        #expect(unknown.billingMode == "shared")
    }

    @Test func packagesNeedNoCredential() async throws {
        let world = try await Peer.shared.world()
        let packages = try await QuotaClient(.none, options: world.options).getPackages()
        #expect(packages.map(\.id) == ["pack_5"])
        #expect(packages.first?.priceCents == 500)
        #expect(try await world.log().first?.headers["authorization"] == nil)
        for shape: QuotaJSON in [
            [["id": "p", "credits": 1, "price_cents": 2]], ["data": [["id": "p", "credits": 1, "price_cents": 2]]],
        ] {
            let other = try await Peer.shared.world(["GET /v1/packages": [["json": shape]]])
            #expect(try await other.client().getPackages().map(\.id) == ["p"])
        }
    }

    @Test func aCheckoutGivesItsPage() async throws {
        let world = try await Peer.shared.world()
        let checkout = try await world.client().createCheckout(
            packageID: "pack_5", successURL: "https://a.example/ok", cancelURL: "https://a.example/no")
        #expect(checkout.url == "https://pay.example/pack_5")
        #expect(checkout.sessionID == "cs_1")
        let body = try #require(try await world.log().first?.body)
        let sent = try JSONDecoder().decode([String: String].self, from: Data(body.utf8))
        #expect(
            sent == [
                "package_id": "pack_5", "success_url": "https://a.example/ok", "cancel_url": "https://a.example/no",
            ])
    }

    @Test func usersAreFoundAndUnlinked() async throws {
        let world = try await Peer.shared.world()
        let client = try world.client()
        #expect(try await client.users("alice")?.user.balance == 5_000_000)
        #expect(try await client.users("nobody") == nil)
        try await client.unlink("alice")
        #expect(try await client.users("alice") == nil)
        // An id is one segment of the path, whatever is in it.
        #expect(try await client.users("../me?x=1#/ü") == nil)
        #expect(try await client.users("..") == nil)
        let paths = try await world.log().suffix(2).map(\.endpoint)
        #expect(paths == ["GET /v1/users/..%2Fme%3Fx%3D1%23%2F%C3%BC", "GET /v1/users/%2E%2E"])
    }

    @Test func aHostedUserPays() async throws {
        let world = try await Peer.shared.world()
        let client = try world.client().onBehalf(of: "alice")
        #expect(try await client.getBalance().userID == "alice")
        #expect(try await world.log().first?.headers["x-quota-user"] == "alice")
        let error = await quotaError { _ = try await client.onBehalf(of: "nobody").getBalance() }
        guard case .server(let answer)? = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(answer.code == "not_found")
        #expect(throws: QuotaConfigurationError.unexpected(.externalUserID, with: .accessToken)) {
            try world.client(QuotaCredentials(accessToken: "quota_token_0")).onBehalf(of: "alice")
        }
    }

    @Test func chatAnswersWithItsBill() async throws {
        let world = try await Peer.shared.world()
        var request = ChatRequest(model: "m", messages: [ChatMessage(.system, "be"), ChatMessage(.user, "abc")])
        request.maxTokens = 5
        request.extra = ["seed": 7, "model": "not this"]
        let completion = try await world.client().chat(request)
        #expect(completion.text == "cba")
        #expect(completion.choices.first?.finishReason == .stop)
        #expect(completion.quota?.creditsUsed == 1200)
        #expect(completion.usage?.totalTokens == 3)
        let body = try #require(try await world.log().first?.body)
        let sent = try JSONDecoder().decode(QuotaJSON.self, from: Data(body.utf8))
        #expect(sent["seed"] == 7)
        #expect(sent["model"] == "m")
        #expect(sent["max_tokens"] == 5)
        #expect(sent["stream"] == false)
    }

    @Test func modelsCarryTheirPrices() async throws {
        let world = try await Peer.shared.world()
        let models = try await world.client().models()
        #expect(models.first?.id == "elevenlabs/voice-conversion-v1")
        #expect(models.first?.pricing?["per_second"] == 0.0025)
    }
}
