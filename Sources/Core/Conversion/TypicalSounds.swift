/// What voiced speech sounds like on the scale of the speaker's own formant spacing: a dozen typical spectra.
///
/// Found by clustering the voiced frames of eleven speakers of four languages, each at three scales, with the scale of
/// every speaker fitted anew in between. It is anchored to the formant spacings that linear prediction finds in them on
/// the whole.
enum TypicalSounds {
    static let count = 12
    /// Cepstra 1 to 10 of 24 bands between 150 and 4700 Hz, equally spaced in mel, at a spacing of 1000 Hz.
    static let orders = 10
    static let bands = 24
    static let lowestHertz = 150.0
    static let highestHertz = 4700.0

    /// How far frames of one sound lie apart, in dB: what cepstra are divided by.
    static let spread: [Float] = [12.51, 11.04, 9.03, 7.13, 6.41, 5.98, 5.31, 5.07, 4.12, 4.04]
    /// The mean cepstrum of an unknown speaker, in dB.
    static let mean: [Float] = [44.7, 19.3, 13.6, 2.1, 3.2, -2, 0.5, 1.2, 1, -1.8]

    /// The sounds' cepstra beside the speaker's mean, divided by `spread`; one row each.
    static let cepstra: [Float] = [
        -2.22, 0.79, 0, 1.22, 0.05, 0.46, 0.31, 0.26, -0.55, 0.39,
        -0.14, -1.23, -0.07, -0.55, -1.03, -0.11, 0.95, 0.86, 0.08, 0,
        -1.08, 1.64, 2.82, -0.9, -0.58, 1.2, -0.37, -1.49, 0.52, -0.42,
        -5.45, -0.1, -0.93, -0.26, -0.37, 0.04, 0.34, -0.09, -0.76, 0.22,
        2.63, -2.13, -0.72, 1.64, -0.52, -2.07, 0.63, -0.24, -0.34, 1.31,
        2.71, 1.41, -1.92, -2.29, 0.9, 0.66, 0.2, -0.48, -0.84, -0.08,
        1.03, -0.26, -0.79, 0.36, 0.91, 0.36, -0.57, -0.55, 0.03, 0.86,
        1.65, -0.33, -2.45, -1.72, 2.29, -0.01, -0.81, -0.07, 0.39, 1.11,
        1.03, -1.91, -1.5, -0.87, 0.49, -0.49, -0.26, 1.48, 1.25, -0.14,
        0.71, 0.17, 0.29, 0.74, -0.04, -1.22, -0.64, 0.63, 0.47, -1.25,
        1.54, 0.91, 1, 1.38, 0.8, 1.29, -0.24, -0.28, 0.22, -0.34,
        -0.13, 0.37, 1.91, 0.29, -1.46, -0.38, 0.28, -0.57, -0.57, -0.33,
    ]
}
