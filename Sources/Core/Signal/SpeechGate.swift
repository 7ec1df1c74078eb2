import CSignalKernels

/// Lowers the pauses of speech by 24 dB: opens within a millisecond, holds, and closes slowly.
///
/// Units: mono floats; levels as RMS in decibels of full scale. One thread at a time; all but `init` for audio threads.
public struct SpeechGate: Sendable {
    private static var closed: Float { 0.063 }
    private static var holdMilliseconds: Int { 150 }

    private let detector: Float
    private let attack: Float
    private let release: Float
    private let holdFrames: Int
    private var thresholdPower: Float = 0
    private var power: Float = 0
    private var gain: Float = 1
    private var holdLeft = 0

    /// A gate that lets everything pass until a threshold is set.
    public init(sampleRate: Int) {
        let rate = Float(max(1_000, sampleRate))
        detector = 1 / (0.002 * rate)
        attack = 1 / (0.001 * rate)
        release = 1 / (0.1 * rate)
        holdFrames = sampleRate * Self.holdMilliseconds / 1_000
    }

    /// Sets the level from which the gate opens; nil switches it off. Not for audio threads.
    public mutating func setThreshold(decibels: Double?) {
        let amplitude = decibels.map { Decibels.amplitude(min(max($0, -100), 0)) } ?? 0
        thresholdPower = Float(amplitude * amplitude)
    }

    /// Whether speech passes.
    public var isOpen: Bool { thresholdPower == 0 || holdLeft > 0 }

    /// Gates samples in place.
    @_noLocks @_noAllocation
    public mutating func apply(to samples: UnsafeMutableBufferPointer<Float>) {
        guard let base = samples.baseAddress, thresholdPower > 0 || gain < 1 else { return }
        for index in 0..<samples.count { base[index] *= gain(hearing: base[index]) }
    }

    /// The gain from the moment on that `sample` is heard.
    @_noLocks @_noAllocation
    mutating func gain(hearing sample: Float) -> Float {
        // NaN would stay in the detector for ever.
        if sample.magnitude < 1_000 { power += (sample * sample - power) * detector }
        if power > thresholdPower { holdLeft = holdFrames }
        if holdLeft > 0 || thresholdPower == 0 {
            holdLeft = max(0, holdLeft &- 1)
            gain = min(1, gain + attack)
        } else {
            gain += (Self.closed - gain) * release
        }
        return gain
    }
}
