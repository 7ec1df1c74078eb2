import Foundation

/// How good recordings are to learn a voice from: speech against what is heard in its pauses, and clipping.
struct RecordingQuality {
    /// With less, the noise is learned instead of the voice.
    static let leastDecibels = 10.0
    /// With less, the noise colours what is learned.
    static let goodDecibels = 20.0
    /// Above it, clipping can be heard in what is learned.
    static let mostClippedShare = 0.001

    private static let frame = 320
    /// What is so far below full scale is silence, whatever made it.
    private static let floorPower = 1e-9
    /// A frame is speech while it is less than this below the loudest ones.
    private static let activeShare = 1e-3

    /// Speech against the pauses, in dB.
    let noiseDecibels: Double
    /// Samples that stand at the recording's own limit, as a share of all.
    let clippedShare: Double

    /// - Parameter recordings: one speaker's, 16 kHz.
    init(_ recordings: [SpeechReader.Recording]) {
        let decibels = recordings.compactMap { Self.noiseDecibels($0.samples) }
        // The worst of them spoils the voice as far as it reaches: each counts by its length.
        let lengths = recordings.map { Double($0.samples.count) }
        let total = max(lengths.reduce(0, +), 1)
        noiseDecibels =
            decibels.count == recordings.count
            ? zip(decibels, lengths).reduce(0) { $0 + $1.0 * $1.1 } / total : decibels.min() ?? 0
        clippedShare = zip(recordings, lengths).reduce(0) { $0 + $1.0.clippedShare * $1.1 } / total
    }

    /// The mean power of the speech against that of the quietest twentieth of the recording; nil for silence.
    private static func noiseDecibels(_ samples: [Float]) -> Double? {
        var powers: [Double] = []
        powers.reserveCapacity(samples.count / frame)
        // A high-pass at 100 Hz leaves out what is no speech: hum, rumble, and an offset.
        var previous: Float = 0
        var passed: Float = 0
        for start in stride(from: 0, through: samples.count - frame, by: frame) {
            var sum = 0.0
            for sample in samples[start..<(start + frame)] {
                passed = 0.96 * (passed + sample - previous)
                previous = sample
                sum += Double(passed * passed)
            }
            powers.append(sum / Double(frame))
        }
        let sorted = powers.sorted()
        guard let loudest = sorted.last, loudest > floorPower else { return nil }
        let loud = sorted[sorted.count * 98 / 100]
        let noise = max(sorted[sorted.count / 20], floorPower)
        let active = powers.filter { $0 > activeShare * loud }
        let speech = active.reduce(0, +) / Double(max(active.count, 1))
        return 10 * log10(max(speech - noise, floorPower) / noise)
    }

    /// `31 dB above the pauses, 0.2 % clipped`.
    var sentence: String {
        let noise = noiseDecibels > 60 ? "over 60 dB" : String(format: "%.0f dB", noiseDecibels)
        return noise + String(format: " above the pauses, %.1f %% clipped", 100 * clippedShare)
    }
}
