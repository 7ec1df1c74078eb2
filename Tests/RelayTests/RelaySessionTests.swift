import Testing
import VoiceRealtime
import VoiceRelay

/// The client's protocol machine, played in virtual time.
@Suite struct RelaySessionTests {
    private let start = MonotonicTime(nanoseconds: 1_000_000_000)
    private let ready = #"{"type":"ready","session_id":"v2v_1","reserved_credits":5,"features":["end","usage"]}"#
    private let bareReady = #"{"type":"ready","session_id":"v2v_1"}"#

    private func at(_ seconds: Double) -> MonotonicTime {
        start.advanced(byNanoseconds: Int64(seconds * 1_000_000_000))
    }

    private func opened() -> RelaySession {
        var session = RelaySession(auth: RelayAuth(token: "sk-quota-\"x\\", voice: "rachel", maxDurationSeconds: 60))
        _ = session.handle(.opened, now: start)
        return session
    }

    private func streaming(_ ready: String) -> RelaySession {
        var session = opened()
        _ = session.handle(.text(ready), now: start)
        return session
    }

    @Test func theFirstFrameIsAuthWithAllItsFields() throws {
        var session = RelaySession(auth: RelayAuth(token: "sk-quota-\"x\\", voice: "rachel", maxDurationSeconds: 60))
        let actions = session.handle(.opened, now: start)
        #expect(
            actions == [
                .sendText(
                    #"{"type":"auth","token":"sk-quota-\"x\\","model":"elevenlabs/voice-conversion-v1","#
                        + #""voice":"rachel","format":"pcm_16le_16k_mono","max_duration_seconds":60}"#)
            ])
    }

