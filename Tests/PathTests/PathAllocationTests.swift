import CAllocationCounter
import Testing
import VoiceLivePath
import VoiceRealtime

/// A live path in its stride calls the heap not once.
@Suite(.enabled(if: cac_is_available(), "sanitizers bring their own malloc"))
struct PathAllocationTests {
    @Test(arguments: [16_000, 48_000])
    func the_path_allocates_nothing(streamRate: Int) throws {
        var path = try LivePath(
            streamRate == 16_000
                ? .relay(captureRate: 48_000, playbackRate: 48_000)
                : .local(captureRate: 48_000, playbackRate: 48_000, streamRate: streamRate))
        path.converterReady(delaySamples: 100, isPaced: streamRate == 16_000)
        var block = [Float](repeating: 0.1, count: 480)
        var answer = [Float](repeating: 0, count: 4_800)
        var now = MonotonicTime(nanoseconds: 1_000_000_000)
        var steps = 0
        func step(_ block: UnsafeMutableBufferPointer<Float>, _ answer: UnsafeMutableBufferPointer<Float>) {
            now = now.advanced(byNanoseconds: 10_000_000)
            steps += 1
            path.capture(UnsafeBufferPointer(block), now: now)
            while case .now(let count) = path.departure(now: now) {
                path.depart(
                    samples: count, clock: { now },
                    send: { samples in
                        for index in 0..<samples.count { answer[index] = samples[index] }
                    })
                path.receive(UnsafeBufferPointer(rebasing: answer[..<count]), now: now)
            }
            if steps % 400 == 100 { path.setBypassed(steps % 800 < 400) }
            if steps % 700 == 99 { path.setMuted(steps % 1_400 < 700) }
            path.render(into: block, now: now)
        }
        let counts = block.withUnsafeMutableBufferPointer { block in
            answer.withUnsafeMutableBufferPointer { answer in
                for _ in 0..<300 { step(block, answer) }
                cac_arm()
                for _ in 0..<2_000 { step(block, answer) }
                return cac_disarm()
            }
        }
        #expect(counts.allocations == 0)
        #expect(counts.frees == 0)
        #expect(path.counts.received > 0)
    }
}
