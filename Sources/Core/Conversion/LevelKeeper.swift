import CSignalKernels

/// Gives the converted signal the level of its source, and keeps it inside full scale.
struct LevelKeeper {
    /// One-pole smoothing of both energies: about 40 ms.
    private static let smoothing: Float = 1 / 640
    private static let floor: Float = 1e-9
    /// Where the soft limit begins, and what it never passes.
    private static let knee: Float = 0.85
    private static let ceiling: Float = 0.985
    private var sourceEnergy: Float = 0
    private var outputEnergy: Float = 0

    @inline(__always)
    mutating func keep(_ output: Float, source: Float) -> Float {
        sourceEnergy += (source * source - sourceEnergy) * Self.smoothing
        outputEnergy += (output * output - outputEnergy) * Self.smoothing
        let ratio = (sourceEnergy + Self.floor) / (outputEnergy + Self.floor)
        let gain = csk_sqrtf(max(0.25, min(4, ratio)))
        return Self.limit(output * gain)
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
    }
}
