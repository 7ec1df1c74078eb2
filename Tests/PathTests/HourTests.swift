import Testing
import VoiceConversion
import VoiceLivePath

@Suite struct HourTests {
    /// An hour of call with loss of pace, drift and freezes: nothing old is heard, the delay stays, the rate's promise
    /// is kept, and the counts add up.
    @Test(arguments: [UInt64(101), 103])
    func an_hour_of_call(seed: UInt64) throws {
        var dice = Dice(seed: seed)
        var plan = PathSimulation()
        plan.seed = seed
        plan.capturePPM = 300 * (dice.next() - 0.5)
        plan.playbackPPM = 300 * (dice.next() - 0.5)
        plan.wayJitter = 0.008 * dice.next()
        for minute in stride(from: 2.0, to: 59, by: 3) {
            let start = 60 * minute + 30 * dice.next()
            plan.freezes.append(.init(from: start, to: start + 7 * dice.next()))
            let stall = start + 50 + 10 * dice.next()
            plan.stalls.append(.init(from: stall, to: stall + 0.6 * dice.next()))
            let deaf = stall + 20 + 10 * dice.next()
            plan.deafness.append(.init(from: deaf, to: deaf + 0.6 * dice.next()))
        }
        let pulses = Pulses(capturePPM: plan.capturePPM)
        plan.sound = Pulses.sound
        plan.heard = pulses.hear
        print(
            "hour: seed \(seed), microphone \(plan.capturePPM) ppm, speaker \(plan.playbackPPM) ppm, "
                + "jitter \(plan.wayJitter) s")
        let outcome = try plan.run(seconds: 3_600)
        let ages = pulses.heard.map(\.age).sorted()
        let median = ages[ages.count / 2]
        print("  heard \(ages.count), age median \(median) largest \(ages[ages.count - 1]) s; \(outcome.counts)")
        // Nine in ten of all pulses came through, and none was older than a quarter of a second more than usual.
        #expect(ages.count > 3_240)
        #expect(ages[ages.count - 1] < median + 0.27)
        let quiet = pulses.heard.filter { pulse in
            let faults = plan.freezes + plan.stalls + plan.deafness
            return pulse.time > 30 && !faults.contains { pulse.time > $0.from - 1 && pulse.time < $0.to + 12 }
        }
        #expect(quiet.count > 1_500)
        #expect(quiet.allSatisfy { abs($0.age - median) < 0.012 }, "\(quiet.map(\.age).max() ?? 0)")
        expectPromises(outcome, echoDelay: plan.echoDelay)
    }

    /// The same with the real converter, for a minute.
    @Test func a_minute_of_converted_speech() throws {
        var plan = PathSimulation()
        plan.voice = VoiceCatalog.voice(named: "rachel")
        plan.sound = Pulses.sound
        plan.capturePPM = 120
        plan.freezes = [.init(from: 20, to: 25), .init(from: 40, to: 40.2)]
        plan.stalls = [.init(from: 33, to: 33.5)]
        let outcome = try plan.run(seconds: 60)
        expectPromises(outcome, echoDelay: 240)
        let before = try #require(outcome.delays.last { $0.time < 19 }).delay
        let after = outcome.delays.filter { ($0.time > 26 && $0.time < 33) || $0.time > 42 }
        #expect(after.allSatisfy { abs($0.delay - before) < 0.02 }, "\(before) \(after)")
    }

    private func expectPromises(_ outcome: PathSimulation.Outcome, echoDelay: Int) {
        expectRatePromise(outcome.departures)
        let counts = outcome.counts
        // All that was recorded was sent, was too old, or waits; all that was sent came back or is on its way.
        let unsent = counts.captured - counts.sent - counts.droppedOld
        #expect(unsent >= 0 && unsent < 16_000 / 5, "\(counts)")
        #expect(counts.sent == counts.received + outcome.onTheWay)
        #expect(counts.delivered == counts.received - echoDelay - counts.droppedStale, "\(counts)")
        let playout = counts.playout
        #expect(counts.delivered == playout.pushed)
        #expect(
            playout.pushed
                == playout.played + playout.removed + playout.droppedLate - playout.inserted + outcome.waiting)
        #expect(playout.pulled == playout.played + playout.concealed + playout.silent)
    }
}

/// In every window of a second at most 48,000 bytes left.
func expectRatePromise(_ departures: [(time: Double, bytes: Int)], sourceLocation: SourceLocation = #_sourceLocation) {
    var first = 0
    var bytes = 0
    var most = 0
    for (time, count) in departures {
        bytes += count
        while departures[first].time < time - 1 {
            bytes -= departures[first].bytes
            first += 1
        }
        most = max(most, bytes)
    }
    #expect(most <= 48_000, sourceLocation: sourceLocation)
    #expect(departures.count > 100, sourceLocation: sourceLocation)
}
