import Testing
import VoicePlayout

/// The delay of a call: constant, small, and back to what it was after every fault. Bounds as NetEQ's tests have them.
@Suite struct DelayTests {
    @Test(arguments: [-25_000.0, -5_000, -500, 500, 5_000, 25_000])
    func drift_moves_the_delay_by_less_than_100_ms(ppm: Double) throws {
        var ideal = CallSimulation()
        ideal.senderPPM = 0
        let calm = try #require(ideal.run(seconds: 30).moments.last).latency
        var simulation = CallSimulation()
        simulation.senderPPM = ppm
        let call = try simulation.run(seconds: 120)
        for moment in call.moments where moment.seconds > 10 {
            #expect(abs(moment.latency - calm) < 0.1, "\(ppm) ppm, \(moment)")
        }
        #expect(call.counts.droppedLate == 0)
        expectBalance(call)
        // Nothing but the clocks' loop is needed where it reaches.
        if abs(ppm) <= 500 { #expect(call.counts.concealed == 0) }
    }

    /// What was held up comes at once, or never.
    @Test(arguments: [false, true], [-300.0, 0, 300])
    func a_freeze_of_five_seconds_leaves_the_delay_as_it_was(isLost: Bool, ppm: Double) throws {
        var simulation = CallSimulation()
        simulation.freezes = [(20, 25)]
        simulation.losesFrozen = isLost
        simulation.senderPPM = ppm
        let call = try simulation.run(seconds: 60)
        let before = try #require(call.latencies(19, 20).last)
        let after = call.latencies(25.2, 60)
        #expect(after.allSatisfy { abs($0 - before) < 0.02 }, "\(before) \(after.max() ?? 0)")
        #expect(abs(try #require(after.last) - before) < 0.002)
        #expect(call.counts.outages == 1)
        #expect(call.counts.concealments == 1)
        // The way's five seconds less what the buffer bridged; nothing of it is ever played.
        let frozen = 5 * 16_000
        #expect(isLost ? call.counts.droppedLate == 0 : abs(call.counts.droppedLate - frozen) < 1_600)
        #expect(abs(call.counts.concealed + call.counts.silent - frozen) < 3_200)
        expectBalance(call)
    }

    /// A single hiccup is concealed and what it held up is skipped; a way that stays bad is followed at once.
    @Test func one_hiccup_changes_nothing_but_many_do() throws {
        var simulation = CallSimulation()
        simulation.freezes = [(20, 20.15)]
        let once = try simulation.run(seconds: 30)
        let before = try #require(once.latencies(19, 20).last)
        #expect(once.latencies(20.3, 30).allSatisfy { abs($0 - before) < 0.005 })
        simulation.freezes = (0..<20).map { index in
            let start = 20 + 0.3 * Double(index)
            return (from: start, to: start + 0.08)
        }
        let often = try simulation.run(seconds: 60)
        // After the second one the depth covers them.
        #expect(often.moments.first { $0.seconds > 20.5 }!.target > 0.08)
        #expect(often.counts.concealments <= 3)
        // And later it is forgotten.
        #expect(abs(try #require(often.moments.last).latency - before) < 0.01)
        expectBalance(often)
    }

    @Test func jitter_is_covered_and_calm_is_used() throws {
        var simulation = CallSimulation()
        simulation.way = { seconds, dice in 0.04 + (seconds < 30 ? 0.06 * dice.next() : 0.001 * dice.next()) }
        let call = try simulation.run(seconds: 90)
        let rough = call.moments.filter { (15..<30).contains($0.seconds) }.map(\.target)
        #expect(rough.allSatisfy { $0 > 0.055 && $0 < 0.12 })
        #expect(try #require(call.moments.last).target < 0.03)
        #expect(Double(call.counts.concealed) < 0.002 * Double(call.counts.pulled))
        expectBalance(call)
    }

    /// A relay that answers in bursts: the depth is one burst, and the delay does not saw.
    @Test func bursts_do_not_move_the_delay() throws {
        var simulation = CallSimulation()
        simulation.frameSeconds = 0.1
        simulation.way = { _, dice in 0.04 + 0.005 * dice.next() }
        let call = try simulation.run(seconds: 60)
        let late = call.latencies(20, 60)
        #expect(late.max()! - late.min()! < 0.003)
        #expect(call.counts.droppedLate == 0)
        expectBalance(call)
    }

    /// The speaker's thread stands still (the process was stopped): what came meanwhile is old.
    @Test func a_stopped_speaker_does_not_queue_sound_up() throws {
        var buffer = JitterBuffer(.relay)
        var driver = BufferDriver()
        driver.run(&buffer, seconds: 5)
        let before = buffer.delayNanoseconds
        driver.run(&buffer, seconds: 0.5, pulls: false)
        driver.run(&buffer, seconds: 0.2)
        #expect(abs(buffer.delayNanoseconds - before) < 20_000_000)
        #expect(buffer.counts.droppedLate > 6_400)
        #expect(buffer.level < 1_600)
    }

    /// In a pause nothing is concealed, and what comes after it is played at the usual delay.
    @Test func a_pause_is_no_fault() throws {
        var buffer = JitterBuffer(.relay)
        var driver = BufferDriver()
        driver.run(&buffer, seconds: 5)
        let before = buffer.delayNanoseconds
        buffer.pause()
        driver.run(&buffer, seconds: 3, pushes: false)
        driver.run(&buffer, seconds: 1)
        #expect(buffer.counts.concealments == 0)
        #expect(buffer.counts.concealed == 0)
        #expect(buffer.counts.outages == 0)
        #expect(abs(buffer.delayNanoseconds - before) < 20_000_000)
    }

    /// More than the buffer holds, at once.
    @Test func a_flood_is_bounded() throws {
        var buffer = JitterBuffer(.relay)
        var driver = BufferDriver()
        driver.run(&buffer, seconds: 2)
        let flood = [Float](repeating: 0.1, count: 200_000)
        for _ in 0..<3 { flood.withUnsafeBufferPointer { buffer.push($0, arrival: driver.now) } }
        #expect(buffer.level <= 40_000)
        driver.run(&buffer, seconds: 1)
        #expect(buffer.level < 3_200)
        let counts = buffer.counts
        #expect(counts.pushed == counts.played + counts.removed + counts.droppedLate - counts.inserted + buffer.level)
    }
}

/// What came in went out, was cut, skipped, or is still there; what went out was there or was made up.
func expectBalance(_ call: CallSimulation.Call, sourceLocation: SourceLocation = #_sourceLocation) {
    let counts = call.counts
    #expect(
        counts.pushed == counts.played + counts.removed + counts.droppedLate - counts.inserted + call.waiting,
        "\(counts)", sourceLocation: sourceLocation)
    #expect(
        counts.pulled == counts.played + counts.concealed + counts.silent, "\(counts)", sourceLocation: sourceLocation)
}
