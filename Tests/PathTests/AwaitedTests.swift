import Testing
import VoiceLivePath
import VoiceRealtime

/// How much of the microphone's sound a session waits for before it wants to be woken.
@Suite struct AwaitedTests {
    private func path(captureRate: Int) throws -> LivePath {
        var path = try LivePath(.relay(captureRate: captureRate, playbackRate: 48_000))
        path.converterReady(delaySamples: 0, isPaced: true)
        return path
    }

    /// Never a packet that nobody is woken for, and never a wake-up for less than what lacks but for the filter's grain.
    @Test(arguments: [16_000, 44_100, 48_000, 96_000])
    func a_packet_is_there_when_they_are(captureRate: Int) throws {
        var path = try path(captureRate: captureRate)
        var now = MonotonicTime(nanoseconds: 1_000_000_000)
        var packets = 0
        let grain = 5 * captureRate / 16_000 + 1
        func feed(_ path: inout LivePath, _ count: Int) {
            guard count > 0 else { return }
            now = now.advanced(byNanoseconds: Int64(count) * 1_000_000_000 / Int64(captureRate))
            let samples = [Float](repeating: 0.1, count: count)
            samples.withUnsafeBufferPointer { path.capture($0, now: now) }
        }
        for _ in 0..<300 {
            let awaited = path.samplesAwaited
            if packets > 20 { #expect(awaited > 0) }
            feed(&path, awaited - 1)
            #expect(path.departure(now: now) == .later)
            var late = 0
            while case .later = path.departure(now: now), late <= grain {
                feed(&path, 1)
                late += 1
            }
            // At first nothing has come back yet, and each sample is wanted.
            if awaited > 0 { #expect(late <= grain) }
            guard case .now(let count) = path.departure(now: now) else { continue }
            let clock = now
            var answer: [Float] = []
            path.depart(samples: count, clock: { clock }, send: { answer = Array($0) })
            answer.withUnsafeBufferPointer { path.receive($0, now: now) }
            packets += 1
        }
        #expect(packets > 100)
    }

    /// Without a packet to be filled each period is wanted: for the own voice, and by a converter of this process.
    @Test func nothing_is_waited_for_where_there_are_no_packets() throws {
        var bypassed = try path(captureRate: 48_000)
        bypassed.setBypassed(true)
        #expect(bypassed.samplesAwaited == 0)
        var local = try LivePath(.local(captureRate: 48_000, playbackRate: 48_000, streamRate: 48_000))
        local.converterReady(delaySamples: 0, isPaced: false)
        #expect(local.samplesAwaited == 0)
    }
}
