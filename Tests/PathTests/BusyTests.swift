import Testing
import VoiceLivePath

/// What is shown as the difference of the clocks on a machine whose threads wake late again and again, from the first
/// seconds on. All clocks are one here, so the truth is zero.
@Suite struct BusyTests {
    private func disturb(_ plan: inout PathSimulation, until end: Double) {
        var dice = Dice(seed: plan.seed)
        func next(_ pause: Double) -> [PathSimulation.Interval] {
            var found: [PathSimulation.Interval] = []
            var time = 0.4 + pause * dice.next()
            while time < end {
                let length = 0.005 + 0.025 * dice.next()
                found.append(.init(from: time, to: time + length))
                time += length + pause * (0.3 + dice.next())
            }
            return found
        }
        plan.stalls = next(3)
        plan.hiccups = next(3)
        plan.deafness = next(9)
    }

    private func expectNoDrift(_ plan: PathSimulation, _ name: String) throws {
        let outcome = try plan.run(seconds: 120)
        func most(_ from: Double, _ to: Double) -> Double {
            outcome.delays.filter { $0.time >= from && $0.time < to }.map { abs($0.ppm) }.max() ?? 0
        }
        let playout = outcome.counts.playout
        print(
            "busy \(name) seed \(plan.seed): most ppm \(most(0, 15)) \(most(15, 40)) \(most(40, 60)) \(most(60, 90)) "
                + "\(most(90, 120)); gaps \(playout.concealments)")
        // Busy enough to be worth it.
        #expect(playout.concealments > 3)
        #expect(most(40, 120) < 100)
    }

    @Test(arguments: [UInt64(1), 2, 3, 4, 5, 6], [64, 512])
    func no_drift_is_seen_where_there_is_none(seed: UInt64, period: Int) throws {
        var plan = PathSimulation()
        plan.seed = seed
        plan.settings = .local(captureRate: 48_000, playbackRate: 48_000, streamRate: 48_000)
        plan.blockSeconds = Double(period) / 48_000
        plan.events = [(0, .bypass(true))]
        plan.threadJitter = 0.000_2
        disturb(&plan, until: 120)
        try expectNoDrift(plan, "local, periods of \(period)")
    }

    @Test(arguments: [UInt64(1), 2, 3])
    func nor_through_a_relay(seed: UInt64) throws {
        var plan = PathSimulation()
        plan.seed = seed
        plan.threadJitter = 0.000_2
        disturb(&plan, until: 120)
        for index in plan.stalls.indices where index.isMultiple(of: 4) {
            let from = plan.stalls[index].from
            plan.freezes.append(.init(from: from, to: from + 0.15))
        }
        try expectNoDrift(plan, "relay")
    }
}
