import Foundation
import ProcessSupport
import QuotaAPI
import Testing
import VoiceKit
import VoiceLivePath
import VoiceRealtime
import VoiceSecureStream

/// Live sessions that outlast an access token: each connection has the token of its moment.
@Suite struct LiveTokenTests {
    private static let endpoint = "GET /v1/audio/voice-conversion"

    /// How the first connections of a live session went: nil where it is ready.
    private func begin(_ world: World, _ client: QuotaClient, token: String) async throws -> ConversionError? {
        var endpoint = RelayEndpoint(
            base: world.baseURL.replacing(/^http/, with: "ws") + "/v1/audio/voice-conversion", token: token)
        endpoint.tokens = client.relayTokens
        let result = await withCheckedContinuation {
            (done: CheckedContinuation<Result<ConversionError?, any Error>, _>) in
            // The token comes by a task: this loop must not keep the thread from it.
            Thread.detachNewThread { [endpoint] in done.resume(returning: Result { try Self.run(endpoint) }) }
        }
        return try result.get()
    }

    private static func run(_ endpoint: RelayEndpoint) throws -> ConversionError? {
        let waker = try LiveWaker()
        let backend = try RelayBackend(
            endpoint, voice: "rachel", options: LiveOptions(.relay(endpoint, voice: "rachel")), end: nil, waker: waker)
        var path = try LivePath(.relay(captureRate: 48_000, playbackRate: 48_000))
        let deadline = monotonicNow().advanced(byNanoseconds: 60_000_000_000)
        while !backend.isOver, monotonicNow() < deadline {
            let events = backend.turn(&path, now: monotonicNow())
            if events.contains(where: { if case .ready = $0 { true } else { false } }) {
                backend.finish()
                return nil
            }
            backend.wait(
                until: monotonicNow().advanced(byNanoseconds: 100_000_000), descriptors: (-1, -1, waker.descriptor))
        }
        return backend.failure ?? ConversionError(.cancelled, "nothing came of it")
    }

    @Test func aRefusedTokenIsRefreshedOnce() async throws {
        let world = try await Peer.shared.world([Self.endpoint: [[:]]])
        let failure = try await begin(world, world.signedIn(isStale: true), token: "quota_token_stale")
        #expect(failure?.cause == nil, "\(failure?.description ?? "")")
        #expect(try await world.count("POST /oauth/token") == 1)
        #expect(try await world.count(Self.endpoint) == 2)
    }

    /// What the endpoint began with is of no matter: every connection asks for the token of the moment.
    @Test func eachConnectionHasTheTokenOfTheMoment() async throws {
        let world = try await Peer.shared.world([Self.endpoint: [[:]]])
        let failure = try await begin(world, world.signedIn(), token: "quota_token_of_an_hour_ago")
        #expect(failure?.cause == nil, "\(failure?.description ?? "")")
        #expect(try await world.count("POST /oauth/token") == 0)
        #expect(try await world.count(Self.endpoint) == 1)
    }

    @Test func whatCantBeRefreshedEndsIt() async throws {
        let world = try await Peer.shared.world([
            Self.endpoint: [[:]], "POST /oauth/token": ["status": 400, "json": ["error": "invalid_grant"]],
        ])
        let failure = try #require(
            try await begin(world, world.signedIn(isStale: true), token: "quota_token_stale"))
        #expect(failure.cause == .refused)
        #expect(!failure.description.contains("quota_token_"))
        #expect(try await world.count(Self.endpoint) == 1)
    }

    @Test func afterOneRefreshARefusalIsTheEnd() async throws {
        let world = try await Peer.shared.world([Self.endpoint: [["voice": ["close": [4401, "INVALID_AUTH"]]]]])
        let failure = try #require(try await begin(world, world.signedIn(), token: "quota_token_0"))
        #expect(failure.cause == .session(.closed(.invalidAuth, detail: nil)))
        #expect(try await world.count("POST /oauth/token") == 1)
        #expect(try await world.count(Self.endpoint) == 2)
    }
}
