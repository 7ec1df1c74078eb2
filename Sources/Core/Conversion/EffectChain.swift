import CSignalKernels

/// What is done to the converted voice: ring modulation and drive.
struct EffectChain {
    /// The effects to glide to, 20 ms for the whole way.
    var wanted: Voice.Effects
    private static let step = 1.0 / 320
    private var ringDepth: Double
    private var drive: Double
    private var ringHertz: Double
    private var ringPhase = 0.0

    init(effects: Voice.Effects) {
        wanted = effects
        ringDepth = effects.ringDepth
        drive = effects.drive
        ringHertz = effects.ringHertz
    }

    mutating func reset() {
        ringPhase = 0
        ringDepth = wanted.ringDepth
        drive = wanted.drive
        ringHertz = wanted.ringHertz
    }

    @inline(__always)
    mutating func apply(to input: Float) -> Float {
        ringDepth = Self.approach(ringDepth, wanted.ringDepth)
        drive = Self.approach(drive, wanted.drive)
        var output = input
        if ringDepth > 0 {
            if wanted.ringHertz > 0 { ringHertz = wanted.ringHertz }
            ringPhase += ringHertz / ConversionFormat.sampleRate
            if ringPhase >= 1 { ringPhase -= 1 }
            let carrier = NaturalLog.sine(turns: ringPhase) * 1.414
            output *= Float(1 - ringDepth + ringDepth * carrier)
        }
        if drive > 0 {
            let gain = Float(1 + 7 * drive)
            let driven = csk_tanhf(output * gain) / csk_sqrtf(gain)
            output += Float(drive) * (driven - output)
        }
        return output
    }

    @inline(__always)
    private static func approach(_ value: Double, _ target: Double) -> Double {
        if value < target { return min(target, value + step) }
        return max(target, value - step)
    }
}
