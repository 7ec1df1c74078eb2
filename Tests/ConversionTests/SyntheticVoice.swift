import Foundation

/// Speech-like signals with known pitch and formants, and the measurements the tests make on outputs.
enum SyntheticVoice {
    static let rate = 16_000.0

    /// A vowel: pulses at `hertz` (wavering by ±`waver` of it) through five resonators `spacing` apart, times `shape`.
    ///
    /// - Parameter blurred: A resonator (1 to 5) that is so broad that it makes no peak.
    static func vowel(
        hertz: Double, seconds: Double, spacing: Double = 1050, waver: Double = 0.05,
        shape: [Double] = [1.2, 0.92, 1.05, 0.98, 1], blurred: Int? = nil
    ) -> [Float] {
        let count = Int(seconds * rate)
        var pulses = [Double](repeating: 0, count: count)
        var phase = 0.0
        for index in 0..<count {
            let time = Double(index) / rate
            phase += hertz * (1 + waver * sin(2 * .pi * 1.3 * time)) / rate
            if phase >= 1 {
                phase -= 1
                pulses[index] = 1
            }
        }
        var signal = lowPass(pulses)
        for formant in 0..<5 {
            let centre = spacing * (Double(formant) + 0.5) * shape[formant]
            let bandwidth = formant + 1 == blurred ? spacing : 60 + 0.03 * centre
            if centre < 7500 { signal = resonate(signal, hertz: centre, bandwidth: bandwidth) }
        }
        return scaled(signal, peak: 0.5)
    }

    /// Vowels of 0.4 s, hisses of 0.1 s and pauses of 0.1 s in turn.
    static func speech(hertz: Double, seconds: Double, spacing: Double = 1050) -> [Float] {
        let voiced = vowel(hertz: hertz, seconds: seconds, spacing: spacing)
        let hiss = noise(count: voiced.count, amplitude: 0.05, seed: 7)
        return voiced.indices.map { index in
            let time = (Double(index) / rate).truncatingRemainder(dividingBy: 0.6)
            let fade = Float(min(1, max(0, min(time, 0.4 - time) / 0.03)))
            let hissing: Float = time > 0.4 && time < 0.5 ? 1 : 0
            return voiced[index] * fade + hiss[index] * hissing
        }
    }

    /// Five vowels of 0.25 s with a pause after every ten of them: sounds enough to tell whose they are.
    static func vowels(hertz: Double, seconds: Double, spacing: Double, blurred: Int? = nil) -> [Float] {
        let shapes: [[Double]] = [
            [1.4, 0.8, 1, 1, 1], [0.6, 1.4, 1.05, 1, 1], [0.7, 0.55, 0.95, 1, 1], [1.1, 1.2, 1.02, 1, 1],
            [0.9, 0.7, 0.9, 1, 1],
        ]
        let sounds = shapes.map {
            vowel(hertz: hertz, seconds: seconds, spacing: spacing, shape: $0, blurred: blurred)
        }
        return sounds[0].indices.map { index in
            let time = Double(index) / rate
            let place = time.truncatingRemainder(dividingBy: 0.25)
            let sound = Int(time / 0.25)
            let fade = Float(min(1, min(place, 0.25 - place) / 0.02))
            return sound % 11 == 10 ? 0 : fade * sounds[sound * 3 % 5][index]
        }
    }

    static func noise(count: Int, amplitude: Float, seed: UInt64) -> [Float] {
        var state = seed
        return (0..<count).map { _ in
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return amplitude * (Float(state >> 40) / 8_388_608 - 1)
        }
    }

    static func resonate(_ input: [Double], hertz: Double, bandwidth: Double) -> [Double] {
        let radius = exp(-.pi * bandwidth / rate)
        let a1 = -2 * radius * cos(2 * .pi * hertz / rate)
        let a2 = radius * radius
        var y1 = 0.0
        var y2 = 0.0
        return input.map { sample in
            let output = (1 + a1 + a2) * sample - a1 * y1 - a2 * y2
            y2 = y1
            y1 = output
            return output
        }
    }

    private static func lowPass(_ input: [Double]) -> [Double] {
        var state = 0.0
        return input.map { sample in
            state += 0.25 * (sample - state)
            return state
        }
    }

    static func scaled(_ input: [Double], peak: Double) -> [Float] {
        let most = input.map(abs).max() ?? 0
        return input.map { Float($0 * peak / max(most, 1e-12)) }
    }

    /// The median F0 over frames of 40 ms by plain autocorrelation, and the share of frames that are periodic.
    static func pitch(of signal: [Float], from start: Int = 0) -> (hertz: Double, voicedShare: Double) {
        var found: [Double] = []
        var frames = 0
        var place = start
        while place + 1100 < signal.count {
            let frame = Array(signal[place..<(place + 1100)])
            place += 400
            let energy = frame.prefix(640).reduce(0) { $0 + $1 * $1 }
            guard energy > 0.01 else { continue }
            frames += 1
            if let lag = bestLag(frame) { found.append(rate / lag) }
        }
        found.sort()
        return (found.isEmpty ? 0 : found[found.count / 2], Double(found.count) / Double(max(frames, 1)))
    }

    private static func bestLag(_ frame: [Float]) -> Double? {
        var heights = [Double](repeating: 0, count: 330)
        for lag in 30..<330 {
            var product = 0.0
            var left = 1e-12
            var right = 1e-12
            for index in 0..<640 {
                let a = Double(frame[index])
                let b = Double(frame[index + lag])
                product += a * b
                left += a * a
                right += b * b
            }
            heights[lag] = product / (left * right).squareRoot()
        }
        let highest = heights.max() ?? 0
        guard highest > 0.7 else { return nil }
        for lag in 31..<329 where heights[lag] > 0.93 * highest {
            if heights[lag] >= heights[lag - 1] && heights[lag] >= heights[lag + 1] { return Double(lag) }
        }
        return nil
    }

    /// Power at `hertz` over the whole signal, in a band about 60 Hz wide.
    static func power(of signal: [Float], at hertz: Double) -> Double {
        var sum = 0.0
        let size = 512
        var place = 0
        while place + size <= signal.count {
            var real = 0.0
            var imaginary = 0.0
            for index in 0..<size {
                let window = 0.5 - 0.5 * cos(2 * .pi * (Double(index) + 0.5) / Double(size))
                let angle = 2 * .pi * hertz * Double(index) / rate
                real += window * Double(signal[place + index]) * cos(angle)
                imaginary += window * Double(signal[place + index]) * sin(angle)
            }
            sum += real * real + imaginary * imaginary
            place += size
        }
        return sum
    }

    /// The frequency of most power between `low` and `high`.
    static func peak(of signal: [Float], between low: Double, and high: Double) -> Double {
        var best = low
        var most = -1.0
        for hertz in stride(from: low, through: high, by: 20) {
            let here = power(of: signal, at: hertz)
            if here > most {
                most = here
                best = hertz
            }
        }
        return best
    }

    static func level(_ signal: ArraySlice<Float>) -> Double {
        let energy = signal.reduce(0.0) { $0 + Double($1) * Double($1) }
        return 10 * log10(energy / Double(max(signal.count, 1)) + 1e-12)
    }
}
