import Testing
import VoiceRealtime
import VoiceWebSocket

@Suite("Round trip meter")
struct RoundTripMeterTests {
    func at(_ milliseconds: Int64) -> MonotonicTime {
        MonotonicTime(nanoseconds: 1_000_000_000).advanced(byNanoseconds: .milliseconds(milliseconds))
    }

    @Test("a pong measures its own ping and answers all before it")
    func measuring() {
        var meter = RoundTripMeter()
        _ = meter.pingPayload(now: at(0))
        let second = meter.pingPayload(now: at(100))
        #expect(meter.pong(second, now: at(130)) == .milliseconds(30))
        #expect(meter.lastAnswered == 2)
        #expect(meter.pong(second, now: at(140)) == nil, "answered before")
    }

    @Test(
        "what was never asked measures nothing",
        arguments: [[], [1], [0, 0, 0, 0, 0, 0, 0, 9], [UInt8](repeating: 255, count: 8)])
    func unsolicited(payload: [UInt8]) {
        var meter = RoundTripMeter()
        _ = meter.pingPayload(now: at(0))
        #expect(meter.pong(payload, now: at(1)) == nil)
        #expect(meter.lastNanoseconds == nil)
    }

    @Test("keeps the last, the shortest and a running mean")
    func figures() {
        var meter = RoundTripMeter()
        for (start, trip) in [(0, 80), (1000, 40), (2000, 80)] as [(Int64, Int64)] {
            meter.pong(meter.pingPayload(now: at(start)), now: at(start + trip))
        }
        #expect(meter.lastNanoseconds == .milliseconds(80))
        #expect(meter.shortestNanoseconds == .milliseconds(40))
        #expect(meter.smoothedNanoseconds == 75_625_000)
    }
}
