import SignalMeasurement
import VoiceSignal

/// Speed of the resampler beside soxr's, in one process, block by block as its users call it.
enum ResamplerBench {
    private static let pairs = [(48_000, 16_000), (44_100, 16_000), (16_000, 48_000)]

    static func run(rounds: Int) throws {
        print("Resampling, times real time (one channel, one thread) and speed over the first of each group")
        for (from, to) in pairs {
            print("\(from) -> \(to)")
            show(
                [
                    contender("soxr VHQ", SoxrEngine(from: from, to: to, .vhq), from, blockFrames: 4_096),
                    contender("ours archive", try OurEngine(from: from, to: to, .archive), from, blockFrames: 4_096),
                ], "blocks of 4,096", from, rounds: rounds)
            show(
                [
                    contender("soxr HQ", SoxrEngine(from: from, to: to, .hq), from, blockFrames: from / 100),
                    contender("soxr VHQ", SoxrEngine(from: from, to: to, .vhq), from, blockFrames: from / 100),
                    contender("ours live", try OurEngine(from: from, to: to, .live), from, blockFrames: from / 100),
                    contender(
                        "ours live, 80 ppm", try OurEngine(from: from, to: to, .live, drift: 80), from,
                        blockFrames: from / 100),
                    contender(
                        "ours archive", try OurEngine(from: from, to: to, .archive), from, blockFrames: from / 100),
                ], "blocks of 10 ms", from, rounds: rounds)
        }
    }

    /// What a resampler costs before it runs; the first of a profile designs its filter.
    static func setup() throws {
        print("Setting up, ms")
        for profile in Resampler.Profile.allCases {
            for (from, to) in [(48_000, 16_000), (48_000, 16_000), (16_000, 48_000), (11_025, 192_000)] {
                let start = Stopwatch.wallNanoseconds()
                _ = try Resampler(from: from, to: to, profile: profile).delayInputFrames
                let time = (Stopwatch.wallNanoseconds() - start) / 1e6
                let name = left("\(profile)", 10) + left("\(from) -> \(to)", 20)
                print("  " + name + column(time, decimals: 2, width: 8))
            }
        }
    }

    private static func contender(_ name: String, _ engine: some Engine, _ rate: Int, blockFrames: Int) -> Contender {
        let input = noise(blockFrames)
        // Room for the largest ratio of the pairs.
        var output = [Float](repeating: 0, count: blockFrames * 4)
        let blocks = 20 * rate / blockFrames
        return Contender(name: name, units: Double(blocks * blockFrames)) {
            input.withUnsafeBufferPointer { source in
                output.withUnsafeMutableBufferPointer { target in
                    for _ in 0..<blocks { _ = engine.process(source, into: target) }
                }
            }
        }
    }

    private static func show(_ contenders: [Contender], _ title: String, _ rate: Int, rounds: Int) {
        for timing in Stopwatch(rounds: rounds).compare(contenders) {
            let realTime = 1e9 / (timing.nanosecondsPerUnit * Double(rate))
            print(
                "  " + left(title, 18) + left(timing.name, 20) + column(realTime, decimals: 0, width: 8)
                    + column(timing.speedOverFirst, decimals: 2, width: 8))
        }
    }
}
