import Glibc

/// Work to be timed: `run` does it once, `units` says how much that is.
struct Contender {
    let name: String
    let units: Double
    let run: () -> Void
}

/// Times contenders in turn, round by round, in processor time of this thread.
///
/// On a shared machine two runs one after the other say little; the ratio of two neighbours in the same round does.
struct Stopwatch {
    let rounds: Int

    struct Timing {
        let name: String
        /// Median over the rounds.
        let nanosecondsPerUnit: Double
        /// How many times the first contender's speed, median over the rounds.
        let speedOverFirst: Double
    }

    func compare(_ contenders: [Contender]) -> [Timing] {
        var times = [[Double]](repeating: [], count: contenders.count)
        for round in -1..<rounds {
            for (index, contender) in contenders.enumerated() {
                let start = Self.threadNanoseconds()
                contender.run()
                let time = (Self.threadNanoseconds() - start) / contender.units
                // The round before the first warms caches and branch predictors.
                if round >= 0 { times[index].append(time) }
            }
        }
        return contenders.indices.map { index in
            Timing(
                name: contenders[index].name, nanosecondsPerUnit: Self.median(times[index]),
                speedOverFirst: Self.median(zip(times[0], times[index]).map { $0 / $1 }))
        }
    }

    static func median(_ values: [Double]) -> Double {
        let sorted = values.sorted()
        return (sorted[(sorted.count - 1) / 2] + sorted[sorted.count / 2]) / 2
    }

    private static func threadNanoseconds() -> Double {
        var time = timespec()
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
        return Double(time.tv_sec) * 1e9 + Double(time.tv_nsec)
    }

    static func wallNanoseconds() -> Double {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Double(time.tv_sec) * 1e9 + Double(time.tv_nsec)
    }
}

/// A number with so many decimals, right-aligned.
func column(_ value: Double, decimals: Int, width: Int) -> String {
    guard value.isFinite else { return right("-", width) }
    var scale = 1.0
    for _ in 0..<decimals { scale *= 10 }
    let scaled = Int((abs(value) * scale).rounded())
    var digits = String(scaled)
    while digits.count <= decimals { digits = "0" + digits }
    if decimals > 0 { digits.insert(".", at: digits.index(digits.endIndex, offsetBy: -decimals)) }
    return right((value < 0 && scaled > 0 ? "-" : "") + digits, width)
}

func right(_ text: String, _ width: Int) -> String {
    String(repeating: " ", count: max(0, width - text.count)) + text
}

func left(_ text: String, _ width: Int) -> String {
    text + String(repeating: " ", count: max(0, width - text.count))
}
