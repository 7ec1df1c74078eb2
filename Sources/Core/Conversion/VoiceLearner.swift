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
    private static let frame = 512
    private static let step = 160
    /// Frames that are kept: ten minutes; what follows is not looked at.
    private static let mostFrames = 60_000
    /// A frame is speech while it is less than this below the loudest one, as a share of power: 35 dB.
    private static let activeShare = 3.2e-4

    private var audio = SampleHistory(capacity: 4096)
    private var highPass = FourthOrderFilter(cutoffHertz: 60, highPass: true)
    private var tracker = PitchTracker()
    private var formants = FormantTracker()
    private let sinc = SincTable()
    private var voicedHops = 0
    private var logPitches: [Double] = []
    private var frames: [(power: Double, decibels: [Double])] = []
    private let cosines: [Float]
    private let sines: [Float]

    public init() {
        let size = Self.frame
        let angles = (0..<size).map { 2 * Double.pi * Double($0) / Double(size) }
        cosines = angles.map { Float(csk_cos($0)) }
        sines = angles.map { Float(csk_sin($0)) }
    }

    /// Takes the next samples of the speaker; not finite ones count as silence.
    public mutating func add(_ samples: UnsafeBufferPointer<Float>) {
        for sample in samples {
            let clean = Double(sample.isFinite ? max(-8, min(8, sample)) : 0)
            audio.append(Float(highPass.filter(clean)))
            tracker.append(clean)
            if audio.count % ConversionFormat.hop == 0 { trackPitch() }
            if audio.count >= Self.frame && audio.count % Self.step == 0 { measureSpectrum() }
        }
    }

    private mutating func trackPitch() {
        let frame = tracker.update(audio: audio)
        guard frame.voiced, logPitches.count < Self.mostFrames * 4 else {
            voicedHops = 0
            return
        }
        logPitches.append(NaturalLog.of(ConversionFormat.sampleRate / frame.period))
        voicedHops += 1
        if voicedHops % 8 == 0 { formants.measure(audio: audio, sinc: sinc) }
    }

    private mutating func measureSpectrum() {
        let samples = audio.samples(from: audio.count - Self.frame)
        let power = Double(DotProduct.energy(samples, count: Self.frame)) / Double(Self.frame)
        guard power > 1e-8, frames.count < Self.mostFrames else { return }
        var decibels: [Double] = []
        for band in 0..<SpeechBands.count {
            decibels.append(10 * csk_log(bandPower(samples, band) + 1e-9) / 2.302_585_093)
        }
        frames.append((power, decibels))
    }

    /// The mean power over the DFT bins of one band.
    private func bandPower(_ samples: UnsafePointer<Float>, _ band: Int) -> Double {
        let binHertz = ConversionFormat.sampleRate / Double(Self.frame)
        let low = SpeechBands.centre(band) - (SpeechBands.centre(band + 1) - SpeechBands.centre(band)) / 2
        let high = SpeechBands.centre(band) + (SpeechBands.centre(band + 1) - SpeechBands.centre(band)) / 2
        let first = max(1, Int(low / binHertz + 0.5))
        let last = max(first, min(Self.frame / 2 - 1, Int(high / binHertz + 0.5)))
        var sum = 0.0
        for bin in first...last {
            var real: Float = 0
            var imaginary: Float = 0
            for index in 0..<Self.frame {
                let window = 0.5 - 0.5 * cosines[index]
                let turn = (bin * index) & (Self.frame - 1)
                real += window * samples[index] * cosines[turn]
                imaginary += window * samples[index] * sines[turn]
            }
            sum += Double(real * real + imaginary * imaginary)
        }
        return sum / Double(last - first + 1)
    }

    /// Speech found so far, in seconds: frames within 35 dB of the loudest.
    public var speechSeconds: Double {
        Double(activeFrames().count * Self.step) / ConversionFormat.sampleRate
    }

    private func activeFrames() -> [[Double]] {
        let powers = frames.map(\.power).sorted()
        guard !powers.isEmpty else { return [] }
        let loud = powers[min(powers.count - 1, powers.count * 98 / 100)]
        return frames.filter { $0.power > Self.activeShare * loud }.map(\.decibels)
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
        let median = pitches[pitches.count / 2]
        let spread = (pitches[pitches.count * 84 / 100] - pitches[pitches.count * 16 / 100]) / 2
        var means = [Double](repeating: 0, count: SpeechBands.count)
        for frame in active {
            let mean = frame.reduce(0, +) / Double(frame.count)
            for band in means.indices {
                means[band] += (frame[band] - mean) / Double(active.count)
            }
        }
        return SpeakerProfile(
            speechSeconds: seconds, medianHertz: NaturalLog.inverse(median),
            spreadSemitones: spread / NaturalLog.perSemitone, spacingHertz: spacing, bandDecibels: means)
    }
}
