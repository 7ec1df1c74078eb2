import CSignalKernels

/// The bands in which mean spectra are compared: 32, equally spaced in mel.
enum SpeechBands {
    static let count = 32
    private static let lowestHertz = 120.0
    private static let highestHertz = 7400.0
    /// Mel-cepstra that a correction keeps: finer detail belongs to the words, not to the voice.
    private static let keptCepstra = 16

    private static func mel(_ hertz: Double) -> Double { 1127 * csk_log(1 + hertz / 700) }

    static func centre(_ band: Int) -> Double {
        let share = Double(band) / Double(count - 1)
        let value = mel(lowestHertz) + share * (mel(highestHertz) - mel(lowestHertz))
        return 700 * (csk_exp(value / 1127) - 1)
    }

    /// The fractional band index of a frequency.
    static func place(of hertz: Double) -> Double {
        (mel(max(hertz, 0)) - mel(lowestHertz)) / (mel(highestHertz) - mel(lowestHertz)) * Double(count - 1)
    }

    /// The curve without what varies faster than 16 mel-cepstra can follow.
    static func smoothed(_ values: [Double]) -> [Double] {
        let angle = Double.pi / Double(count)
        let cepstra = (0..<keptCepstra).map { order in
            values.indices.reduce(0.0) { sum, band in
                sum + values[band] * csk_cos(angle * Double(order) * (Double(band) + 0.5))
            } / Double(count) * (order == 0 ? 1 : 2)
        }
        return values.indices.map { band in
            cepstra.indices.reduce(0.0) { sum, order in
                sum + cepstra[order] * csk_cos(angle * Double(order) * (Double(band) + 0.5))
            }
        }
    }

    /// An average over recordings of men and women, to start from when the speaker isn't known.
    static let averageSpeaker = SpeakerProfile(
        speechSeconds: 0, medianHertz: 150, spreadSemitones: 3, spacingHertz: 1100, bandDecibels: averageDecibels)

    private static let averageDecibels: [Double] = [
        17.7, 23.5, 22.0, 19.1, 16.6, 14.6, 10.8, 7.8,
        6.2, 4.2, 2.8, 0.8, -0.7, -1.3, -1.5, -1.9,
        -3.0, -3.4, -3.0, -2.5, -3.2, -4.6, -6.0, -7.6,
        -8.5, -9.8, -11.8, -13.8, -15.2, -15.2, -15.0, -18.1,
    ]
}
