import Foundation
import QuotaAPI
import Testing

/// Voice sessions that are refused, lost and come back, against a relay that does so on demand.
@Suite struct VoiceReconnectTests {
    private static let endpoint = "GET /v1/audio/voice-conversion"

    private func world(_ actions: [QuotaJSON], _ options: QuotaJSON = [:]) async throws -> World {
        try await Peer.shared.world([Self.endpoint: .array(actions.map { $0 == [:] ? [:] : ["voice": $0] })], options)
    }

    private func options(_ change: (inout VoiceSessionOptions) -> Void = { _ in }) -> VoiceSessionOptions {
        var options = VoiceSessionOptions(voice: "rachel")
        options.reconnects = true
        options.waitingBytesMax = 1_000_000
        options.reconnectLimits.shortestNanoseconds = 20_000_000
        change(&options)
        return options
    }

    private func sound(_ value: UInt8, samples: Int) -> [UInt8] {
        [UInt8](repeating: value, count: 2 * samples)
    }

    /// Samples that each connection brought to the relay, once all are over.
    private func samples(_ world: World) async throws -> [String] {
        while true {
            let ends = try await world.log().filter { $0.endpoint == Self.endpoint }.map(\.ended)
            if !ends.contains("") { return ends }
            try await Task.sleep(for: .milliseconds(10))
        }
    }

