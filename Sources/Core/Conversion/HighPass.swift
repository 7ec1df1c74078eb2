import CSignalKernels

/// One second-order filter section, transposed direct form II.
struct Biquad {
    private var b0: Double
    private var b1: Double
    private var b2: Double
    private var a1: Double
    private var a2: Double
    private var z1 = 0.0
    private var z2 = 0.0

    /// A Butterworth section: the bilinear transform of 1 / (s² + s / quality + 1), or of its high-pass mirror.
    init(cutoffHertz: Double, quality: Double, highPass: Bool, rate: Double = ConversionFormat.sampleRate) {
        let angle = 2 * Double.pi * cutoffHertz / rate
        let cosine = csk_cos(angle)
        let alpha = csk_sin(angle) / (2 * quality)
        let scale = 1 / (1 + alpha)
        let edge = highPass ? (1 + cosine) : (1 - cosine)
        b0 = edge / 2 * scale
        b1 = (highPass ? -edge : edge) * scale
        b2 = b0
        a1 = -2 * cosine * scale
        a2 = (1 - alpha) * scale
    }

    @inline(__always)
    mutating func filter(_ input: Double) -> Double {
        let output = b0 * input + z1
        z1 = b1 * input - a1 * output + z2
        z2 = b2 * input - a2 * output
        return output
    }

    mutating func reset() {
        z1 = 0
        z2 = 0
    }
}

/// A fourth-order Butterworth filter made of two sections.
struct FourthOrderFilter {
    private var first: Biquad
    private var second: Biquad

    init(cutoffHertz: Double, highPass: Bool, rate: Double = ConversionFormat.sampleRate) {
        first = Biquad(cutoffHertz: cutoffHertz, quality: 0.541_196_1, highPass: highPass, rate: rate)
        second = Biquad(cutoffHertz: cutoffHertz, quality: 1.306_563, highPass: highPass, rate: rate)
    }

    /// Filters one sample. The tiny offset that enters and leaves keeps the states out of the denormal range.
    @inline(__always)
    mutating func filter(_ input: Double) -> Double {
        second.filter(first.filter(input + 1e-18))
    }

    mutating func reset() {
        first.reset()
        second.reset()
    }
}
