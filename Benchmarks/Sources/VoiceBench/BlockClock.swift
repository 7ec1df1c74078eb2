import CMalloc
import Glibc

/// Makes a fresh changer for every round, so that each round does the same work.
struct Contender {
    let name: String
    let make: () throws -> any Changer
}

/// Times contenders in turn, block by block, in processor time of this thread.
///
/// A block's time is its shortest over the rounds: the work in it is the same each time, what the machine's other
/// users add is not. So the worst block is one that costs more, not one that was interrupted.
struct BlockClock {
    let rounds: Int
    let blockFrames: Int
    let rate: Int

    struct Timing {
        let name: String
        /// Processor time over the sound's duration, median over the rounds.
        let realTimeFactor: Double
        /// How many times the first contender's cost, median over the rounds.
        let costOverFirst: Double
        let medianNanoseconds: Double
        let worstNanoseconds: Double
        /// Bytes on the heap that a changer holds after its first round.
        let heapBytes: Double
    }

    func compare(_ contenders: [Contender], on sound: [Float]) throws -> [Timing] {
        let blocks = sound.count / blockFrames
        var totals = [[Double]](repeating: [], count: contenders.count)
        var shortest = [[Double]](
            repeating: [Double](repeating: .infinity, count: blocks), count: contenders.count)
        var heap = [Double](repeating: 0, count: contenders.count)
        // The round before the first warms caches, tables and branch predictors.
        for round in -1..<rounds {
            for (index, contender) in contenders.enumerated() {
                let before = Self.heapBytesInUse()
                let changer = try contender.make()
                let times = run(changer, on: sound, blocks: blocks)
                // In the warming round the first of a kind also fills tables that all share.
                if round == 0 { heap[index] = Self.heapBytesInUse() - before }
                guard round >= 0 else { continue }
                totals[index].append(times.reduce(0, +))
                for block in 0..<blocks { shortest[index][block] = min(shortest[index][block], times[block]) }
            }
        }
        let nanoseconds = Double(blocks * blockFrames) / Double(rate) * 1e9
        return contenders.indices.map { index in
            Timing(
                name: contenders[index].name, realTimeFactor: Self.median(totals[index]) / nanoseconds,
                costOverFirst: Self.median(zip(totals[index], totals[0]).map { $0 / $1 }),
                medianNanoseconds: Self.median(shortest[index]), worstNanoseconds: shortest[index].max() ?? 0,
                heapBytes: heap[index])
        }
    }

    private func run(_ changer: any Changer, on sound: [Float], blocks: Int) -> [Double] {
        var times = [Double](repeating: 0, count: blocks)
        var output = [Float](repeating: 0, count: blockFrames)
        sound.withUnsafeBufferPointer { source in
            output.withUnsafeMutableBufferPointer { target in
                for block in 0..<blocks {
                    let first = block * blockFrames
                    let input = UnsafeBufferPointer(rebasing: source[first..<(first + blockFrames)])
                    let start = Self.threadNanoseconds()
                    changer.process(input, into: target)
                    times[block] = Self.threadNanoseconds() - start
                }
            }
        }
        return times
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

    private static func heapBytesInUse() -> Double {
        let use = mallinfo2()
        return Double(use.uordblks) + Double(use.hblkhd)
    }
}
