import Testing
import VoiceLivePath
import VoicePlayout

/// A session without a network: periods of 64 frames, and threads that wake late by tenths of a millisecond.
@Suite struct LocalTests {
    private func plan(seed: UInt64) -> PathSimulation {
        var plan = PathSimulation()
        plan.seed = seed
        plan.settings = .local(captureRate: 48_000, playbackRate: 48_000, streamRate: 48_000)
        plan.blockSeconds = 64.0 / 48_000
        plan.events = [(0, .bypass(true))]
        return plan
    }

    /// What the threads need is what the delay is: two periods, and less than a millisecond and a half on top.
    @Test(arguments: [UInt64(7), 8], [-80.0, 0, 200])
    func the_delay_is_what_the_threads_need(seed: UInt64, ppm: Double) throws {
        var plan = plan(seed: seed)
        plan.playbackPPM = ppm
        plan.threadJitter = 0.000_2
        let outcome = try plan.run(seconds: 120)
        let settled = outcome.delays.filter { $0.time > 15 }
        print("local: seed \(seed), \(ppm) ppm, delay \(settled.map(\.delay).max() ?? 0) s at the most")
        #expect(settled.allSatisfy { $0.target < 0.004_2 })
        #expect(settled.allSatisfy { $0.delay > 0.000_5 && $0.delay < 0.005_5 })
        #expect(outcome.counts.playout.concealments == 0)
    }

    /// A sound server that is late makes microphone and speaker late together: no reason to be deeper.
    @Test(arguments: [UInt64(51), 52])
    func what_makes_both_late_needs_no_depth(seed: UInt64) throws {
        var dice = Dice(seed: seed)
        var plan = plan(seed: seed)
        plan.threadJitter = 0.000_1
        plan.hiccups = (8..<120).map { half in
            let start = Double(half) / 2 + 0.3 * dice.next()
            return .init(from: start, to: start + 0.002_6)
        }
        let outcome = try plan.run(seconds: 60)
        let settled = outcome.delays.filter { $0.time > 15 }
        #expect(settled.allSatisfy { $0.target < 0.004 }, "\(settled.map(\.target).max() ?? 0)")
        #expect(outcome.counts.playout.concealments == 0)
    }

    /// The microphone's thread is late once: a gap, but depth would come too late for it, and the delay stays.
    @Test(arguments: [UInt64(61), 62])
    func a_lone_delay_of_the_microphone_is_not_learnt(seed: UInt64) throws {
        var plan = plan(seed: seed)
        plan.threadJitter = 0.000_1
        plan.stalls = [20.0, 32, 44].map { .init(from: $0, to: $0 + 0.012) }
        let outcome = try plan.run(seconds: 60)
        let settled = outcome.delays.filter { $0.time > 15 }
        #expect(settled.allSatisfy { $0.target < 0.004_2 }, "\(settled.map(\.target).max() ?? 0)")
        #expect((3...6).contains(outcome.counts.playout.concealments), "\(outcome.counts.playout.concealments)")
    }

    /// It is late again and again: after two gaps there is depth for it, for as long as it comes back.
    @Test(arguments: [UInt64(63), 64])
    func delays_that_come_back_are_learnt(seed: UInt64) throws {
        var plan = plan(seed: seed)
        plan.threadJitter = 0.000_1
        plan.stalls = (10..<25).map { .init(from: Double($0) * 2, to: Double($0) * 2 + 0.012) }
        let outcome = try plan.run(seconds: 80)
        let during = outcome.delays.filter { $0.time > 26 && $0.time < 50 }
        let after = outcome.delays.filter { $0.time > 70 }
        #expect(during.allSatisfy { $0.target > 0.010 }, "\(during.map(\.target).min() ?? 0)")
        #expect(outcome.counts.playout.concealments <= 6, "\(outcome.counts.playout.concealments)")
        #expect(after.allSatisfy { $0.target < 0.004_2 }, "\(after.map(\.target).max() ?? 0)")
    }

    /// A sound server that settles on its period delivers nothing for 20 ms, and then goes on: no lesson for later.
    @Test func a_beginning_with_a_hole_is_forgotten() throws {
        var plan = plan(seed: 9)
        plan.losses = [.init(from: 0.004, to: 0.024)]
        let outcome = try plan.run(seconds: 20)
        let late = outcome.delays.filter { $0.time > 4 }
        #expect(late.allSatisfy { $0.target < 0.004 }, "\(late.map(\.target).max() ?? 0)")
        #expect(late.allSatisfy { $0.delay < 0.005 }, "\(late.map(\.delay).max() ?? 0)")
    }

    /// Stopped for half a second, in the middle of a session: whether the sound of that time is lost or comes at once,
    /// the delay is what it was, seconds later and until the end.
    @Test(arguments: [UInt64(21), 22, 23], [false, true])
    func a_stop_leaves_the_delay_as_it_was(seed: UInt64, isLost: Bool) throws {
        var plan = plan(seed: seed)
        plan.threadJitter = 0.000_1
        plan.playbackPPM = 60
        let stop = PathSimulation.Interval(from: 20, to: 20.5)
        if isLost { plan.losses = [stop] } else { plan.stalls = [stop] }
        plan.deafness = [stop]
        let outcome = try plan.run(seconds: 60)
        let before = try #require(outcome.delays.last { $0.time < 19.9 }).delay
        let after = outcome.delays.filter { $0.time > 24 }
        let farthest = after.map { abs($0.delay - before) }.max() ?? 1
        print("stop: seed \(seed), lost \(isLost), before \(before), farthest from it \(farthest) s")
        #expect(farthest < 0.001_5)
    }

    /// The speaker misses periods and then goes on: what has queued up meanwhile does not stay as delay.
    @Test(arguments: [UInt64(41), 42], [0.005, 0.009_4, 0.03])
    func missed_periods_do_not_stay(seed: UInt64, seconds: Double) throws {
        var plan = plan(seed: seed)
        plan.threadJitter = 0.000_1
        plan.deafness = [.init(from: 20, to: 20 + seconds)]
        let outcome = try plan.run(seconds: 40)
        let before = try #require(outcome.delays.last { $0.time < 19.9 }).delay
        let after = outcome.delays.filter { $0.time > 26 }
        let farthest = after.map { abs($0.delay - before) }.max() ?? 1
        print("missed: seed \(seed), \(seconds) s, before \(before), farthest from it \(farthest) s")
        #expect(farthest < 0.001_5)
    }

    /// A busy machine: every few seconds a thread is late by milliseconds. The depth follows, the gaps stay few, and
    /// half a minute after the last one the delay is small again.
    @Test(arguments: [UInt64(31), 32])
    func a_busy_machine_is_followed(seed: UInt64) throws {
        var dice = Dice(seed: seed)
        var plan = plan(seed: seed)
        plan.threadJitter = 0.000_2
        for second in stride(from: 10.0, to: 60, by: 2) {
            let start = second + dice.next()
            plan.stalls.append(.init(from: start, to: start + 0.003 + 0.003 * dice.next()))
        }
        let outcome = try plan.run(seconds: 100)
        #expect(outcome.counts.playout.concealments < 12, "\(outcome.counts)")
        let calm = outcome.delays.filter { $0.time > 90 }
        #expect(calm.allSatisfy { $0.delay < 0.005_5 }, "\(calm.map(\.delay).max() ?? 0)")
    }
}
