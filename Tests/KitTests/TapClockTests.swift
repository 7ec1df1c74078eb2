import Testing
import VoiceKit

/// The silence that keeps a recording in the session's time, in virtual time: 48 kHz in periods of 256 frames.
@Suite struct TapClockTests {
    private static let second: Int64 = 1_000_000_000
    private var clock = TapClock(rate: 48_000)
    private var now: Int64 = 7 * second
    private var written = 0
    private var silent = 0

    private mutating func run(seconds: Double, ppm: Double = 0, gives: Bool = true) {
        let period = Double(256) / 48_000 / (1 + ppm * 1e-6)
        for _ in 0..<Int(seconds / period) {
            now += Int64(period * 1e9)
            if gives {
                clock.wrote(256)
                written += 256
            }
            let lacking = clock.lacking(period: 256, now: now)
            silent += lacking
            written += lacking
        }
    }

    @Test(arguments: [-3_000.0, -100, 0, 100, 3_000])
    mutating func a_device_with_a_clock_of_its_own_lacks_nothing(ppm: Double) {
        run(seconds: 600, ppm: ppm)
        #expect(silent == 0)
    }

    @Test(arguments: [0.2, 1, 5, 60])
    mutating func an_outage_is_as_long_as_it_was(seconds: Double) {
        run(seconds: 10)
        for _ in 0..<3 {
            run(seconds: seconds, gives: false)
            run(seconds: 10)
        }
        let lack = 40 * 48_000 + 3 * seconds * 48_000 - Double(written)
        #expect(lack > -480 && lack < 3 * 0.06 * 48_000, "\(lack) frames")
        #expect(silent > 0)
    }

    /// What a thread that stood still finds in the ring is no outage.
    @Test mutating func what_comes_late_at_once_is_not_silent() {
        run(seconds: 10)
        now += 3 * Self.second / 10
        clock.wrote(14_400)
        #expect(clock.lacking(period: 256, now: now) == 0)
        run(seconds: 10)
        #expect(silent == 0)
    }
}
