import CSignalKernels

/// Measures who speaks before their recording is converted: the pitch's median and spread, the formants' spacing.
///
/// Feed the recording from its beginning, 16 kHz mono, until it ends or `isSatisfied`; give `speaker` to the converter.
/// Memory doesn't grow with the recording. Not for an audio thread, though nothing but `init` allocates.
public struct SpeakerMeter: ~Copyable {
    /// With less voice than this, in seconds, nothing is known.
    private static let leastSeconds = 0.4
    /// With so much of it nothing more is to be learned.
    private static let enoughSeconds = 60.0
    /// A first measured formant spacing counts as much as what the pitch suggests after so many frames: 1 s of voice.
    private static let suggestedFrames = 50.0
    private static let binsPerOctave = 240.0
    private static let lowestHertz = 50.0
    private static let binCount = 1000

    private var audio = SampleHistory(capacity: 4096)
    private var highPass = FourthOrderFilter(cutoffHertz: 60, highPass: true)
    private var tracker = PitchTracker()
    private var formants = FormantTracker()
    private let sinc = SincTable()
    private var voicedHops = 0
    private var frames = 0
    /// Frames whose formants were looked for.
    private var measured = 0
    private var bins = [Int](repeating: 0, count: SpeakerMeter.binCount)

    public init() {}

    /// Takes the next samples; not finite ones count as silence.
    public mutating func add(_ samples: UnsafeBufferPointer<Float>) {
        for sample in samples {
            let clean = Double(sample.isFinite ? max(-8, min(8, sample)) : 0)
            audio.append(Float(highPass.filter(clean)))
            tracker.append(clean)
            if audio.count % ConversionFormat.hop == 0 { analyse() }
        }
    }

    private mutating func analyse() {
        let frame = tracker.update(audio: audio)
        guard frame.voiced else {
            voicedHops = 0
            return
        }
        let octaves = csk_log(ConversionFormat.sampleRate / frame.period / Self.lowestHertz) / 0.693_147_180_56
        bins[max(0, min(Self.binCount - 1, Int(octaves * Self.binsPerOctave)))] += 1
        frames += 1
        voicedHops += 1
        guard voicedHops % 8 == 0 else { return }
        formants.measure(audio: audio, hertz: ConversionFormat.sampleRate / frame.period, sinc: sinc)
        measured += 1
    }

    /// Voice heard so far, in seconds.
    public var voicedSeconds: Double { Double(frames * ConversionFormat.hop) / ConversionFormat.sampleRate }

    /// Whether more sound would tell nothing more.
    public var isSatisfied: Bool { voicedSeconds >= Self.enoughSeconds }

    /// Who speaks; nil while there is too little voice to tell.
    public var speaker: Voice.Speaker? {
        guard voicedSeconds >= Self.leastSeconds else { return nil }
        let median = percentile(0.5)
        var spacing = SpeakerNorm.spacingLog(pitchLog: median)
        if let found = formants.spacingHertz {
            // A few vowels are not yet a vocal tract.
            let known = Double(measured) / (Double(measured) + Self.suggestedFrames)
            spacing += known * (NaturalLog.of(found) - spacing)
        }
        return Voice.Speaker(
            medianHertz: NaturalLog.inverse(median),
            spreadSemitones: (percentile(0.84) - percentile(0.16)) / 2 / NaturalLog.perSemitone,
            spacingHertz: NaturalLog.inverse(spacing))
    }

    /// The natural logarithm of the frequency below which this share of the voice lies.
    private func percentile(_ share: Double) -> Double {
        var left = share * Double(frames)
        for index in bins.indices where bins[index] > 0 {
            let here = Double(bins[index])
            if left <= here {
                let place = (Double(index) + left / here) / Self.binsPerOctave
                return csk_log(Self.lowestHertz) + place * 0.693_147_180_56
            }
            left -= here
        }
        return csk_log(Self.lowestHertz)
    }
}
