import CSignalKernels

/// Why a profile could not be made.
public enum LearningError: Error, Equatable {
    /// There is too little speech; at least `needed` seconds are.
    case tooLittleSpeech(foundSeconds: Double, neededSeconds: Double)
    /// There is speech-like level but hardly any voice in it: noise, music, or a whisper.
    case noVoice
}

/// Learns a speaker's profile from recordings.
///
/// Feed any number of pieces, 16 kHz mono, then ask for the profile. Not for an audio thread: about a hundred times
/// faster than real time, and `profile()` allocates.
public struct VoiceLearner: ~Copyable {
    /// Speech needed for a profile.
    public static let neededSeconds = 10.0
    private static let step = 160
    /// Frames that are kept: ten minutes; what follows is not looked at.
    private static let mostFrames = 60_000
    /// Envelopes that a profile keeps as examples of the speaker's sounds.
    private static let examples = 1000
    /// A frame is speech while it is less than this below the loudest one, as a share of power: 35 dB.
    private static let activeShare: Float = 3.2e-4

    private var audio = SampleHistory(capacity: 4096)
    private var highPass = FourthOrderFilter(cutoffHertz: 60, highPass: true)
    private var tracker = PitchTracker()
    private var track = PitchTrack()
    private var formants = FormantTracker()
    private var envelope = SpeechEnvelope()
    private let sinc = SincTable()
    private var voicedHops = 0
    private var logPitches: [Double] = []
    private var powers: [Float] = []
    private var envelopes: [Float] = []

    public init() {}

    /// Takes the next samples of the speaker; not finite ones count as silence.
    public mutating func add(_ samples: UnsafeBufferPointer<Float>) {
        for sample in samples {
            let clean = Double(sample.isFinite ? max(-8, min(8, sample)) : 0)
            audio.append(Float(highPass.filter(clean)))
            tracker.append(clean)
            if audio.count % ConversionFormat.hop == 0 { trackPitch() }
            if audio.count >= SpeechEnvelope.frame && audio.count % Self.step == 0 { measureSpectrum() }
        }
    }

    private mutating func trackPitch() {
        let frame = tracker.update(audio: audio)
        track.append(frame)
        guard frame.voiced, logPitches.count < Self.mostFrames * 4 else {
            voicedHops = 0
            return
        }
        logPitches.append(NaturalLog.of(ConversionFormat.sampleRate / frame.period))
        voicedHops += 1
        if voicedHops % 8 == 0 {
            formants.measure(audio: audio, hertz: ConversionFormat.sampleRate / frame.period, sinc: sinc)
        }
    }

    private mutating func measureSpectrum() {
        let start = audio.count - SpeechEnvelope.frame
        let samples = audio.samples(from: start)
        let power = DotProduct.energy(samples, count: SpeechEnvelope.frame) / Float(SpeechEnvelope.frame)
        guard power > 1e-8, powers.count < Self.mostFrames else { return }
        let middle = Double(start + SpeechEnvelope.frame / 2)
        let period = track.isVoiced(at: middle) ? track.period(at: middle) : nil
        powers.append(power)
        envelopes += envelope.measure(samples, hertz: period.map { ConversionFormat.sampleRate / $0 })
    }

    /// Speech found so far, in seconds: frames within 35 dB of the loudest.
    public var speechSeconds: Double {
        Double(activeFrames().count * Self.step) / ConversionFormat.sampleRate
    }

    private func activeFrames() -> [Int] {
        let sorted = powers.sorted()
        guard !sorted.isEmpty else { return [] }
        let loud = sorted[min(sorted.count - 1, sorted.count * 98 / 100)]
        return powers.indices.filter { powers[$0] > Self.activeShare * loud }
    }

    /// The profile of what was fed.
    public func profile() throws(LearningError) -> SpeakerProfile {
        let active = activeFrames()
        let seconds = Double(active.count * Self.step) / ConversionFormat.sampleRate
        guard seconds >= Self.neededSeconds else {
            throw .tooLittleSpeech(foundSeconds: seconds, neededSeconds: Self.neededSeconds)
        }
        let voicedSeconds = Double(logPitches.count * ConversionFormat.hop) / ConversionFormat.sampleRate
        guard voicedSeconds > 0.15 * seconds, let spacing = formants.spacingHertz else { throw .noVoice }
        let pitches = logPitches.sorted()
        let spread = (pitches[pitches.count * 84 / 100] - pitches[pitches.count * 16 / 100]) / 2
        let shown = min(Self.examples, active.count)
        return SpeakerProfile(
            speechSeconds: seconds, medianHertz: NaturalLog.inverse(pitches[pitches.count / 2]),
            spreadSemitones: spread / NaturalLog.perSemitone, spacingHertz: spacing, bandDecibels: means(active),
            examples: (0..<shown).flatMap { frame(active[$0 * active.count / shown]) })
    }

    private func frame(_ index: Int) -> ArraySlice<Float> {
        envelopes[(index * SpeechEnvelope.count)..<((index + 1) * SpeechEnvelope.count)]
    }

    /// The mean spectrum of these frames, each without its level.
    private func means(_ active: [Int]) -> [Double] {
        var sums = [Double](repeating: 0, count: SpeechBands.count)
        for index in active {
            let bands = SpeechBands.moved(frame(index), by: 1)
            let mean = bands.reduce(0, +) / Float(bands.count)
            for band in sums.indices {
                sums[band] += Double(bands[band] - mean)
            }
        }
        return sums.map { $0 / Double(active.count) }
    }
}
