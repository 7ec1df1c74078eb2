import Testing
import VoiceRealtime
import VoiceSecureStream

/// Happy eyeballs in virtual time (RFC 8305).
struct AddressRaceTests {
    private func time(_ milliseconds: Int64) -> MonotonicTime {
        MonotonicTime(nanoseconds: 0).advanced(byNanoseconds: .seconds(100) + .milliseconds(milliseconds))
    }

    /// Plays the race: answers come at their times, each attempt fails after `failsAfter`, none connects.
    private func starts(
        _ answers: [(at: Int64, family: AddressFamily, addresses: [String])], failsAfter: Int64?, until end: Int64
    ) -> [String] {
        var race = AddressRace<String>()
        var log: [String] = []
        var failures: [Int64] = []
        for now in 0...end {
            for answer in answers where answer.at == now {
                race.answer(answer.family, answer.addresses, now: time(now))
            }
            for failure in failures where failure == now {
                race.attemptFailed(now: time(failure))
            }
            while case .start(let address) = race.next(now: time(now)) {
                log.append("\(now) \(address)")
                if let failsAfter { failures.append(now + failsAfter) }
            }
        }
        return log
    }

    @Test func silent_addresses_start_every_250_ms_families_in_turn_six_first() {
        let log = starts(
            [(0, .six, ["6a", "6b"]), (0, .four, ["4a", "4b"])], failsAfter: nil, until: 2000)
        #expect(log == ["0 6a", "250 4a", "500 6b", "750 4b"])
    }

    @Test func failure_starts_the_next_at_once() {
        let log = starts([(0, .six, ["6a"]), (0, .four, ["4a", "4b"])], failsAfter: 10, until: 2000)
        #expect(log == ["0 6a", "10 4a", "20 4b"])
    }

    @Test func four_waits_50_ms_for_six() {
        #expect(
            starts([(5, .four, ["4a"]), (500, .six, ["6a"])], failsAfter: nil, until: 2000) == ["55 4a", "500 6a"])
        #expect(starts([(5, .four, ["4a"]), (30, .six, ["6a"])], failsAfter: nil, until: 2000) == ["30 6a", "280 4a"])
        #expect(starts([(5, .four, ["4a"]), (30, .six, [])], failsAfter: nil, until: 2000) == ["30 4a"])
    }

    @Test func six_does_not_wait_for_four() {
        #expect(starts([(5, .six, ["6a"]), (40, .four, ["4a"])], failsAfter: nil, until: 2000) == ["5 6a", "255 4a"])
    }

    @Test func no_address_at_all_ends_the_race() {
        var race = AddressRace<String>()
        guard case .waitForAnswer = race.next(now: time(0)) else {
            Issue.record("an open lookup must be waited for")
            return
        }
        race.answer(.six, [], now: time(1))
        race.answer(.four, [], now: time(2))
        guard case .exhausted = race.next(now: time(2)) else {
            Issue.record("nothing is left to try")
            return
        }
    }
}
