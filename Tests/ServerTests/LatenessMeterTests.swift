import NIOCore
import Testing
import VoiceServer

/// The measure by which a server knows that it has too much to do, in virtual time.
@Suite struct LatenessMeterTests {
    private let start = NIODeadline.uptimeNanoseconds(1_000_000_000)

    private func meter(_ milliseconds: [Double]) -> LatenessMeter {
        var meter = LatenessMeter(now: start)
        for value in milliseconds { meter.note(.microseconds(Int64(value * 1_000)), now: start) }
        return meter
    }

    @Test func percentilesAreUpperBounds() {
        var meter = meter((1...1_000).map { Double($0) / 10 })
        let report = meter.report(now: start, oldest: .milliseconds(3))
        #expect(report.count == 1_000)
        #expect((50...75).contains(report.median))
        #expect((90...130).contains(report.percentile90))
        #expect((99...145).contains(report.percentile99))
        #expect(report.worst == 100)
        #expect(report.oldest == 3)
    }

    @Test func whatIsOverIsForgotten() {
        var meter = meter([Double](repeating: 500, count: 200))
        #expect(meter.report(now: start + .milliseconds(1_500), oldest: .nanoseconds(0)).exceeds(milliseconds: 250))
        let later = meter.report(now: start + .milliseconds(2_600), oldest: .nanoseconds(0))
        #expect(later.count == 0)
        #expect(!later.exceeds(milliseconds: 250))
        #expect(later.worst == 500)
    }

    @Test func aFewLateFramesAreNoOverload() {
        let cases: [([Double], Double, Bool)] = [
            ([], 0, false), ([Double](repeating: 900, count: 9), 0, false),
            ([Double](repeating: 900, count: 10), 0, true), ([Double](repeating: 1, count: 5_000), 0, false),
            ([Double](repeating: 1, count: 950) + [Double](repeating: 900, count: 50), 0, false),
            ([Double](repeating: 1, count: 850) + [Double](repeating: 900, count: 150), 0, true),
            // All workers stand still: nothing is noted any more, and something waits.
            ([], 999, false), ([], 1_001, true),
        ]
        for (values, oldest, isTooLate) in cases {
            var meter = meter(values)
            let report = meter.report(now: start, oldest: .microseconds(Int64(oldest * 1_000)))
            #expect(report.exceeds(milliseconds: 250) == isTooLate, "\(values.count) values, oldest \(oldest)")
        }
    }

    @Test func anythingFitsTheHistogram() {
        var meter = meter([0, 1e-3, 3_600_000])
        let report = meter.report(now: start, oldest: .nanoseconds(0))
        #expect(report.count == 3)
        #expect(report.percentile99 > 4_000)
    }
}
