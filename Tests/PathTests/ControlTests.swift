import Testing
import VoiceLivePath

/// What the user and the network do to a session, in virtual time.
@Suite struct ControlTests {
    private func plan(_ events: [(Double, PathSimulation.Event)]) -> (PathSimulation, Pulses) {
        let pulses = Pulses()
        var plan = PathSimulation()
        plan.sound = Pulses.sound
        plan.heard = pulses.hear
        plan.events = events.map { (time: $0.0, event: $0.1) }
        return (plan, pulses)
    }

    private func ages(_ pulses: Pulses, _ from: Double, _ to: Double) -> [Double] {
        pulses.heard.filter { $0.time >= from && $0.time < to }.map(\.age)
    }

    /// Muted, nothing is heard, after a tail nothing is sent, and it counts as no fault; then all is as before.
    @Test func muting_stops_the_stream_and_unmuting_brings_it_back() throws {
        let (plan, pulses) = plan([(10.5, .mute(true)), (20.5, .mute(false))])
        let outcome = try plan.run(seconds: 30)
        #expect(ages(pulses, 11, 20.5).isEmpty)
        #expect(outcome.departures.filter { $0.time > 11.6 && $0.time < 20.5 }.isEmpty)
        let before = ages(pulses, 5, 10)
        let after = ages(pulses, 22, 30)
        #expect(before.count == 5 && after.count >= 7)
        #expect(abs(before[4] - after[after.count - 1]) < 0.02)
        #expect(outcome.counts.playout.outages == 0)
        #expect(outcome.counts.playout.concealed < 1_000)
    }

    /// Own voice is aligned with the converted one at first, and comes directly after a while.
    @Test func bypass_is_aligned_then_direct() throws {
        let (plan, pulses) = plan([(10.5, .bypass(true)), (20.5, .bypass(false))])
        let outcome = try plan.run(seconds: 30)
        let converted = try #require(ages(pulses, 5, 10.5).last)
        let aligned = try #require(ages(pulses, 10.9, 11.5).first)
        #expect(abs(aligned - converted) < 0.004)
        let direct = try #require(ages(pulses, 16, 20.5).last)
        #expect(direct < converted - 0.03)
        // While it is direct the converter gets nothing, and nobody pays for it.
        #expect(outcome.departures.filter { $0.time > 13 && $0.time < 20.5 }.isEmpty)
        let after = ages(pulses, 22, 30)
        #expect(after.count >= 7)
        #expect(abs(try #require(after.last) - converted) < 0.02)
    }

    /// When the relay goes the own voice is heard, or nothing; what was said meanwhile is never sent.
    @Test(arguments: [false, true])
    func nothing_old_is_sent_after_a_reconnect(ownVoice: Bool) throws {
        let (plan, pulses) = plan([(10.5, .lost(ownVoice: ownVoice)), (15.5, .ready)])
        let outcome = try plan.run(seconds: 25)
        #expect(outcome.departures.filter { $0.time > 10.5 && $0.time < 15.5 }.isEmpty)
        let meanwhile = ages(pulses, 11, 15.5)
        #expect(ownVoice ? meanwhile.count >= 4 : meanwhile.isEmpty)
        #expect(pulses.heard.allSatisfy { $0.age < 0.2 }, "\(pulses.heard)")
        let before = try #require(ages(pulses, 5, 10.5).last)
        #expect(abs(try #require(ages(pulses, 20, 25).last) - before) < 0.02)
        // At the reconnect less than a packet is waiting.
        let first = outcome.departures.filter { $0.time >= 15.5 && $0.time < 15.6 }.map(\.bytes).reduce(0, +)
        #expect(first <= 11 * 320)
        expectRatePromise(outcome.departures)
    }

    /// The relay takes longer than the bound: nothing piles up on the way.
    @Test func a_stuck_relay_gets_no_more_than_the_bound() throws {
        var (plan, pulses) = plan([])
        plan.freezes = [.init(from: 10, to: 18)]
        let outcome = try plan.run(seconds: 30)
        let held = outcome.departures.filter { $0.time > 10 && $0.time < 18 }.map(\.bytes).reduce(0, +)
        #expect(held <= 48_000 + 640)
        #expect(outcome.counts.droppedOld > 6 * 16_000)
        #expect(pulses.heard.allSatisfy { $0.age < 0.25 }, "\(pulses.heard)")
        #expect(ages(pulses, 19, 30).count >= 10)
    }
}
