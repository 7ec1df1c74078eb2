import Foundation
import QuotaAPI
import Synchronization
import Testing

@Suite struct TokenRefreshTests {
    private final class Calls: Sendable {
        let refreshes = Mutex<[TokenRefresh]>([])
        var count: Int { refreshes.withLock { $0.count } }
    }

    @Test func aRefusedTokenIsReplacedOnce() async throws {
        let world = try await Peer.shared.world()
        let calls = Calls()
        let client = try world.signedIn(isStale: true) {
            $0.onTokenRefresh = { refresh in calls.refreshes.withLock { $0.append(refresh) } }
        }
        #expect(try await client.getMe().id == "user_1")
        #expect(try await client.getBalance().balance == 5_000_000)
        #expect(
            try await world.log().map(\.endpoint) == [
                "GET /v1/me", "POST /oauth/token", "GET /v1/me", "GET /v1/balance",
            ])
        let refresh = try #require(calls.refreshes.withLock { $0.first })
        #expect(calls.count == 1)
        #expect(refresh.tokens.accessToken == "quota_token_1")
        #expect(refresh.tokens.refreshToken == "quota_refresh_1")
        #expect(refresh.expiresIn == 3_600)
        #expect(await client.tokens?.accessToken == "quota_token_1")
    }

    @Test func aHundredRefusalsShareOneRefresh() async throws {
        let world = try await Peer.shared.world([:], ["token_seconds": 0.3])
        let calls = Calls()
        let client = try world.signedIn(isStale: true) {
            $0.timeout = .seconds(60)
            $0.onTokenRefresh = { refresh in calls.refreshes.withLock { $0.append(refresh) } }
        }
        try await withThrowingTaskGroup(of: String.self) { group in
            for _ in 0..<100 { group.addTask { try await client.getMe().id } }
            for try await id in group { #expect(id == "user_1") }
        }
        #expect(try await world.count("POST /oauth/token") == 1)
        #expect(calls.count == 1)
        #expect(try await world.count("GET /v1/me") <= 200)
    }

    @Test func paidRequestsAndStreamsAreRetriedAfterARefresh() async throws {
        let world = try await Peer.shared.world()
        let request = ChatRequest(model: "m", messages: [ChatMessage(.user, "ba")])
        #expect(try await world.signedIn(isStale: true).chat(request).text == "ab")
        let other = try await Peer.shared.world()
        var text = ""
        for try await chunk in try await other.signedIn(isStale: true).chatStream(request) { text += chunk.text }
        #expect(text == "ab")
    }

    @Test func anEndingTokenIsReplacedBeforeItEnds() async throws {
        let world = try await Peer.shared.world()
        let client = try world.signedIn { $0.accessTokenExpiresAt = Date().addingTimeInterval(20) }
        _ = try await client.getMe()
        #expect(try await world.log().map(\.endpoint) == ["POST /oauth/token", "GET /v1/me"])
        let fresh = try await Peer.shared.world()
        let other = try fresh.signedIn { $0.accessTokenExpiresAt = Date().addingTimeInterval(90) }
        _ = try await other.getMe()
        #expect(try await fresh.log().map(\.endpoint) == ["GET /v1/me"])
    }

    @Test func aShortLivedTokenIsNotRefreshedEachTime() async throws {
        // No longer than the time before its end at which a token is replaced.
        let world = try await Peer.shared.world([:], ["expires_in": 30])
        let client = try world.signedIn(isStale: true)
        for _ in 0..<5 { _ = try await client.getMe() }
        #expect(try await world.count("POST /oauth/token") == 1)
    }

    @Test func aStormOf401EndsAfterOneRetry() async throws {
        let refused: QuotaJSON = ["status": 401, "json": ["error": ["code": "invalid_token", "message": "no"]]]
        let world = try await Peer.shared.world(["GET /v1/me": refused])
        let client = try world.signedIn()
        let error = await quotaError { _ = try await client.getMe() }
        guard case .tokenExpired(let expiry)? = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(expiry.reason == .refusedAfterRefresh)
        #expect(try await world.count("GET /v1/me") == 2)
        #expect(try await world.count("POST /oauth/token") == 1)
    }

    @Test func aReusedRefreshTokenMeansConnectAgain() async throws {
        let world = try await Peer.shared.world()
        _ = try await world.signedIn(isStale: true).getMe()
        // A second program with the same refresh token.
        let store = InMemoryTokenStore()
        await store.set(TokenSet(accessToken: "quota_token_stale", refreshToken: "quota_refresh_0"), for: "default")
        let copy = try world.signedIn(isStale: true) { $0.tokenStore = store }
        for _ in 0..<2 {
            let error = await quotaError { _ = try await copy.getMe() }
            guard case .tokenExpired(let expiry)? = error else {
                Issue.record("\(String(describing: error))")
                return
            }
            #expect(expiry.reason == .refreshTokenReused)
            #expect(error?.description.contains("connect again") == true)
        }
        #expect(try await world.count("POST /oauth/token") == 2)
        #expect(await store.get("default") == nil)
        #expect(await copy.tokens?.refreshToken == nil)
    }

    @Test func aRefreshThatFailsForAMomentLosesNothing() async throws {
        let world = try await Peer.shared.world(["POST /oauth/token": [["status": 503], ["reset": true], [:]]])
        let client = try world.signedIn(isStale: true)
        for _ in 0..<2 {
            let error = await quotaError { _ = try await client.getMe() }
            switch error {
            case .server(let answer)?: #expect(answer.status == 503)
            case .transport(let failure)?: #expect(failure.kind == .connectionLost)
            default: Issue.record("\(String(describing: error))")
            }
        }
        #expect(try await client.getMe().id == "user_1")
    }

    private struct Broken: Error {}

    private actor FailingStore: TokenStore {
        private(set) var stored: [TokenSet] = []
        private var failures: Int

        init(failures: Int) { self.failures = failures }
        func get(_ key: String) throws -> TokenSet? { throw Broken() }
        func set(_ tokens: TokenSet, for key: String) throws {
            failures -= 1
            if failures >= 0 { throw Broken() }
            stored.append(tokens)
        }
        func delete(_ key: String) throws { throw Broken() }
        func exclusively<Value: Sendable>(_ key: String, _ body: @Sendable () async throws -> Value) async throws
            -> Value
        {
            throw Broken()
        }
    }

    @Test func aFailingStoreOrCallbackKeepsTheNewTokens() async throws {
        let world = try await Peer.shared.world()
        let store = FailingStore(failures: 2)
        let client = try world.signedIn(isStale: true) {
            $0.tokenStore = store
            $0.onTokenRefresh = { _ in throw Broken() }
        }
        for _ in 0..<3 { #expect(try await client.getMe().id == "user_1") }
        #expect(try await world.count("POST /oauth/token") == 1)
        // Stored as soon as the store works again, and then no more.
        #expect(await store.stored.map(\.accessToken) == ["quota_token_1"])
    }

    @Test func tokensThatAnotherProcessRefreshedAreTaken() async throws {
        let world = try await Peer.shared.world()
        let store = InMemoryTokenStore()
        let first = try world.signedIn(isStale: true) { $0.tokenStore = store }
        let second = try world.signedIn(isStale: true) { $0.tokenStore = store }
        _ = try await first.getMe()
        _ = try await second.getMe()
        #expect(try await world.count("POST /oauth/token") == 1)
    }

    @Test func aCallerThatGivesUpDoesNotTakeTheRefreshWithIt() async throws {
        let world = try await Peer.shared.world([:], ["token_seconds": 0.3])
        let client = try world.signedIn(isStale: true)
        let first = Task { try await client.getMe() }
        while try await world.count("POST /oauth/token") == 0 { try await Task.sleep(for: .milliseconds(5)) }
        first.cancel()
        #expect(try await client.getMe().id == "user_1")
        #expect(try await world.count("POST /oauth/token") == 1)
    }
}
