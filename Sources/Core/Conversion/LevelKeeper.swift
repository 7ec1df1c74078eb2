import CSignalKernels

/// Gives the converted signal the level of its source, and a mix of both the level of either.
struct LevelKeeper {
    /// One-pole smoothing of both energies: about 80 ms. With less the gain follows each pulse of a low voice.
    private static let smoothing: Float = 1 / 1280
    private static let floor: Float = 1e-9
    /// Where the soft limit begins, and what it never passes.
    static let knee: Float = 0.85
    private static let ceiling: Float = 0.985
    private var sourceEnergy: Float = 0
    private var outputEnergy: Float = 0
    /// What the source and the levelled output have in common.
    private var commonEnergy: Float = 0

    @inline(__always)
    mutating func keep(_ output: Float, source: Float) -> Float {
        sourceEnergy += (source * source - sourceEnergy) * Self.smoothing
        outputEnergy += (output * output - outputEnergy) * Self.smoothing
        let ratio = (sourceEnergy + Self.floor) / (outputEnergy + Self.floor)
        let gain = csk_sqrtf(max(0.25, min(4, ratio)))
        let kept = output * gain
        commonEnergy += (source * kept - commonEnergy) * Self.smoothing
        return kept
    }

    /// What a mix with this share of the output lacks of the level that both sides of it have.
    ///
    /// Two signals that have nothing in common lose up to 3 dB when their waveforms are averaged, two like ones nothing.
    @inline(__always)
    func makeUp(share: Float) -> Float {
        let likeness = max(-0.4, min(1, commonEnergy / (sourceEnergy + Self.floor)))
        let rest = 1 - share
        return 1 / csk_sqrtf(share * share + rest * rest + 2 * likeness * share * rest)
    }

    /// Linear up to the knee, then bending towards the ceiling.
    @inline(__always)
    static func limit(_ value: Float) -> Float {
        let size = abs(value)
        guard size > knee else { return value }
        let bent = knee + (ceiling - knee) * csk_tanhf((size - knee) / (ceiling - knee))
        return value < 0 ? -bent : bent
    }

    mutating func reset() {
        sourceEnergy = 0
        outputEnergy = 0
        commonEnergy = 0
    }
}
