import NIOCore
import Testing
import VoiceServer

/// The relay's judgement of a client's pace, in virtual time.
struct RateMeterTests {
    /// Delivers frames that left at an even pace, and says how many were admitted before one was not.
    ///
    /// - Parameter held: a time in which the way held everything back, delivered at its end.
    private func admitted(
        bytesPerSecond: Int, seconds: Double, frame: Int = 640, held: ClosedRange<Double>? = nil
    ) -> Double? {
        var meter = RateMeter()
        let start = NIODeadline.now()
        var left = 0.0
        while left < seconds {
            var arrives = left
            if let held, held.contains(left) { arrives = held.upperBound }
            let time = start + .nanoseconds(Int64(arrives * 1e9))
            if !meter.admit(frame, at: time, lateness: .nanoseconds(0)) { return left }
            left += Double(frame) / Double(bytesPerSecond)
        }
        return nil
    }

    @Test(arguments: [32_000, 46_000, 48_000, 49_600]) func anHonestPaceIsNeverRefused(rate: Int) {
        #expect(admitted(bytesPerSecond: rate, seconds: 60) == nil)
        #expect(admitted(bytesPerSecond: rate, seconds: 60, frame: 320) == nil)
    }

    /// A way that stands still for a while must not make an honest client a hasty one.
    @Test(arguments: [0.06, 0.1, 0.2, 0.3, 0.5]) func aPauseOfTheWayIsNoHaste(pause: Double) {
        for start in stride(from: 0.4, to: 2.4, by: 0.037) {
            let refused = admitted(bytesPerSecond: 46_000, seconds: 5, held: start...(start + pause))
            #expect(refused == nil, "held at \(start)")
        }
    }

    /// The hastier, the sooner: the half second by which the way may vary is used up.
    @Test(arguments: [(51_200, 40.0), (64_000, 3), (96_000, 1.5), (320_000, 0.5)])
    func hasteIsRefused(rate: Int, within seconds: Double) throws {
        let refused = try #require(admitted(bytesPerSecond: rate, seconds: 60))
        #expect(refused <= seconds)
    }

    /// Two seconds of sound in one piece are no pause of the way, however long the client was quiet before.
    @Test(arguments: [0.0, 0.2, 1, 30]) func aBurstOfOldSoundIsRefused(quiet: Double) {
        var meter = RateMeter()
        let start = NIODeadline.now()
        let now = start + .nanoseconds(Int64(quiet * 1e9))
        var answers = [meter.admit(640, at: start, lateness: .nanoseconds(0))]
        #expect(answers == [true])
        for _ in 0..<100 { answers.append(meter.admit(640, at: now, lateness: .nanoseconds(0))) }
        #expect(answers.contains(false))
    }

    /// A relay that is always a little late still refuses haste.
    @Test func lastingLatenessIsNoFreePass() {
        var meter = RateMeter()
        let start = NIODeadline.now()
        var answers: [Bool] = []
        for index in 0..<6_000 {
            answers.append(meter.admit(640, at: start + .milliseconds(Int64(index) * 5), lateness: .milliseconds(150)))
        }
        #expect(answers.contains(false))
    }

    /// A server that stood still itself forgives what its own pause squeezed together.
    @Test func theServersOwnPauseIsForgiven() {
        var meter = RateMeter()
        let start = NIODeadline.now()
        var answers = [meter.admit(640, at: start, lateness: .nanoseconds(0))]
        for index in 0..<200 {
            let late: TimeAmount = index == 0 ? .seconds(3) : .nanoseconds(0)
            answers.append(meter.admit(640, at: start + .seconds(3), lateness: late))
        }
        #expect(!answers.contains(false))
    }
}
