import CAllocationCounter
import Testing
import VoiceDownlink
import VoicePlayout
import VoiceRealtime

/// Whatever happens to a stream, playing it calls the heap not once.
@Suite(.enabled(if: cac_is_available(), "sanitizers bring their own malloc"))
struct PlayoutAllocationTests {
    @Test(arguments: [JitterBuffer.Settings.relay, .local(rate: 48_000)])
    func playing_allocates_nothing(settings: JitterBuffer.Settings) throws {
        var downlink = try LiveDownlink(settings, deviceRate: 48_000)
        let frame = (0..<settings.rate / 100).map { Float($0 % 50) / 100 }
        var block = [Float](repeating: 0, count: 480)
        var now = MonotonicTime(nanoseconds: 1)
        let counts = frame.withUnsafeBufferPointer { frame in
            block.withUnsafeMutableBufferPointer { block in
                downlink.render(into: block, now: now)
                cac_arm()
                for step in 0..<3_000 {
                    now = now.advanced(byNanoseconds: step % 500 == 0 ? 300_000_000 : 10_100_000)
                    // Gaps, bursts, pauses, and a sender that is too fast.
                    let frames = step % 300 < 250 ? 1 : step % 300 == 250 ? 60 : step % 7 == 0 ? 2 : 0
                    for _ in 0..<frames { downlink.push(frame, arrival: now) }
                    if step % 900 == 899 { downlink.pause() }
                    if step % 700 == 699 { downlink.restart() }
                    if step % 100 == 0 { downlink.setGain(step % 200 == 0 ? 0.5 : 1) }
                    downlink.render(into: block, now: now)
                }
                return cac_disarm()
            }
        }
        #expect(counts.allocations == 0)
        #expect(counts.frees == 0)
        #expect(downlink.counts.concealments > 0)
        #expect(downlink.counts.droppedLate > 0)
    }
}
