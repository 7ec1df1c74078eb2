import Foundation
import ProcessSupport
import Testing

/// Credits across sessions, seen from outside: what one session gives back, the next can reserve, and not one more.
@Suite(.boundedCrowd) struct WalletTests {
    /// Asks for exactly `credits` (a multiple of 2,500), which only a wallet that has them grants.
    private func reserve(_ credits: Int, at relay: ServedRelay) async throws -> PeerClient.Event {
        let session = try await PeerClient.run(
            relay.url, [.auth("sk-w", ["max_duration_seconds": credits / 2_500]), .wait("ready"), .close])
        return try #require(session.events.first)
    }

    @Test(arguments: ["end", "close", "abort", "violation"]) func theRestComesBackExactlyOnce(_ way: String)
        async throws
    {
        let relay = try await ServedRelay(keys: ["sk-w": 50_000])
        var steps: [PeerClient.Step] = [.auth("sk-w"), .wait("ready"), .audio(16_000, speed: 1.4)]
        switch way {
        case "end": steps += [.end, .wait("close")]
        case "close": steps += PeerClient.Step.counted + [.close]
        case "abort": steps += PeerClient.Step.counted + [.abort]
        default: steps += [.binary(3), .wait("close")]
        }
        let session = try await PeerClient.run(relay.url, steps)
        #expect(session.first("ready")?.reservedCredits == 50_000)
        // The server notices a broken connection in its own time.
        var left = try await reserve(50_000, at: relay)
        for _ in 0..<50 where left.balance != 47_500 {
            try await Task.sleep(for: .milliseconds(50))
            left = try await reserve(50_000, at: relay)
        }
        #expect(left.code == "insufficient_credits")
        #expect(left.balance == 47_500, "one second costs 2,500 of 50,000")
        #expect(try await reserve(47_500, at: relay).type == "ready")
        // That session sent nothing and cost nothing.
        #expect(try await reserve(47_500, at: relay).reservedCredits == 47_500)
    }

    @Test func whatIsReservedIsNotThereForOthers() async throws {
        // All of it, for five minutes: longer than anything here takes.
        let relay = try await ServedRelay(keys: ["sk-w": 750_000])
        let first = try PeerClient.start(
            relay.url,
            [
                [
                    .auth("sk-w", ["max_duration_seconds": 300]), .wait("ready"), .mark("reserved"),
                    .wait("close", seconds: 300),
                ]
            ])
        try await first.wait(for: "the reservation") { first.errorsSoFar.contains("reserved") }
        let second = try await reserve(2_500, at: relay)
        #expect(second.code == "insufficient_credits")
        #expect(second.balance == 0)
        #expect(second.required == 2_500)
        first.signal(SIGKILL)
        _ = try await first.result()
        var third = try await reserve(750_000, at: relay)
        for _ in 0..<50 where third.type != "ready" {
            try await Task.sleep(for: .milliseconds(50))
            third = try await reserve(750_000, at: relay)
        }
        #expect(third.type == "ready")
    }

    @Test func aMillionCreditsUnlessTheFileSaysOtherwise() async throws {
        let folder = try Scratch()
        try folder.write("keys", "# wallets\nsk-w\n\nsk-other 5\n")
        let process = try RunningProcess(
            Checkout.binary, ["serve", "--port", "0", "--token-file", folder("keys")])
        try await process.wait(for: "listening") { process.outputSoFar.hasSuffix("\n") }
        let url = try #require(process.outputSoFar.firstMatch(of: /ws:\/\/127\.0\.0\.1:\d+/)).output
        let session = try await PeerClient.run(
            String(url), [.auth("sk-w", ["max_duration_seconds": 401]), .wait("close")])
        #expect(session.events.first?.balance == 1_000_000)
    }
}
