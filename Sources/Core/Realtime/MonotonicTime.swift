/// A point on a monotonic clock, in nanoseconds since an arbitrary start.
///
/// State machines take it as an argument and never read a clock, so a test can play an hour in milliseconds.
/// Eight bytes and free of reference counting: usable on audio threads.
public struct MonotonicTime: Comparable, Hashable, Sendable {
    public var nanoseconds: UInt64

    public init(nanoseconds: UInt64) {
        self.nanoseconds = nanoseconds
    }

    public static func < (left: MonotonicTime, right: MonotonicTime) -> Bool {
        left.nanoseconds < right.nanoseconds
    }

    /// Later than any clock will show.
    public static let distantFuture = MonotonicTime(nanoseconds: .max)

    /// The time `nanoseconds` later; saturates at both ends of the clock instead of trapping.
    public func advanced(byNanoseconds nanoseconds: Int64) -> MonotonicTime {
        let (sum, overflow) = self.nanoseconds.addingReportingOverflow(
            UInt64(bitPattern: nanoseconds))
        if nanoseconds >= 0 {
            return MonotonicTime(nanoseconds: overflow ? .max : sum)
        }
        return MonotonicTime(nanoseconds: overflow ? sum : 0)
    }

    /// Nanoseconds from `earlier` to this time; negative when `earlier` is later.
    public func nanoseconds(since earlier: MonotonicTime) -> Int64 {
        Int64(bitPattern: nanoseconds &- earlier.nanoseconds)
    }
}

extension Int64 {
    /// Whole nanoseconds in so many milliseconds.
    public static func milliseconds(_ count: Int64) -> Int64 { count * 1_000_000 }

    /// Whole nanoseconds in so many seconds.
    public static func seconds(_ count: Int64) -> Int64 { count * 1_000_000_000 }
}
