import Testing
import VoiceALSADevice

/// When a playback device that runs dry shall hold more, in virtual time.
@Suite struct DeviceMarginTests {
    private static let second: UInt64 = 1_000_000_000
    private var margin = DeviceMargin(latencyNanoseconds: 2_670_000)

    /// Looks five times a second, as a supervisor does; `underruns` gives their count by the time. Returns the growths.
    private mutating func watch(seconds: Int, underruns: (Double) -> UInt64) -> Int {
        var growths = 0
        for step in 0..<(seconds * 5) {
            let now = Self.second * 1_000 + UInt64(step) * Self.second / 5
            if margin.grows(underruns: underruns(Double(step) / 5), now: now) { growths += 1 }
        }
        return growths
    }

    /// Half a second in which it runs dry fifty times is one moment.
    @Test mutating func a_moment_does_not_count_often() {
        let growths = watch(seconds: 60) { $0 < 20 ? 0 : $0 < 20.8 ? UInt64(($0 - 20) * 60) : 50 }
        #expect(growths == 0)
        #expect(margin.latencyNanoseconds == 2_670_000)
    }

    /// A standstill and what comes behind it, dry now and then for two seconds, and again ten seconds later.
    @Test mutating func a_standstill_with_its_wake_counts_once() {
        let dry = [20.0, 20.6, 21.2, 21.8, 30, 30.6, 31.2]
        #expect(watch(seconds: 60) { now in UInt64(dry.count { $0 <= now + 0.01 }) } == 0)
    }

    @Test mutating func once_in_ten_seconds_is_not_often() {
        #expect(watch(seconds: 300) { UInt64($0 / 10) } == 0)
    }

    @Test mutating func each_second_is_often() {
        let growths = watch(seconds: 8) { UInt64($0 * 0.7) }
        #expect(growths == 1)
        #expect(margin.latencyNanoseconds == 5_340_000)
    }

    /// A sound server that takes more at once than there ever is.
    @Test mutating func all_the_time_is_seen_at_once() {
        let growths = watch(seconds: 7) { UInt64($0 * 8) }
        #expect(growths == 5)
        #expect(margin.latencyNanoseconds == 85_440_000)
    }

    @Test mutating func it_grows_to_a_limit() {
        let growths = watch(seconds: 300) { UInt64($0) }
        #expect(growths == 6)
        #expect(margin.latencyNanoseconds == 100_000_000)
    }
}
