/// What makes a speaker recognisable to the converter: pitch, formant spacing, and the spectrum.
///
/// Made by `VoiceLearner`.
public struct SpeakerProfile: Sendable, Hashable {
    /// Speech that the profile was learned from, without pauses.
    public var speechSeconds: Double
    public var medianHertz: Double
    public var spreadSemitones: Double
    /// Distance of the formants; about 1000 Hz for men, 1180 Hz for women.
    public var spacingHertz: Double
    /// Mean level of the speech in each of `bandCentresHertz`, relative to the mean over all bands.
    public var bandDecibels: [Double]
    /// Envelopes of frames from all over the speech, one after the other (`SpeechEnvelope`).
    let examples: [Float]

    /// The centres of the bands, equally spaced on the mel scale from 40 Hz to 7960 Hz.
    public static let bandCentresHertz: [Double] = (0..<SpeechBands.count).map { SpeechBands.centre($0) }

    /// The examples with their formants moved by `ratio`, in bands.
    func bands(movedBy ratio: Double) -> [[Float]] {
        stride(from: 0, to: examples.count, by: SpeechEnvelope.count).map {
            SpeechBands.moved(examples[$0..<($0 + SpeechEnvelope.count)], by: ratio)
        }
    }

    /// The mean spectrum in bands as it is once the formants are moved by `ratio`: interpolated, held beyond the ends.
    func meanDecibels(movedBy ratio: Double) -> [Double] {
        (0..<SpeechBands.count).map { band in
            let place = within(
                SpeechBands.place(of: SpeechBands.centre(band) / ratio), 0, Double(SpeechBands.count - 1))
            let index = min(Int(place), SpeechBands.count - 2)
            return bandDecibels[index] + (place - Double(index)) * (bandDecibels[index + 1] - bandDecibels[index])
        }
    }
}
