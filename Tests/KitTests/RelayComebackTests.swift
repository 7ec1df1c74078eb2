import Testing
import VoiceKit
import VoiceRealtime
import VoiceRelay
import VoiceWebSocket

/// What a live session does when its relay goes, in virtual time.
@Suite struct RelayComebackTests {
    private static let start = MonotonicTime(nanoseconds: 1_000_000_000_000)

    private func at(_ seconds: Double) -> MonotonicTime {
        Self.start.advanced(byNanoseconds: Int64(seconds * 1e9))
    }

    private func comeback(
        secondsMax: Int? = nil, renews: Bool = false, end: Double? = nil, refreshes: Bool = false
    ) -> RelayComeback {
        RelayComeback(
            relay: "relay.example", secondsMax: secondsMax, renews: renews, end: end.map(at), refreshes: refreshes)
    }

    private func closed(_ code: RelayCloseCode) -> RelayComeback.Loss { .ended(.closed(code, detail: nil)) }

    private let refused = RelayComeback.Loss.unconnected(
        ConversionError(.unreachable, "relay.example refuses"), .transient(retryAfterSeconds: nil))

    private func over(_ next: RelayComeback.Next) throws -> ConversionError? {
        guard case .over(let error) = next else {
            Issue.record("not over: \(next)")
            return nil
        }
        return error
    }

    private func again(_ next: RelayComeback.Next) throws -> MonotonicTime {
        guard case .again(let time, _) = next else {
            Issue.record("over: \(next)")
            return Self.start
        }
        return time
    }

    /// Minutes, not attempts; and then it went away in mid-session, whatever the last attempt met.
    @Test func aRelayIsWaitedForForMinutes() throws {
        var comeback = comeback()
        var dice = SystemRandomNumberGenerator()
        comeback.ready(now: at(0))
        var now = try again(comeback.next(closed(.heartbeatLost), token: "", now: at(20), random: dice.next()))
        #expect(now <= at(20.3))
        var tries = 0
        while true {
            let next = comeback.next(refused, token: "", now: now, random: dice.next())
            guard case .again(let time, let event) = next else {
                let error = try #require(try over(next))
                #expect(error.cause == .session(.closed(.heartbeatLost, detail: nil)))
                #expect(error.description.contains("gave up after"))
                break
            }
            guard case .lost? = event else {
                Issue.record("not told")
                return
            }
            #expect(time <= now.advanced(byNanoseconds: 7_000_000_000))
            now = time
            tries += 1
        }
        #expect(tries > 20)
        #expect(now > at(300) && now <= at(320))
    }

    @Test func whatNeverWorkedIsNotTriedAgain() throws {
        var comeback = comeback()
        let error = try over(comeback.next(refused, token: "", now: at(0), random: 1))
        #expect(error?.cause == .unreachable)
    }

    /// A session that ends as soon as it has begun is not renewed at once, again and again.
    @Test func renewalsHaveAPace() throws {
        var comeback = comeback(renews: true)
        var now = at(0)
        var sessions = 0
        while now < at(60) {
            comeback.ready(now: now)
            sessions += 1
            now = try again(comeback.next(closed(.sessionTimeout), token: "", now: now, random: .max))
        }
        #expect(sessions < 20, "\(sessions)")
        for _ in 0..<200 {
            comeback.ready(now: now)
            let next = comeback.next(closed(.sessionTimeout), token: "", now: now, random: .max)
            guard case .again(let time, _) = next else {
                #expect(try over(next)?.cause == .session(.closed(.sessionTimeout, detail: nil)))
                return
            }
            now = time
        }
        Issue.record("never ends")
    }

    @Test(arguments: [(nil, 10.0), (3_600, 3_600), (5, 5), (1, 1)] as [(Int?, Double)])
    func aSessionThatLivedIsRenewedAtOnce(secondsMax: Int?, lived: Double) throws {
        var comeback = comeback(secondsMax: secondsMax, renews: true)
        for round in 0..<100 {
            let now = Double(round) * lived
            comeback.ready(now: at(now))
            let next = comeback.next(closed(.sessionTimeout), token: "", now: at(now + lived), random: .max)
            guard case .again(let time, .renewed?) = next else {
                Issue.record("\(next)")
                return
            }
            #expect(time == at(now + lived))
        }
        #expect(comeback.reconnects == 99)
        #expect(comeback.seconds(now: at(0)) == secondsMax ?? 3_600)
    }

    @Test func aRefusedTokenIsReplacedOnce() throws {
        var comeback = comeback(refreshes: true)
        comeback.ready(now: at(0))
        #expect(comeback.refusedToken == nil)
        #expect(try again(comeback.next(closed(.invalidAuth), token: "old", now: at(3_600), random: .max)) == at(3_600))
        #expect(comeback.refusedToken == "old")
        // The fresh one is refused, too.
        let error = try over(comeback.next(closed(.invalidAuth), token: "new", now: at(3_601), random: .max))
        #expect(error?.cause == .session(.closed(.invalidAuth, detail: nil)))

        var lasting = self.comeback(refreshes: true)
        for hour in 0..<3 {
            let now = Double(hour) * 3_600
            lasting.ready(now: at(now))
            #expect(lasting.refusedToken == nil)
            _ = try again(lasting.next(closed(.invalidAuth), token: "t\(hour)", now: at(now + 3_600), random: .max))
            #expect(lasting.refusedToken == "t\(hour)")
        }
        var fixed = self.comeback()
        fixed.ready(now: at(0))
        let last = try over(fixed.next(closed(.invalidAuth), token: "key", now: at(60), random: .max))
        #expect(last?.cause == .session(.closed(.invalidAuth, detail: nil)))
    }

    /// A reconnect asks for what remains, and the user's own end is no failure.
    @Test func theUsersTimeIsOneTime() throws {
        var comeback = comeback(secondsMax: 600, end: 600)
        #expect(comeback.seconds(now: at(0)) == 600)
        comeback.ready(now: at(0))
        _ = try again(comeback.next(closed(.heartbeatLost), token: "", now: at(100.5), random: 0))
        #expect(comeback.seconds(now: at(100.5)) == 500)
        #expect(comeback.seconds(now: at(900)) == 1)
        comeback.ready(now: at(101))
        let own = try over(comeback.next(closed(.sessionTimeout), token: "", now: at(599), random: 0))
        #expect(own?.cause == nil)
        comeback.ready(now: at(101))
        let early = try over(comeback.next(closed(.sessionTimeout), token: "", now: at(300), random: 0))
        #expect(early?.cause == .session(.closed(.sessionTimeout, detail: nil)))
    }

    @Test func aWalletThatIsTooSmallIsToldItsAmounts() throws {
        for (balance, parts) in [
            (5_000_000, ["$5.00", "$9.00", "3600 s", "--max-duration 2000", "topup"]),
            (100, ["$0.00", "$9.00", "topup"]),
        ] {
            var comeback = comeback()
            let loss = RelayComeback.Loss.ended(
                .closed(.balanceExhausted, detail: nil), RelayShortfall(balance: balance, required: 9_000_000))
            let error = try #require(try over(comeback.next(loss, token: "", now: at(0), random: 0)))
            for part in parts { #expect(error.description.contains(part), "\(error)") }
            #expect(error.description.contains("--max-duration") == (balance > 2_500))
            #expect(error.shortfall?.balance == balance)
        }
    }
}
