/// Why a wide-band converter could not be made.
public enum WideBandError: Error, Equatable {
    /// The rate is not 32, 48 or 96 kHz; resample to 48 kHz first.
    case unsupportedRate(hertz: Int)
}

/// Converts at a device's rate and keeps what lies above 8 kHz.
///
/// The band below 8 kHz goes through `VoiceConverter` at 16 kHz; what the way down and up again would lose is
/// taken beside it with the same delay and added back. With voice `none` the sum is the delayed input bit for bit.
/// Mono, 32, 48 or 96 kHz. Threads: as `VoiceConverter`.
public struct WideBandConverter: ~Copyable, Sendable {
    public static let supportedRates = [32_000, 48_000, 96_000]
    private var bands: BandSplit
    private var core: ConverterCore
    /// The band above 8 kHz comes on top of what the converter has kept inside full scale.
    private var peaks: PeakGuard
    private var voiceHighGain: Float
    private var mix: Float = 1

    /// - Parameters:
    ///   - voice: The voice to begin with.
    ///   - rate: The rate of input and output in hertz.
    ///   - delay: The delay of the conversion; splitting the bands adds 2 ms.
    ///   - seed: Where the noise of breathy voices starts.
    ///   - speaker: As for `VoiceConverter`.
    public init(
        voice: Voice, rate: Int, delay: ConversionDelay = .ms15, seed: UInt64 = 1, speaker: Voice.Speaker? = nil
    ) throws(WideBandError) {
        guard Self.supportedRates.contains(rate) else { throw .unsupportedRate(hertz: rate) }
        let prepared = PreparedVoice(voice)
        bands = BandSplit(factor: rate / Int(ConversionFormat.sampleRate), delay: delay.samples)
        bands.wantedHighGain = prepared.highGain
        voiceHighGain = prepared.highGain
        peaks = PeakGuard(rate: Double(rate))
        core = ConverterCore(voice: prepared, delay: delay.samples, seed: seed, speaker: speaker)
    }

    /// How many samples, at the device's rate, the output lies behind the input.
    public var delaySamples: Int { bands.delaySamples }

    /// The one who has been heard, for another converter to start from; nil before 5 s of voice.
    public var heardSpeaker: Voice.Speaker? { core.heardSpeaker }

    /// Converts a block of any size; input and output may be the same memory. Audio thread; no allocation, no lock.
    @_noLocks @_noAllocation
    public mutating func process(
        _ input: UnsafeBufferPointer<Float>, into output: UnsafeMutableBufferPointer<Float>
    ) {
        let count = min(input.count, output.count)
        guard count > 0, let source = input.baseAddress, let target = output.baseAddress else { return }
        for index in 0..<count {
            if let low = bands.push(source[index]) {
                bands.pushConverted(core.convertUngated(low), gain: core.gateGain)
            }
            let joined = bands.joined()
            guard core.mix > 0 else {
                target[index] = joined
                continue
            }
            target[index] = peaks.protect(joined, newest: bands.newest, source: bands.source, share: core.mix)
        }
    }

    /// As `VoiceConverter.setVoice`. Audio thread.
    @_noLocks @_noAllocation
    public mutating func setVoice(_ voice: PreparedVoice) {
        core.setVoice(voice)
        voiceHighGain = voice.highGain
        blendHighGain()
    }

    /// The input's own share of the mix has what lies above 8 kHz as it is.
    private mutating func blendHighGain() {
        bands.wantedHighGain = mix == 0 ? 1 : 1 + mix * (voiceHighGain - 1)
    }

    /// As `VoiceConverter.setOffsets`. Audio thread.
    @_noLocks @_noAllocation
    public mutating func setOffsets(pitchSemitones: Double, formantRatio: Double) {
        core.setOffsets(pitchSemitones: pitchSemitones, formantRatio: formantRatio)
    }

    /// As `VoiceConverter.setMix`. Audio thread.
    @_noLocks @_noAllocation
    public mutating func setMix(_ share: Double) {
        mix = Float(within(share, 0, 1))
        core.setMix(mix)
        blendHighGain()
    }

    /// As `VoiceConverter.setFixedRatio`. Audio thread.
    @_noLocks @_noAllocation
    public mutating func setFixedRatio(pitch: Double, formant: Double) {
        core.setFixedRatio(pitch: pitch, formant: formant)
    }

    /// As `VoiceConverter.clearFixedRatio`. Audio thread.
    @_noLocks @_noAllocation
    public mutating func clearFixedRatio() {
        core.setFixed(nil)
    }

    /// As `VoiceConverter.setGate`: the level below 8 kHz opens the gate, its gain holds for all. Audio thread.
    @_noLocks @_noAllocation
    public mutating func setGate(thresholdDecibels: Double?) {
        core.setGate(thresholdDecibels: thresholdDecibels)
    }

    /// Forgets the signal and the speaker, keeps voice and settings. Audio thread.
    @_noLocks @_noAllocation
    public mutating func reset() {
        core.reset()
        bands.reset()
        peaks.reset()
    }
}
