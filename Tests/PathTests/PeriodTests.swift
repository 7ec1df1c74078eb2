import Testing
import VoiceLivePath
import VoicePlayout

/// A session in this process with devices of every period that can be asked for.
@Suite struct PeriodTests {
    /// Frames at 48 kHz: low, balanced, safe, 50, 100, 200 and 400 ms.
    private static let periods = [
        (64, 64), (128, 256), (1_024, 1_024), (600, 600), (1_200, 1_200), (2_400, 2_400), (4_800, 4_800),
    ]

    private func expectSound(_ plan: PeriodSimulation) throws {
        let outcome = try plan.run(seconds: 60, settling: 20)
        let counts = outcome.counts
        print(
            "periods \(plan.capturePeriod), \(plan.playbackPeriod) phase \(plan.phase) quantum \(plan.quantum) "
                + "\(plan.playbackPPM) ppm: dropped \(counts.droppedLate) + \(outcome.droppedOld), concealed "
                + "\(counts.concealed), cut \(counts.removed), inserted \(counts.inserted), delay "
                + "\(outcome.delays.min() ?? 0) + \(outcome.spread) s, target \(outcome.target)")
        #expect(counts.droppedLate == 0 && outcome.droppedOld == 0)
        #expect(counts.concealed == 0)
        #expect(counts.removed == 0 && counts.inserted == 0)
        #expect(outcome.spread < 0.001_5)
        // Both periods, the converter's delay, and little more.
        let both = Double(plan.capturePeriod + plan.playbackPeriod + 2 * plan.quantum) / 48_000
        #expect((outcome.delays.max() ?? 1) < both + 0.015 + 0.003)
    }

    @Test(arguments: periods, [0.1, 0.5, 0.9])
    func nothing_is_dropped_or_concealed_and_the_delay_stays(periods: (Int, Int), phase: Double) throws {
        var plan = PeriodSimulation()
        (plan.capturePeriod, plan.playbackPeriod) = periods
        plan.phase = phase
        try expectSound(plan)
    }

    /// Through all phases of the two devices.
    @Test(arguments: periods)
    func nor_where_the_clocks_differ(periods: (Int, Int)) throws {
        var plan = PeriodSimulation()
        (plan.capturePeriod, plan.playbackPeriod) = periods
        plan.playbackPPM = 300
        try expectSound(plan)
    }

    /// A sound server with a period of its own, shorter or longer than what was granted.
    @Test(arguments: periods, [256, 1_024])
    func nor_behind_a_sound_server(periods: (Int, Int), quantum: Int) throws {
        var plan = PeriodSimulation()
        (plan.capturePeriod, plan.playbackPeriod) = periods
        plan.quantum = quantum
        try expectSound(plan)
    }
}
