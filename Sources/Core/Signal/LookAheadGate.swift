/// A gate that is open before the word: its output lags, and by then it has heard what comes.
///
/// A word's first consonant is often weaker than the level from which a gate opens; with a look-ahead it is not cut.
/// Units: mono floats; levels as RMS in decibels of full scale. One thread at a time; all but `init` and
/// `setThreshold` for audio threads.
public struct LookAheadGate: ~Copyable, @unchecked Sendable {
    /// Frames by which the output lags, whether the gate is on or not.
    public let delayFrames: Int
    private var gate: SpeechGate
    private let line: UnsafeMutableBufferPointer<Float>
    private var index = 0

    /// A gate that lets everything pass until a threshold is set.
    public init(sampleRate: Int, lookAheadFrames: Int) {
        delayFrames = max(0, lookAheadFrames)
        gate = SpeechGate(sampleRate: sampleRate)
        line = .allocate(capacity: delayFrames)
        line.initialize(repeating: 0)
    }

    deinit {
        line.deallocate()
    }

    /// As `SpeechGate.setThreshold`.
    public mutating func setThreshold(decibels: Double?) { gate.setThreshold(decibels: decibels) }

    /// Whether speech passes.
    public var isOpen: Bool { gate.isOpen }

    /// Forgets the sound that it holds.
    public mutating func clear() {
        line.update(repeating: 0)
    }

    /// Gates samples in place; what comes out is what came in ``delayFrames`` ago.
    @_noLocks @_noAllocation
    public mutating func apply(to samples: UnsafeMutableBufferPointer<Float>) {
        for position in 0..<samples.count {
            let newest = samples[position]
            let gain = gate.gain(hearing: newest)
            guard delayFrames > 0 else {
                samples[position] = newest * gain
                continue
            }
            samples[position] = line[index] * gain
            line[index] = newest
            index = index &+ 1 == delayFrames ? 0 : index &+ 1
        }
    }
}