    @Test func aRefusalKeepsItsAmounts() {
        for (amounts, expected) in [
            (#""balance":10,"required":1500000"#, [10, 1_500_000]), (#""balance":10"#, nil),
            (#""balance":"ten","required":5"#, nil),
        ] {
            var session = opened()
            _ = session.handle(.text(#"{"type":"error","code":"insufficient_credits",\#(amounts)}"#), now: start)
            _ = session.handle(.closed(.balanceExhausted), now: start)
            #expect(session.shortfall.map { [$0.balance, $0.required] } == expected)
        }
    }

    @Test func aDescriptionNeverShowsTheToken() {
        let auth = RelayAuth(token: "sk-quota-secret", voice: "rachel", maxDurationSeconds: 60)
        #expect(!"\(auth)".contains("secret"))
    }

    @Test func readyStartsTheStreamWithWhatTheRelayGrants() throws {
        var session = opened()
        let actions = session.handle(
            .text(
                #"{"type":"ready","session_id":"a","heartbeat_seconds":2.5,"features":["end"],"delay_samples":240,"x":[1]}"#
            ),
            now: start)
        guard case .startStreaming(let ready) = try #require(actions.first) else {
            Issue.record("no stream: \(actions)")
            return
        }
        #expect(ready.heartbeatSeconds == 2.5)
        #expect(ready.delaySamples == 240)
        #expect(ready.ceilingBytesPerSecond == 48_000)
    }

    @Test func aRelayCanNotLowerOrInflateWhatItGrantsBeyondReason() throws {
        var session = opened()
        let actions = session.handle(
            .text(
                #"{"type":"ready","session_id":"a","heartbeat_seconds":1e9,"delay_samples":-5,"ceiling_bytes_per_second":3}"#
            ),
            now: start)
        guard case .startStreaming(let ready) = try #require(actions.first) else {
            Issue.record("no stream: \(actions)")
            return
        }
        #expect(ready.heartbeatSeconds == 60)
        #expect(ready.delaySamples == 0)
        #expect(ready.ceilingBytesPerSecond == 48_000)
    }

    @Test func endAndDoneFinishWithTheBill() {
        var session = streaming(ready)
        #expect(session.handle(.sent(samples: 16_000), now: at(1)).isEmpty)
        #expect(session.handle(.audio(bytes: 32_000), now: at(1)) == [.deliver])
        #expect(session.handle(.sourceEnded, now: at(1)) == [.sendText(#"{"type":"end"}"#)])
        let done = #"{"type":"done","seconds":1,"credits_used":2500,"credits_refunded":10}"#
        let bill = RelayDone(seconds: 1, creditsUsed: 2500, creditsRefunded: 10)
        #expect(session.handle(.text(done), now: at(2)) == [.finish(.finished(bill)), .close(.normal)])
        #expect(session.handle(.closed(.normal), now: at(2)).isEmpty)
    }

    @Test func whatBecameOfAVoiceIsReported() {
        var session = streaming(ready)
        #expect(
            session.handle(.text(#"{"type":"voice","voice":"adam"}"#), now: at(1))
                == [.voice(RelayVoiceAnswer(voice: "adam"))])
        #expect(
            session.handle(
                .text(#"{"type":"voice","voice":"adam","refused":"nosuch","message":"unknown voice"}"#), now: at(1))
                == [.voice(RelayVoiceAnswer(voice: "adam", refused: "nosuch", message: "unknown voice"))])
        // Before and after the stream it is nobody's.
        var early = opened()
        #expect(early.handle(.text(#"{"type":"voice","voice":"adam"}"#), now: start).isEmpty)
        _ = session.handle(.sourceEnded, now: at(1))
        #expect(session.handle(.text(#"{"type":"voice","voice":"adam"}"#), now: at(1)).isEmpty)
        var wrong = streaming(ready)
        let actions = wrong.handle(.text(#"{"type":"voice"}"#), now: at(1))
        guard case .finish(.failed(.violation))? = actions.first else {
            Issue.record("\(actions)")
            return
        }
    }

    @Test func doneWithSoundMissingIsAnIncompleteAnswer() {
        var session = streaming(ready)
        _ = session.handle(.sent(samples: 32_000), now: at(1))
        _ = session.handle(.audio(bytes: 16_000), now: at(1))
        _ = session.handle(.sourceEnded, now: at(1))
        let actions = session.handle(.text(#"{"type":"done","seconds":1}"#), now: at(2))
        #expect(actions.first == .finish(.failed(.incomplete(received: 8000, expected: 32_000))))
    }

    @Test func withoutTheEndFeaturePaddingGoesOutUntilTheAnswerIsAsLong() {
        var session = streaming(bareReady)
        _ = session.handle(.sent(samples: 16_000), now: at(1))
        _ = session.handle(.audio(bytes: 30_000), now: at(1))
        #expect(session.handle(.sourceEnded, now: at(1)) == [.sendPadding(samples: 16_000)])
        _ = session.handle(.sent(samples: 320), now: at(1.1))
        #expect(session.handle(.audio(bytes: 1_998), now: at(1.2)) == [.deliver])
        #expect(session.handle(.audio(bytes: 2), now: at(1.3)) == [.deliver, .finish(.finished(nil)), .close(.normal)])
    }

    @Test func withoutTheEndFeatureTwoQuietSecondsEndIt() {
        var session = streaming(bareReady)
        _ = session.handle(.sent(samples: 16_000), now: at(1))
        _ = session.handle(.audio(bytes: 30_000), now: at(1))
        _ = session.handle(.sourceEnded, now: at(1))
        #expect(session.handle(.tick, now: at(2.9)).isEmpty)
        #expect(session.handle(.tick, now: at(3.1)) == [.finish(.finished(nil)), .close(.normal)])
    }

    @Test func aNormalCloseBeforeAllIsBackIsAFailure() {
        var session = streaming(ready)
        _ = session.handle(.sent(samples: 16_000), now: at(1))
        #expect(
            session.handle(.closed(.normal), now: at(1)) == [.finish(.failed(.closed(.normal, detail: nil)))])
    }

    @Test(arguments: [4401, 4402, 4408, 4415, 4502, 4504, 1006, 1011])
    func everyTypedCloseFailsWithTheMessageOfItsErrorFrame(number: UInt16) {
        var session = streaming(ready)
        _ = session.handle(.text(#"{"type":"error","code":"X","message":"the reason"}"#), now: at(1))
        let code = RelayCloseCode(number: number, reason: "")
        #expect(
            session.handle(.closed(code), now: at(1)) == [.finish(.failed(.closed(code, detail: "the reason")))])
    }

    @Test func aCloseReasonTellsWhatTheNameDoesNot() {
        var session = streaming(ready)
        #expect(
            session.handle(.closed(.invalidAuth, reason: "INVALID_AUTH: key revoked"), now: at(1))
                == [.finish(.failed(.closed(.invalidAuth, detail: "key revoked")))])
        var other = streaming(ready)
        #expect(
            other.handle(.closed(.sessionTimeout, reason: "SESSION_TIMEOUT"), now: at(1))
                == [.finish(.failed(.closed(.sessionTimeout, detail: nil)))])
    }

    @Test func aRelayThatDoesNotAnswerAuthIsGivenUpAfterTenSeconds() {
        var session = opened()
        #expect(session.nextDeadline == at(10))
        #expect(session.handle(.tick, now: at(9.9)).isEmpty)
        #expect(session.handle(.tick, now: at(10)) == [.finish(.failed(.silent(.beforeReady))), .close(.normal)])
    }

    @Test func aRelayThatOwesSoundAndSendsNoneIsStuck() {
        var session = streaming(ready)
        _ = session.handle(.sent(samples: 320), now: at(1))
        #expect(session.handle(.tick, now: at(30.9)).isEmpty)
        #expect(session.handle(.tick, now: at(31)).first == .finish(.failed(.silent(.streaming))))
    }

    @Test func aRelayThatOwesNothingMayStaySilent() {
        var session = streaming(ready)
        _ = session.handle(.sent(samples: 320), now: at(1))
        _ = session.handle(.audio(bytes: 640), now: at(1))
        #expect(session.handle(.tick, now: at(500)).isEmpty)
        // A pause of the source does not count against the relay.
        _ = session.handle(.sent(samples: 320), now: at(900))
        #expect(session.handle(.tick, now: at(929)).isEmpty)
    }

    @Test(arguments: ["", "{", "[]", "1", #"{"type":1}"#, #"{"type":"ready"}"#, #"{"type":"ready","session_id":3}"#])
    func malformedTextIsAViolation(text: String) {
        var session = opened()
        guard case .finish(.failed(.violation)) = session.handle(.text(text), now: at(1)).first else {
            Issue.record("accepted: \(text)")
            return
        }
    }

    @Test func unknownTypesAndFieldsAreIgnored() {
        var session = streaming(ready)
        #expect(session.handle(.text(#"{"type":"weather","sun":true}"#), now: at(1)).isEmpty)
        #expect(session.handle(.sent(samples: 1), now: at(1)).isEmpty)
    }

    @Test func soundBeforeReadyAndHalfSamplesAreViolations() {
        var early = opened()
        guard case .finish(.failed(.violation)) = early.handle(.audio(bytes: 640), now: at(1)).first else {
            Issue.record("accepted sound before ready")
            return
        }
        for bytes in [1, 641, 65_538] {
            var session = streaming(ready)
            guard case .finish(.failed(.violation)) = session.handle(.audio(bytes: bytes), now: at(1)).first else {
                Issue.record("accepted \(bytes) bytes")
                return
            }
        }
    }

    @Test func afterTheEndNothingHappensAnyMore() {
        var session = streaming(ready)
        _ = session.handle(.cancelled, now: at(1))
        #expect(session.nextDeadline == nil)
        for input: RelaySession.Input in [
            .opened, .text(ready), .text("{"), .audio(bytes: 1), .sourceEnded, .cancelled, .closed(.invalidAuth), .tick,
        ] {
            #expect(session.handle(input, now: at(100)).isEmpty)
        }
    }
}
