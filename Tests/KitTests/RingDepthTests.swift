import Testing
import VoiceKit

/// The ring to the speaker's thread, in virtual time: periods of 64 frames at 48 kHz.
@Suite struct RingDepthTests {
    private static let second: Int64 = 1_000_000_000
    private var depth = RingDepth(period: 64, rate: 48_000)
    private var starved: UInt64 = 0
    private var now: Int64 = 0

    /// Runs so many seconds; `missing` says how many frames lack in each period, and `left` how many are left over.
    private mutating func run(seconds: Double, left: Int = 12, missing: (Int64) -> UInt64 = { _ in 0 }) {
        let end = now + Int64(seconds * 1e9)
        while now < end {
            now += 64 * Self.second / 48_000
            starved += missing(now)
            depth.update(queued: left, starved: starved, now: now)
        }
    }

    @Test mutating func nothing_missing_changes_nothing() {
        let before = depth.frames
        run(seconds: 60)
        #expect(depth.frames == before)
        #expect(before == 64 + 12)
    }

    /// A machine that stood still for a moment, and what it makes up for behind it, ask for no depth.
    @Test mutating func a_lone_lack_leaves_the_depth_as_it_was() {
        let before = depth.frames
        run(seconds: 5)
        run(seconds: 0.3) { _ in 50 }
        run(seconds: 30)
        #expect(depth.frames == before)
    }

    @Test mutating func what_lacks_again_grows_the_depth_by_it() {
        let before = depth.frames
        run(seconds: 5)
        for _ in 0..<2 {
            run(seconds: 0.001) { _ in 40 }
            run(seconds: 3)
        }
        #expect(depth.frames == before + 40 + 12)
        for _ in 0..<300 { run(seconds: 0.6) { $0 % 3 == 0 ? 64 : 1 } }
        #expect(depth.frames <= 4_800)
    }

    /// A sound server that takes 1,024 frames at once from now on, as much lacks each time: at the second one it is there.
    @Test mutating func a_larger_period_is_followed_at_once() {
        run(seconds: 5)
        for _ in 0..<2 {
            run(seconds: 0.001) { _ in 960 }
            run(seconds: 0.6)
        }
        #expect(depth.frames >= 1_024)
    }

    @Test mutating func what_is_never_used_goes_away() {
        run(seconds: 5)
        for _ in 0..<6 {
            run(seconds: 0.001) { _ in 64 }
            run(seconds: 1)
        }
        let grown = depth.frames
        #expect(grown > 200)
        run(seconds: 60, left: 200)
        #expect(depth.frames < grown / 2)
        #expect(depth.frames >= 64)
    }

    /// While a sound server settles on its period, whatever lacks is forgotten.
    @Test mutating func the_first_second_is_forgotten() {
        let before = depth.frames
        run(seconds: 0.9) { _ in 30 }
        run(seconds: 0.2)
        run(seconds: 0.001) { _ in 30 }
        run(seconds: 5)
        #expect(depth.frames == before)
    }
}
