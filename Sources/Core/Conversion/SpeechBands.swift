import CSignalKernels

/// The bands in which spectra are compared: 64, equally spaced in mel.
enum SpeechBands {
    static let count = 64
    private static let lowestHertz = 40.0
    private static let highestHertz = 7960.0
    /// Mel-cepstra that tell one envelope from another, besides the level.
    static let cepstra = 24

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

    /// The width of a band in hertz, relative to the first one's.
    static func width(_ band: Int) -> Double { (700 + centre(band)) / (700 + lowestHertz) }

    /// An envelope whose formants are moved by `ratio`, band by band.
    static func moved(_ envelope: ArraySlice<Float>, by ratio: Double) -> [Float] {
        let places = (0..<count).map { centre($0) / ratio / SpeechEnvelope.stepHertz }
        return places.map { place in
            let index = min(Int(place), SpeechEnvelope.count - 2)
            let share = Float(min(place - Double(index), 1))
            let low = envelope[envelope.startIndex + index]
            return low + share * (envelope[envelope.startIndex + index + 1] - low)
        }
    }

    /// `cosines[order - 1][band]` of the cosine transform.
    static let cosines: [[Float]] = (1...cepstra).map { order in
        (0..<count).map { band in
            Float(csk_cos(Double.pi / Double(count) * Double(order) * (Double(band) + 0.5)))
        }
    }

    /// The mel-cepstra of a spectrum in bands, without its level.
    static func cepstrum(_ bands: [Float]) -> [Float] {
        cosines.map { row in
            var sum: Float = 0
            for band in 0..<count {
                sum += row[band] * bands[band]
            }
            return sum * 2 / Float(count)
        }
    }

    /// The curve without what varies faster than the mel-cepstra can follow, and without its mean.
    static func smoothed(_ values: [Double]) -> [Double] {
        let orders = cepstrum(values.map(Float.init))
        return (0..<count).map { band in
            var sum: Float = 0
            for order in orders.indices {
                sum += orders[order] * cosines[order][band]
            }
            return Double(sum)
        }
    }

    /// An average over recordings of men and women, to start from when the speaker isn't known.
    static let averageSpeaker = SpeakerProfile(
        speechSeconds: 0, medianHertz: 150, spreadSemitones: 3, spacingHertz: 1100, bandDecibels: averageDecibels,
        examples: [])

    private static let averageDecibels: [Double] = [
        11.3, 18.2, 21.7, 24.6, 25.3, 25.4, 24.6, 23.5,
        22.2, 21.0, 19.8, 18.7, 17.0, 15.0, 12.9, 11.1,
        9.7, 8.6, 7.4, 6.2, 5.0, 3.8, 2.7, 1.4,
        0.3, -0.4, -0.8, -0.8, -0.9, -1.2, -1.4, -1.8,
        -2.6, -3.4, -3.9, -3.9, -3.9, -3.8, -3.3, -3.2,
        -3.9, -4.3, -4.7, -5.4, -5.6, -6.3, -7.2, -8.0,
        -8.7, -10.0, -11.1, -13.0, -15.2, -15.3, -16.4, -17.2,
        -17.9, -17.7, -17.5, -17.5, -18.9, -21.4, -26.8, -32.3,
    ]
}
