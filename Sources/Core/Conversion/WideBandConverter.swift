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

    /// - Parameters:
    ///   - voice: The voice to begin with.
    ///   - rate: The rate of input and output in hertz.
    ///   - delay: The delay of the conversion; splitting the bands adds 2 ms.
    ///   - seed: Where the noise of breathy voices starts.
    public init(
        voice: Voice, rate: Int, delay: ConversionDelay = .ms15, seed: UInt64 = 1
    ) throws(WideBandError) {
        guard Self.supportedRates.contains(rate) else { throw .unsupportedRate(hertz: rate) }
        let prepared = PreparedVoice(voice)
        bands = BandSplit(factor: rate / Int(ConversionFormat.sampleRate), delay: delay.samples)
        bands.wantedHighGain = prepared.highGain
        core = ConverterCore(voice: prepared, delay: delay.samples, seed: seed)
    }

    /// How many samples, at the device's rate, the output lies behind the input.
    public var delaySamples: Int { bands.delaySamples }

    /// Converts a block of any size; input and output may be the same memory. Audio thread; no allocation, no lock.
    @_noLocks @_noAllocation
    public mutating func process(
        _ input: UnsafeBufferPointer<Float>, into output: UnsafeMutableBufferPointer<Float>
    ) {
        let count = min(input.count, output.count)
        guard count > 0, let source = input.baseAddress, let target = output.baseAddress else { return }
        for index in 0..<count {
            if let low = bands.push(source[index]) {
                bands.pushConverted(core.convert(low))
            }
            target[index] = bands.joined()
        }
    }

    /// As `VoiceConverter.setVoice`. Audio thread.
    @_noLocks @_noAllocation
    public mutating func setVoice(_ voice: PreparedVoice) {
        core.setVoice(voice)
        bands.wantedHighGain = voice.highGain
    }

    /// As `VoiceConverter.setOffsets`. Audio thread.
    @_noLocks @_noAllocation
    public mutating func setOffsets(pitchSemitones: Double, formantRatio: Double) {
        core.setOffsets(pitchSemitones: pitchSemitones, formantRatio: formantRatio)
    }

    /// As `VoiceConverter.setMix`. Audio thread.
    @_noLocks @_noAllocation
    public mutating func setMix(_ share: Double) {
        core.setMix(Float(within(share, 0, 1)))
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

    /// As `VoiceConverter.setGate`; the gate acts below 8 kHz. Audio thread.
    @_noLocks @_noAllocation
    public mutating func setGate(thresholdDecibels: Double?) {
        core.setGate(thresholdDecibels: thresholdDecibels)
    }

    /// Forgets the signal and the speaker, keeps voice and settings. Audio thread.
    @_noLocks @_noAllocation
    public mutating func reset() {
        core.reset()
        bands.reset()
    }
}
