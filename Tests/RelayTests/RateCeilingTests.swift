import Testing
import VoiceRealtime
import VoiceRelay

/// The promise: in every window of one second, wherever it starts, at most 48,000 bytes leave.
@Suite struct RateCeilingTests {
    private struct Departure {
        var time: MonotonicTime
        var bytes: Int
    }

    /// The fullest window of one second, both ends included. Written independently of the governor: every departure is
    /// tried as the first of a window.
    private func fullestSecond(_ departures: [Departure]) -> Int {
        var fullest = 0
        var bytes = 0
        var end = 0
        for start in departures.indices {
            while end < departures.count,
                departures[end].time.nanoseconds(since: departures[start].time) <= 1_000_000_000
            {
                bytes += departures[end].bytes
                end += 1
            }
            fullest = max(fullest, bytes)
            bytes -= departures[start].bytes
        }
        return fullest
    }

    /// Plays a source against the governor: `next` gives the size of the next packet and how late the caller comes.
    private func play(
        _ ceiling: RateCeiling, seconds: Int64, from start: UInt64 = 0,
        next: (MonotonicTime) -> (bytes: Int, lateNanoseconds: Int64)
    ) throws -> [Departure] {
        var ceiling = ceiling
        var now = MonotonicTime(nanoseconds: start)
        let end = now.advanced(byNanoseconds: .seconds(seconds))
        var departures: [Departure] = []
        while now < end {
            let packet = next(now)
            now = now.advanced(byNanoseconds: packet.lateNanoseconds)
            let earliest = ceiling.earliestDeparture(of: packet.bytes, now: now)
            now = try #require(earliest)
            ceiling.depart(packet.bytes, now: now)
            departures.append(Departure(time: now, bytes: packet.bytes))
        }
        return departures
    }

    @Test(arguments: [UInt64](1...40))
    func everySecondOfARandomScheduleStaysUnderTheCeiling(seed: UInt64) throws {
        var random = SplitMix(seed: seed)
        let sizes = [2, 64, 320, 640, 1280, 4096, 48_000]
        let departures = try play(RateCeiling(), seconds: 20, from: .random(in: 0...(1 << 60), using: &random)) { _ in
            let bytes = sizes.randomElement(using: &random) ?? 640
            let isStall = Int.random(in: 0..<50, using: &random) == 0
            return (
                bytes,
                isStall ? .random(in: 0...3_000_000_000, using: &random) : .random(in: 0...30_000_000, using: &random)
            )
        }
        #expect(fullestSecond(departures) <= 48_000)
        #expect(!departures.isEmpty)
    }

    @Test func aSourceWithoutEndIsSpreadEvenlyJustUnderTheCeiling() throws {
        let departures = try play(RateCeiling(), seconds: 60) { _ in (640, 0) }
        let total = departures.reduce(0) { $0 + $1.bytes }
        #expect(fullestSecond(departures) <= 48_000)
        #expect((45_900 * 60...46_100 * 60).contains(total))
        // Evenly: 20 ms of jitter anywhere can't lift a second above the ceiling.
        for start in departures.indices {
            let near = departures[start...].prefix {
                $0.time.nanoseconds(since: departures[start].time) <= 1_020_000_000
            }
            #expect(near.reduce(0) { $0 + $1.bytes + 8 } <= 48_000)
        }
    }

    /// The worst that a caller can do: be silent, then push as much as it may at the window's edge, again and again.
    @Test(arguments: [2, 640, 24_000, 48_000])
    func burstsAtTheEdgeOfTheWindowStayUnderTheCeiling(bytes: Int) throws {
        let generous = RateCeiling(ceilingBytesPerSecond: 48_000, pacedBytesPerSecond: 48_000, burstBytes: 48_000)
        var count = 0
        let departures = try play(generous, seconds: 10) { _ in
            count += 1
            return (bytes, count % 97 == 0 ? 999_999_999 : 0)
        }
        #expect(fullestSecond(departures) <= 48_000)
    }

    @Test func tinyPacketsShareSlotsAndStillKeepThePromise() throws {
        let generous = RateCeiling(ceilingBytesPerSecond: 48_000, pacedBytesPerSecond: 48_000, burstBytes: 48_000)
        let departures = try play(generous, seconds: 5) { _ in (2, 1000) }
        #expect(fullestSecond(departures) <= 48_000)
        #expect(departures.count > 50_000)
    }

    @Test func moreThanASecondsWorthCanNeverLeaveAtOnce() {
        var ceiling = RateCeiling()
        let departure = ceiling.earliestDeparture(of: 48_001, now: MonotonicTime(nanoseconds: 5))
        #expect(departure == nil)
    }

    /// The check itself must see a breach: without a governor it does.
    @Test func theWindowCheckNoticesASourceThatIsNotGoverned() {
        let departures = (0..<200).map {
            Departure(time: MonotonicTime(nanoseconds: UInt64($0) * 10_000_000), bytes: 640)
        }
        #expect(fullestSecond(departures) > 48_000)
    }
}

/// A small generator with a seed, so that a failure can be played again (Steele, Lea, Flood, "Fast splittable
/// pseudorandom number generators", 2014).
struct SplitMix: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) {
        state = seed
    }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
