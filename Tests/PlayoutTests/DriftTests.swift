import Testing
import VoicePlayout

@Suite struct DriftTests {
    /// Two clocks that differ: the ratio is learnt within 15 s and stays.
    @Test(arguments: [-500.0, -80, 0, 43, 500], [UInt64(1), 2])
    func the_ratio_is_stable_after_15_seconds(ppm: Double, seed: UInt64) throws {
        var simulation = CallSimulation()
        simulation.settings = .local(rate: 48_000)
        simulation.frameSeconds = 0.0025
        simulation.blockSeconds = 0.0025
        simulation.senderPPM = ppm
        simulation.seed = seed
        simulation.way = { _, dice in 0.000_1 * dice.next() }
        let call = try simulation.run(seconds: 60)
        let late = call.moments.filter { $0.seconds >= 15 }
        let errors = late.map { abs($0.ppm - ppm) }
        print("drift \(ppm) seed \(seed): largest error \(errors.max()!) ppm")
        #expect(errors.max()! < 5)
        let latencies = late.map(\.latency)
        #expect(latencies.max()! - latencies.min()! < 0.000_5)
        #expect(call.counts.concealments == 0)
        #expect(call.counts.removed + call.counts.inserted == 0)
    }

    /// A relay's bursts move the aim of the delay again and again; what is learnt of the clocks is the clocks' alone.
    @Test(arguments: [-300.0, 0, 120], [UInt64(2), 9, 15, 19])
    func a_relays_bursts_are_no_drift(ppm: Double, seed: UInt64) throws {
        var simulation = CallSimulation()
        simulation.senderPPM = ppm
        simulation.seed = seed
        simulation.way = { _, dice in 0.02 + 0.004 * dice.next() + (dice.next() < 0.01 ? 0.02 : 0) }
        let call = try simulation.run(seconds: 120)
        func error(from seconds: Double) -> Double {
            call.moments.filter { $0.seconds >= seconds }.map { abs($0.clockPPM - ppm) }.max()!
        }
        print("relay drift \(ppm) seed \(seed): \(error(from: 15)) ppm off from 15 s, \(error(from: 40)) from 40 s on")
        #expect(error(from: 15) < 250)
        #expect(error(from: 40) < 120)
    }

    @Test(arguments: [-5_000.0, 5_000, -40_000, 40_000, .nan, .infinity])
    func the_loop_is_bounded(error: Double) {
        var loop = DriftLoop()
        for _ in 0..<100_000 { #expect(abs(loop.update(error: error, seconds: 0.005)) <= DriftLoop.ppmMax) }
        for _ in 0..<100_000 { _ = loop.update(error: error > 0 ? -0.003 : 0.003, seconds: 0.005) }
        #expect(loop.ppm.isFinite)
    }

    /// An hour each: clocks that wander with the temperature, jitter, and a freeze every few minutes.
    @Test(arguments: [UInt64(11), 12, 13])
    func an_hour_of_call_keeps_its_delay(seed: UInt64) throws {
        var dice = Dice(seed: seed)
        var simulation = CallSimulation()
        simulation.seed = seed
        simulation.senderPPM = 400 * (dice.next() - 0.5)
        let (period, size) = (200 + 900 * dice.next(), 30 * dice.next())
        simulation.wander = { seconds in
            let phase = (seconds / period).truncatingRemainder(dividingBy: 1)
            return size * (phase < 0.5 ? 4 * phase - 1 : 3 - 4 * phase)
        }
        let jitter = 0.02 * dice.next()
        simulation.way = { _, dice in 0.03 + jitter * dice.next() }
        simulation.freezes = (1..<12).map { minute in
            let start = Double(minute) * 300 + 60 * dice.next()
            return (start, start + 6 * dice.next())
        }
        print("hour of call: seed \(seed), \(simulation.senderPPM) ppm ± \(size), jitter \(jitter) s")
        let call = try simulation.run(seconds: 3_600, every: 0.5)
        let quiet = call.moments.filter { moment in
            moment.seconds > 30
                && !simulation.freezes.contains { moment.seconds > $0.from - 1 && moment.seconds < $0.to + 1 }
        }
        let latencies = quiet.map(\.latency).sorted()
        let median = latencies[latencies.count / 2]
        print("  median \(median), least \(latencies[0]), largest \(latencies[latencies.count - 1]) s; \(call.counts)")
        #expect(latencies[0] > median - 0.01)
        #expect(latencies[latencies.count - 1] < median + 0.015)
        #expect(call.counts.outages >= 8)
        expectBalance(call)
    }
}
