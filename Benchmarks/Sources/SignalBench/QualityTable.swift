import SignalMeasurement
import VoiceSignal

/// Quality of the resampler beside soxr's, by the sweeps of the tests.
enum QualityTable {
    private static let pairs = [(48_000, 16_000), (16_000, 48_000), (44_100, 16_000), (44_100, 48_000)]

    static func run(points: Int) throws {
        for (title, pass, stop) in [
            ("pass band to 0.9 of the lower Nyquist frequency, stop band from 1.0", 0.9, 1.0001),
            ("pass band to 0.85, stop band from 1.15 (what folds lands above the pass band)", 0.85, 1.15),
        ] {
            print("Quality in dB: \(title)")
            print("  " + left("", 18) + left("", 14) + right("ripple", 10) + right("beside", 10) + right("aliases", 10))
            for (from, to) in pairs {
                let nyquist = Double(min(from, to)) / 2
                let sweep = RateSweep(
                    from: from, to: to, passEdge: pass * nyquist, stopEdge: stop * nyquist, points: points)
                let name = "\(from) -> \(to)"
                show(name, "soxr VHQ", sweep.run { SoxrEngine.convert($0, from: from, to: to, .vhq) })
                show(name, "soxr HQ", sweep.run { SoxrEngine.convert($0, from: from, to: to, .hq) })
                show(name, "ours archive", try sweep.run { try OurEngine.convert($0, from: from, to: to, .archive) })
                show(name, "ours live", try sweep.run { try OurEngine.convert($0, from: from, to: to, .live) })
            }
        }
    }

    private static func show(_ pair: String, _ name: String, _ result: RateSweep.Result) {
        print(
            "  " + left(pair, 18) + left(name, 14) + column(result.ripple, decimals: 4, width: 10)
                + column(result.beside, decimals: 1, width: 10) + column(result.aliases, decimals: 1, width: 10))
    }
}
