import NIOCore

/// How long work waited for a thread within the last one to two seconds, as a histogram of fixed size.
///
/// No clock of its own: time is an argument. One caller at a time.
package struct LatenessMeter: Sendable {
    /// What the meter says; in milliseconds, each the upper bound of its class.
    package struct Report: Sendable, Equatable {
        package var count: Int
        package var median: Double
        package var percentile90: Double
        package var percentile99: Double
        /// The longest since the meter began.
        package var worst: Double
        /// How long the work that waits longest has been waiting now.
        package var oldest: Double

        /// Whether work waits longer than it should: one piece in ten, of enough to judge by, or one for very long.
        package func exceeds(milliseconds limit: Double) -> Bool {
            (count >= LatenessMeter.countMin && percentile90 > limit) || oldest > 4 * limit
        }
    }

    /// Fewer pieces of work than this say nothing about a server.
    package static let countMin = 10
    /// Two classes an octave from 62.5 µs to about 4 s.
    private static let classes = 33
    private static let windowNanoseconds: Int64 = 1_000_000_000

    private var current = [Int](repeating: 0, count: classes)
    private var previous = [Int](repeating: 0, count: classes)
    private var started: NIODeadline
    private var worst: TimeAmount = .nanoseconds(0)

    package init(now: NIODeadline) {
        started = now
    }

    /// Notes a piece of work that waited for so long.
    package mutating func note(_ late: TimeAmount, now: NIODeadline) {
        turn(now)
        current[Self.index(late)] += 1
        worst = max(worst, late)
    }

    /// - Parameter oldest: how long the work that waits longest has been waiting.
    package mutating func report(now: NIODeadline, oldest: TimeAmount) -> Report {
        turn(now)
        let counts = zip(current, previous).map { $0 + $1 }
        let total = counts.reduce(0, +)
        func percentile(_ share: Double) -> Double {
            guard total > 0 else { return 0 }
            var left = Int((Double(total) * share).rounded(.up))
            for (index, count) in counts.enumerated() {
                left -= count
                if left <= 0 { return Self.bound(index) }
            }
            return Self.bound(counts.count - 1)
        }
        return Report(
            count: total, median: percentile(0.5), percentile90: percentile(0.9), percentile99: percentile(0.99),
            worst: Double(worst.nanoseconds) / 1e6, oldest: Double(oldest.nanoseconds) / 1e6)
    }

    /// Every second the older half of the window goes.
    private mutating func turn(_ now: NIODeadline) {
        let age = (now - started).nanoseconds
        guard age >= Self.windowNanoseconds else { return }
        previous = age < 2 * Self.windowNanoseconds ? current : [Int](repeating: 0, count: Self.classes)
        current = [Int](repeating: 0, count: Self.classes)
        started = now
    }

    private static let boundsNanoseconds: [Int64] = (0..<classes).map { index in
        let octave = Int64(62_500) << (index / 2)
        return index % 2 == 0 ? octave : octave * 1_414 / 1_000
    }

    private static func index(_ late: TimeAmount) -> Int {
        boundsNanoseconds.firstIndex { late.nanoseconds <= $0 } ?? classes - 1
    }

    private static func bound(_ index: Int) -> Double { Double(boundsNanoseconds[index]) / 1e6 }
}
