import Testing
import VoiceLivePath

/// A relay that stands still while its connection lives, in virtual time.
@Suite struct StallTests {
    private func plan(ownVoice: Bool, freeze: Double) -> (PathSimulation, Pulses) {
        let pulses = Pulses()
        var plan = PathSimulation()
        plan.sound = Pulses.sound
        plan.heard = pulses.hear
        plan.playsOwnVoiceOnStall = ownVoice
        plan.freezes = [.init(from: 10.5, to: 10.5 + freeze)]
        return (plan, pulses)
    }

    private func ages(_ pulses: Pulses, _ from: Double, _ to: Double) -> [Double] {
        pulses.heard.filter { $0.time >= from && $0.time < to }.map(\.age)
    }

    /// After a second without an answer it is known, and the own voice is heard where that was asked for; nothing old is
    /// heard afterwards, and no delay stays behind.
    @Test(arguments: [false, true], [3.0, 8.0])
    func it_is_known_after_a_second_and_leaves_nothing_behind(ownVoice: Bool, freeze: Double) throws {
        let (plan, pulses) = plan(ownVoice: ownVoice, freeze: freeze)
        let end = 10.5 + freeze
        let outcome = try plan.run(seconds: end + 15)
        #expect(outcome.stalls.map(\.isStalled) == [true, false])
        let (found, over) = (try #require(outcome.stalls.first).time, try #require(outcome.stalls.last).time)
        #expect(found > 11.4 && found < 11.7, "\(found)")
        #expect(over >= end && over < end + 1, "\(over)")
        let meanwhile = ages(pulses, 12, end)
        #expect(ownVoice ? Double(meanwhile.count) >= freeze - 2 : meanwhile.isEmpty, "\(meanwhile)")
        #expect(pulses.heard.allSatisfy { $0.age < 0.25 }, "\(pulses.heard)")
        let before = try #require(ages(pulses, 5, 10.5).last)
        let after = ages(pulses, end + 8, end + 15)
        #expect(after.count >= 6)
        #expect(abs(try #require(after.last) - before) < 0.02)
        expectRatePromise(outcome.departures)
    }

    /// A pause that a network may make is no stall, nor is a microphone that is muted or a voice that is bypassed.
    @Test func what_is_no_stall_is_not_taken_for_one() throws {
        #expect(try plan(ownVoice: true, freeze: 0.7).0.run(seconds: 15).stalls.isEmpty)
        for event in [PathSimulation.Event.mute(true), .bypass(true)] {
            var (plan, _) = plan(ownVoice: false, freeze: 8)
            plan.events = [(time: 7, event: event)]
            #expect(try plan.run(seconds: 25).stalls.isEmpty)
        }
    }
}
