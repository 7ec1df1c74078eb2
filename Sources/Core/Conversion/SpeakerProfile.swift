/// What makes a speaker recognisable to the converter: pitch, formant spacing and mean spectrum.
///
/// Made by `VoiceLearner`; a plain value that can be stored (`Codable`).
public struct SpeakerProfile: Sendable, Hashable, Codable {
    /// Speech that the profile was learned from, without pauses.
    public var speechSeconds: Double
    public var medianHertz: Double
    public var spreadSemitones: Double
    /// Distance of the formants; about 1000 Hz for men, 1180 Hz for women.
    public var spacingHertz: Double
    /// Mean level of the speech in each of `bandCentresHertz`, relative to the mean over all bands.
    public var bandDecibels: [Double]

    public init(
        speechSeconds: Double, medianHertz: Double, spreadSemitones: Double, spacingHertz: Double,
        bandDecibels: [Double]
    ) {
        self.speechSeconds = speechSeconds
        self.medianHertz = medianHertz
        self.spreadSemitones = spreadSemitones
        self.spacingHertz = spacingHertz
        self.bandDecibels = bandDecibels
    }

    /// The centres of the bands, equally spaced on the mel scale from 120 Hz to 7400 Hz.
    public static let bandCentresHertz: [Double] = (0..<SpeechBands.count).map { SpeechBands.centre($0) }

    /// The level at any frequency: interpolated between bands, held beyond the ends.
    func decibels(at hertz: Double) -> Double {
        let place = within(SpeechBands.place(of: hertz), 0, Double(SpeechBands.count - 1))
        let index = min(Int(place), SpeechBands.count - 2)
        let share = place - Double(index)
        return bandDecibels[index] + share * (bandDecibels[index + 1] - bandDecibels[index])
    }
}

extension Voice {
    /// The largest correction of the spectrum that a learned voice makes.
    static let learnedColourLimit = 9.0

    /// A voice that sounds like `target`.
    ///
    /// - Parameters:
    ///   - name: The name to give it.
    ///   - summary: One sentence about it.
    ///   - target: Whom it should sound like.
    ///   - source: Who will speak, when that is known: the colour then takes this speaker's spectrum to the
    ///     target's. Otherwise it starts from an average speaker's.
    public init(name: String, summary: String, target: SpeakerProfile, source: SpeakerProfile? = nil) {
        let from = source ?? SpeechBands.averageSpeaker
        self.init(
            name: name, summary: summary,
            pitch: .landing(medianHertz: target.medianHertz, spreadSemitones: target.spreadSemitones),
            formants: .landing(spacingHertz: target.spacingHertz))
        guard target.bandDecibels.count == SpeechBands.count, from.bandDecibels.count == SpeechBands.count else {
            return
        }
        let ratio = within(target.spacingHertz / max(from.spacingHertz, 1), 0.5, 2)
        var gains = (0..<SpeechBands.count).map { band in
            target.bandDecibels[band] - from.decibels(at: SpeechBands.centre(band) / ratio)
        }
        let mean = gains.reduce(0, +) / Double(gains.count)
        gains = SpeechBands.smoothed(gains.map { $0 - mean })
        colour = gains.indices.map { band in
            ColourPoint(
                hertz: SpeechBands.centre(band),
                decibels: within(gains[band], -Self.learnedColourLimit, Self.learnedColourLimit))
        }
    }
}
