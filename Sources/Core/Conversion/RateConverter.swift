/// The converter for a rate: `VoiceConverter` at 16 kHz, `WideBandConverter` at its rates.
///
/// Threads: as those. What a device or a file runs at otherwise is resampled to one of these first.
public struct RateConverter: ~Copyable, Sendable {
    /// The rate without a band above 8 kHz.
    public static let narrowRate = 16_000

    // One of the two; an enumeration could not be changed in place.
    private var narrow: VoiceConverter?
    private var wide: WideBandConverter?
    /// How many frames the output lies behind the input.
    public let delayFrames: Int

    /// - Parameters:
    ///   - voice: The voice to begin with.
    ///   - rate: One of `WideBandConverter.supportedRates` in hertz; any other stands for 16,000.
    ///   - delay: The delay of the conversion; splitting the bands adds 2 ms.
    ///   - seed: Where the noise of breathy voices starts.
    ///   - speaker: As for `VoiceConverter`.
    public init(
        voice: Voice, rate: Int, delay: ConversionDelay = .ms15, seed: UInt64 = 1, speaker: Voice.Speaker? = nil
    ) {
        do throws(WideBandError) {
            let converter = try WideBandConverter(
                voice: voice, rate: rate, delay: delay, seed: seed, speaker: speaker)
            delayFrames = converter.delaySamples
            wide = consume converter
        } catch {
            let converter = VoiceConverter(voice: voice, delay: delay, seed: seed, speaker: speaker)
            delayFrames = converter.delaySamples
            narrow = consume converter
        }
    }

    /// Converts a block of any size in place. Audio thread; no allocation, no lock.
    @_noLocks @_noAllocation
    public mutating func process(_ samples: UnsafeMutableBufferPointer<Float>) {
        wide?.process(UnsafeBufferPointer(samples), into: samples)
        narrow?.process(UnsafeBufferPointer(samples), into: samples)
    }

    /// As `VoiceConverter.setVoice`. Audio thread.
    @_noLocks @_noAllocation
    public mutating func setVoice(_ voice: PreparedVoice) {
        wide?.setVoice(voice)
        narrow?.setVoice(voice)
    }

    /// As `VoiceConverter.setOffsets`. Audio thread.
    @_noLocks @_noAllocation
    public mutating func setOffsets(pitchSemitones: Double, formantRatio: Double) {
        wide?.setOffsets(pitchSemitones: pitchSemitones, formantRatio: formantRatio)
        narrow?.setOffsets(pitchSemitones: pitchSemitones, formantRatio: formantRatio)
    }

    /// As `VoiceConverter.setMix`. Audio thread.
    @_noLocks @_noAllocation
    public mutating func setMix(_ share: Double) {
        wide?.setMix(share)
        narrow?.setMix(share)
    }

    /// As `VoiceConverter.setFixedRatio`. Audio thread.
    @_noLocks @_noAllocation
    public mutating func setFixedRatio(pitch: Double, formant: Double) {
        wide?.setFixedRatio(pitch: pitch, formant: formant)
        narrow?.setFixedRatio(pitch: pitch, formant: formant)
    }

    /// As `VoiceConverter.clearFixedRatio`. Audio thread.
    @_noLocks @_noAllocation
    public mutating func clearFixedRatio() {
        wide?.clearFixedRatio()
        narrow?.clearFixedRatio()
    }

    /// As `VoiceConverter.setGate`. Audio thread.
    @_noLocks @_noAllocation
    public mutating func setGate(thresholdDecibels: Double?) {
        wide?.setGate(thresholdDecibels: thresholdDecibels)
        narrow?.setGate(thresholdDecibels: thresholdDecibels)
    }

    /// As `VoiceConverter.reset`. Audio thread.
    @_noLocks @_noAllocation
    public mutating func reset() {
        wide?.reset()
        narrow?.reset()
    }
}
