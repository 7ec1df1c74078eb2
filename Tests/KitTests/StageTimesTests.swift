import Testing
import VoiceKit

@Suite struct StageTimesTests {
    @Test func percentilesAreKnownWithinTwoPercent() throws {
        var times = StageTimes()
        #expect(times.percentile(0.5) == nil)
        for microseconds in 1...1_000 { times.add(Int64(microseconds) * 10_000) }
        for (share, exact) in [(0.01, 100_000.0), (0.5, 5_000_000), (0.99, 9_900_000), (1, 10_000_000)] {
            let found = Double(try #require(times.percentile(share)))
            #expect(abs(found / exact - 1) <= 0.02, "\(share): \(found)")
        }
    }

    @Test(arguments: [Int64.min, -1, 0, 1_023, .max])
    func anyTimeHasItsPlace(nanoseconds: Int64) throws {
        var times = StageTimes()
        times.add(nanoseconds)
        let found = try #require(times.percentile(0.99))
        #expect(found >= 1_024 && found < 100_000_000_000)
    }
}
