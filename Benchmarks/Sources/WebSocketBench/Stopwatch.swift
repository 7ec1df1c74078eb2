import Glibc

/// CPU time of the calling thread: what other programs do meanwhile is not in it.
enum Stopwatch {
    static func cpuNanoseconds() -> Double { read(CLOCK_THREAD_CPUTIME_ID) }
    static func wallNanoseconds() -> Double { read(CLOCK_MONOTONIC) }

    private static func read(_ clock: clockid_t) -> Double {
        var time = timespec()
        clock_gettime(clock, &time)
        return Double(time.tv_sec) * 1e9 + Double(time.tv_nsec)
    }

    /// The shortest of so many runs, in nanoseconds of CPU time for one of `count` repetitions.
    static func best(of runs: Int, count: Int, _ body: () -> Void) -> Double {
        var best = Double.infinity
        for _ in 0..<runs {
            let start = cpuNanoseconds()
            for _ in 0..<count { body() }
            best = min(best, (cpuNanoseconds() - start) / Double(count))
        }
        return best
    }
}

/// A figure with so many decimals.
func figure(_ value: Double, _ decimals: Int = 2) -> String {
    var power = 1.0
    for _ in 0..<decimals { power *= 10 }
    let whole = Int((value * power).rounded())
    guard decimals > 0 else { return "\(whole)" }
    let digits = String(whole % Int(power))
    return "\(whole / Int(power)).\(String(repeating: "0", count: decimals - digits.count))\(digits)"
}

func column(_ text: String, _ width: Int) -> String {
    String(repeating: " ", count: max(0, width - text.utf8.count)) + text
}