    @Test func theAmountsOfARefusalAreTyped() async throws {
        let world = try await world([
            [
                "close": [4402, "BALANCE_EXHAUSTED"],
                "error": ["code": "insufficient_credits", "message": "m", "balance": 10, "required": 1_500_000],
            ]
        ])
        let client = try world.client()
        let error = await #expect(throws: VoiceConnectError.self) {
            _ = try await client.connectVoiceConversion(options())
        }
        #expect(error?.cause == .session(.closed(.balanceExhausted, detail: "m")))
        #expect(error?.shortfall?.balance == 10)
        #expect(error?.shortfall?.required == 1_500_000)
        #expect(try await world.count(Self.endpoint) == 1)
    }

    @Test func aRefusedTokenIsRefreshedOnce() async throws {
        let world = try await world([[:]])
        let client = try world.signedIn(isStale: true)
        let session = try await client.connectVoiceConversion(options())
        session.close()
        #expect(await session.end == .cancelled)
        #expect(try await world.count("POST /oauth/token") == 1)
        #expect(try await world.count(Self.endpoint) == 2)
    }

    @Test func aRefreshedTokenThatIsRefusedTooEndsIt() async throws {
        let world = try await world([["close": [4401, "INVALID_AUTH"]]])
        let client = try world.signedIn()
        let error = await quotaError { _ = try await client.connectVoiceConversion(options()) }
        guard case .tokenExpired(let expiry)? = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(expiry.reason == .refusedAfterRefresh)
        #expect(try await world.count("POST /oauth/token") == 1)
        #expect(try await world.count(Self.endpoint) == 2)
        // An API key has nothing to refresh.
        let keyed = try world.client()
        let refused = await #expect(throws: VoiceConnectError.self) {
            _ = try await keyed.connectVoiceConversion(options())
        }
        #expect(refused?.cause == .session(.closed(.invalidAuth, detail: nil)))
    }

    @Test(
        arguments: [
            ["after": 1_600, "close": [4502, "UPSTREAM_DISCONNECTED"]], ["after": 1_600, "reset": true],
            ["after": 1_600, "deaf": true, "heartbeat_seconds": 0.3],
            ["after": 1_600, "close": [4999, "HEARTBEAT_LOST"]],
        ] as [QuotaJSON])
    func aLostSessionComesBackAndSendsNothingOld(loss: QuotaJSON) async throws {
        let world = try await world([loss, [:]])
        let session = try await world.client().connectVoiceConversion(options())
        #expect(session.id == "v2v_1")
        let hearing = Task { await session.audio.reduce(into: [UInt8]()) { $0 += $1 } }
        // Twenty seconds: far more than can leave before the loss.
        try await session.send(sound(1, samples: 320_000))
        var events = session.events.makeAsyncIterator()
        guard case .lost(let failure, _)? = await events.next() else {
            Issue.record("not lost")
            return
        }
        if loss["close"] != nil {
            #expect(
                [.closed(.upstreamDisconnected, detail: nil), .closed(.heartbeatLost, detail: nil)].contains(failure))
        }
        guard case .reconnected(let id, let reserved, let dropped)? = await events.next() else {
            Issue.record("not back")
            return
        }
        #expect(id == "v2v_2")
        #expect(session.id == id)
        #expect(reserved == 1_500_000)
        #expect(dropped > 0)
        try await session.send(sound(2, samples: 1_600))
        session.finish()
        guard case .finished(let bill?) = await session.end else {
            Issue.record("\(await session.end)")
            return
        }
        #expect(await events.next() == nil)
        #expect(try await samples(world).last == "1600")
        #expect(await hearing.value.suffix(3_200).allSatisfy { $0 == 2 })
        // What the first connection cost, where the relay told it in time, is in the sum.
        #expect((bill.creditsUsed ?? 0) >= 250)
        if loss["close"] != nil { #expect(bill.seconds >= 0.2) }
        #expect(session.usage?.creditsUsed ?? 250 >= 250)
    }

    @Test func unlessAskedForALossIsTheEnd() async throws {
        let world = try await world([["after": 160, "close": [4502, "UPSTREAM_DISCONNECTED"]], [:]])
        let session = try await world.client().connectVoiceConversion(options { $0.reconnects = false })
        try session.sendNow(sound(1, samples: 1_600))
        #expect(await session.end == .failed(.closed(.upstreamDisconnected, detail: nil)))
        for await event in session.events { Issue.record("\(event)") }
        #expect(try await world.count(Self.endpoint) == 1)
    }

    @Test(arguments: [
        (4401, "INVALID_AUTH"), (4402, "BALANCE_EXHAUSTED"), (4408, "SESSION_TIMEOUT"), (4415, "FORMAT_VIOLATION"),
        (1000, ""), (4999, "WHATEVER"),
    ])
    func whatWouldHappenAgainIsTheEnd(code: Int, reason: String) async throws {
        let close: QuotaJSON = [.integer(code), .string(reason)]
        let world = try await world([["after": 160, "close": close], [:]])
        let session = try await world.client().connectVoiceConversion(options())
        try session.sendNow(sound(1, samples: 1_600))
        guard case .failed = await session.end else {
            Issue.record("\(await session.end)")
            return
        }
        #expect(try await world.count(Self.endpoint) == 1)
    }

    /// Closed while it waits to come back, while it comes back, and by letting go of it.
    @Test(arguments: [0, 1, 2]) func aClosedSessionNeverComesBack(how: Int) async throws {
        let world = try await world([["after": 160, "close": [4502, "UPSTREAM_DISCONNECTED"]], ["deaf": true]])
        let long = options { if how == 0 { $0.reconnectLimits.shortestNanoseconds = 3_600_000_000_000 } }
        var change = long
        change.reconnectLimits.longestNanoseconds = how == 0 ? 3_600_000_000_000 : 20_000_000
        change.reconnectLimits.totalNanoseconds = 7_200_000_000_000
        var session: VoiceConversionSession? = try await world.client().connectVoiceConversion(change)
        try session?.sendNow(sound(1, samples: 1_600))
        var events = try #require(session).events.makeAsyncIterator()
        guard case .lost? = await events.next() else {
            Issue.record("not lost")
            return
        }
        while how != 0, try await world.count(Self.endpoint) < 2 { try await Task.sleep(for: .milliseconds(5)) }
        if how == 2 {
            session = nil
        } else {
            session?.close()
            #expect(await session?.end == .cancelled)
        }
        // The events end when all is over; nothing came back, and nothing does.
        while let event = await events.next() {
            if case .reconnected = event { Issue.record("came back") }
        }
        #expect(try await world.count(Self.endpoint) == (how == 0 ? 1 : 2))
    }

    @Test func afterTheLastSoundALossIsTheEnd() async throws {
        let world = try await world([["after": 1_600, "held": true, "close": [4502, "UPSTREAM_DISCONNECTED"]], [:]])
        let session = try await world.client().connectVoiceConversion(options())
        try session.sendNow(sound(1, samples: 1_600))
        session.finish()
        try await world.release()
        #expect(await session.end == .failed(.closed(.upstreamDisconnected, detail: nil)))
        #expect(try await world.count(Self.endpoint) == 1)
    }

    @Test func itGivesUpWithTheReasonOfTheLoss() async throws {
        let loss: QuotaJSON = ["after": 160, "close": [4504, "HEARTBEAT_LOST"]]
        let world = try await Peer.shared.world([
            Self.endpoint: [["voice": loss], ["status": 503, "body": "later"]]
        ])
        let session = try await world.client().connectVoiceConversion(options { $0.reconnectLimits.attemptsMax = 3 })
        try session.sendNow(sound(1, samples: 1_600))
        #expect(await session.end == .failed(.closed(.heartbeatLost, detail: nil)))
        #expect(try await world.count(Self.endpoint) == 4)
    }

    /// A token that ended meanwhile is replaced; one that can't be ends the session as such.
    @Test(arguments: [true, false]) func comingBackRefreshes(mayRefresh: Bool) async throws {
        let loss: QuotaJSON = ["voice": ["after": 160, "close": [4502, "UPSTREAM_DISCONNECTED"]]]
        let refused: QuotaJSON = ["voice": ["close": [4401, "INVALID_AUTH"]]]
        var rules: [String: QuotaJSON] = [Self.endpoint: [loss, refused, [:]]]
        if !mayRefresh { rules["POST /oauth/token"] = ["status": 400, "json": ["error": "invalid_grant"]] }
        let world = try await Peer.shared.world(rules)
        let session = try await world.signedIn().connectVoiceConversion(options())
        try session.sendNow(sound(1, samples: 1_600))
        var isBack = false
        for await event in session.events {
            guard case .reconnected = event else { continue }
            isBack = true
            session.close()
        }
        #expect(isBack == mayRefresh)
        #expect(try await world.count("POST /oauth/token") == 1)
        guard !mayRefresh else { return }
        guard case .failed(.closed(.invalidAuth, _)) = await session.end else {
            Issue.record("\(await session.end)")
            return
        }
    }
}
