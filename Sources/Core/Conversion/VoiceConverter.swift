/// Turns speech into the same words in another voice, as it arrives.
///
/// Mono, 16 kHz, nominally within ±1. One sample goes out for each that comes in, `delaySamples` later; the output is
/// the same bit for bit however the input is cut into blocks, and for the same `seed`. Samples that are not
/// finite count as silence.
///
/// Threads: one at a time, but it may move between threads. `process` and the setters of plain values neither allocate,
/// lock nor block (checked by the compiler); `init` allocates everything.
public struct VoiceConverter: ~Copyable, Sendable {
    private var core: ConverterCore

    /// - Parameters:
    ///   - voice: The voice to begin with.
    ///   - delay: How far the output lies behind the input.
    ///   - seed: Where the noise of breathy voices starts.
    ///   - speaker: Who will speak, if that is known (`SpeakerMeter`); a voice made for somebody starts from them.
    public init(voice: Voice, delay: ConversionDelay = .ms15, seed: UInt64 = 1, speaker: Voice.Speaker? = nil) {
        core = ConverterCore(voice: PreparedVoice(voice), delay: delay.samples, seed: seed, speaker: speaker)
    }

    /// How many samples the output lies behind the input: `output[n]` belongs to `input[n - delaySamples]`.
    public var delaySamples: Int { core.delay }

    /// The one who has been heard, for another converter to start from; nil before 5 s of voice. Threads: as
    /// `process`; neither allocates nor locks.
    public var heardSpeaker: Voice.Speaker? { core.heardSpeaker }

    /// Converts a block of any size.
    ///
    /// Both buffers should have the same count (the smaller one is used); they may be the same memory. Audio
    /// thread; no allocation, no lock.
    @_noLocks @_noAllocation
    public mutating func process(
        _ input: UnsafeBufferPointer<Float>, into output: UnsafeMutableBufferPointer<Float>
    ) {
        let count = min(input.count, output.count)
        guard count > 0, let source = input.baseAddress, let target = output.baseAddress else { return }
        for index in 0..<count {
            target[index] = core.convert(source[index])
        }
    }

    /// Changes the voice within about 30 ms, without a click. Not for an audio thread: prepare the voice elsewhere.
    public mutating func setVoice(_ voice: Voice) {
        setVoice(PreparedVoice(voice))
    }

    /// Changes the voice within about 30 ms, without a click. Audio thread.
    @_noLocks @_noAllocation
    public mutating func setVoice(_ voice: PreparedVoice) {
        core.setVoice(voice)
    }

    /// Moves the voice's pitch by semitones (±24) and its formants by a factor (0.5 to 2). Audio thread.
    @_noLocks @_noAllocation
    public mutating func setOffsets(pitchSemitones: Double, formantRatio: Double) {
        core.setOffsets(pitchSemitones: pitchSemitones, formantRatio: formantRatio)
    }

    /// Sets the share of the converted voice: 1 is all, 0 is the delayed input. Audio thread.
    @_noLocks @_noAllocation
    public mutating func setMix(_ share: Double) {
        core.setMix(Float(within(share, 0, 1)))
    }

    /// Sets constant ratios of pitch (0.25 to 4) and formants (0.5 to 2) that replace the voice's own and all
    /// adaptation. Audio thread.
    @_noLocks @_noAllocation
    public mutating func setFixedRatio(pitch: Double, formant: Double) {
        core.setFixedRatio(pitch: pitch, formant: formant)
    }

    /// Goes back from fixed ratios to the voice's own. Audio thread.
    @_noLocks @_noAllocation
    public mutating func clearFixedRatio() {
        core.setFixed(nil)
    }

    /// Lowers pauses by up to 24 dB: the gate opens where the input passes `thresholdDecibels` (full-scale sine = -3),
    /// and is open by the time that this comes out: of a weaker onset what lies within the delay before it stays whole.
    /// nil switches it off, which is how it begins. Audio thread.
    @_noLocks @_noAllocation
    public mutating func setGate(thresholdDecibels: Double?) {
        core.setGate(thresholdDecibels: thresholdDecibels)
    }

    /// Forgets the signal and the speaker, keeps voice and settings. Audio thread.
    @_noLocks @_noAllocation
    public mutating func reset() {
        core.reset()
    }
}
