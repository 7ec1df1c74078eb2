import Foundation

/// Finds what a hard change leaves in a steady sound: a burst above 3.5 kHz, which a smooth one doesn't make.
///
/// Meant for vowels that are held: in speech every plosive is such a burst. Works at any rate.
enum ChangeNoise {
    /// So far may the milliseconds after a change stand out, in dB. Smooth changes stay below 3, hard ones reach 28.
    static let limit = 6.0
    /// Less than this, as an amplitude, nobody hears beside the voice.
    private static let audible = 0.004

    /// A vowel that is held and ends at 2 kHz: what is found above 3.5 kHz came in later, wherever formants go.
    static func vowel(hertz: Double, seconds: Double, rate: Int, spacing: Double = 1050) -> [Float] {
        let formants = [0.6, 1.38].map { $0 * spacing }
        let harmonics = (1...Int(2000 / hertz)).map { number -> (hertz: Double, size: Double) in
            let here = Double(number) * hertz
            let shape = formants.reduce(0.05) { $0 + 1 / (1 + pow((here - $1) / 120, 2)) }
            return (here, shape * 100 / (here + 100) * min(1, (2100 - here) / 600))
        }
        let sound = (0..<Int(seconds * Double(rate))).map { index -> Double in
            let turn = 2 * .pi * Double(index) / Double(rate)
            return harmonics.reduce(0) { $0 + $1.size * cos(turn * $1.hertz) }
        }
        return SyntheticVoice.scaled(sound, peak: 0.5)
    }

    /// Those of the places at which the 40 ms that follow stand out from what lies around.
    ///
    /// - Parameter delay: Samples by which the output lies behind the places.
    static func bursts(in sound: [Float], after places: [Int], rate: Int, delay: Int = 0) -> [Int] {
        let levels = millisecondLevels(sound, rate: rate)
        return places.filter { place in
            let change = (place + delay) * 1000 / rate
            // What the delay holds back belongs to the change too: some act on the newest input.
            let first = place * 1000 / rate
            guard first >= 40, change + 100 <= levels.count else { return false }
            let around = (levels[(first - 40)..<(first - 2)] + levels[(change + 60)..<(change + 100)]).sorted()
            let usual = around[around.count * 98 / 100]
            let highest = levels[first..<(change + 40)].max() ?? 0
            return highest > audible && 20 * log10(highest / usual) > limit
        }
    }

    /// Amplitude above 3.5 kHz by milliseconds.
    private static func millisecondLevels(_ sound: [Float], rate: Int) -> [Double] {
        var samples = sound.map(Double.init)
        // Two sections make a Butterworth filter of the fourth order.
        for quality in [0.541_196_1, 1.306_563] { highPass(&samples, quality: quality, rate: Double(rate)) }
        let width = rate / 1000
        return (0..<(samples.count / width)).map { index in
            let energy = samples[(index * width)..<((index + 1) * width)].reduce(0) { $0 + $1 * $1 }
            return (energy / Double(width)).squareRoot() + 1e-5
        }
    }

    private static func highPass(_ samples: inout [Double], quality: Double, rate: Double) {
        let turn = 2 * .pi * 3500 / rate
        let alpha = sin(turn) / (2 * quality)
        let scale = 1 / (1 + alpha)
        let middle = -2 * cos(turn) * scale
        let last = (1 - alpha) * scale
        let gain = (1 + cos(turn)) / 2 * scale
        var (x1, x2, y1, y2) = (0.0, 0.0, 0.0, 0.0)
        for index in samples.indices {
            let x0 = samples[index]
            let y0 = gain * (x0 - 2 * x1 + x2) - middle * y1 - last * y2
            (x2, x1, y2, y1) = (x1, x0, y1, y0)
            samples[index] = y0
        }
    }
}
