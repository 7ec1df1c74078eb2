import CSignalKernels

/// The pitch of a recording over time, as the converter sees it: for pictures and reports.
///
/// Mono, 16 kHz. Not for an audio thread: the result grows.
public struct PitchContour: Sendable {
    /// Seconds between two values.
    public static let stepSeconds = Double(ConversionFormat.hop) / ConversionFormat.sampleRate
    /// Hertz, nil where there is no voice.
    public let hertz: [Double?]

    public init(of samples: UnsafeBufferPointer<Float>) {
        var audio = SampleHistory(capacity: 4096)
        var highPass = FourthOrderFilter(cutoffHertz: 60, highPass: true)
        var tracker = PitchTracker()
        var found: [Double?] = []
        for sample in samples {
            let clean = Double(sample.isFinite ? max(-8, min(8, sample)) : 0)
            audio.append(Float(highPass.filter(clean)))
            tracker.append(clean)
            guard audio.count % ConversionFormat.hop == 0 else { continue }
            let frame = tracker.update(audio: audio)
            found.append(frame.voiced ? ConversionFormat.sampleRate / frame.period : nil)
        }
        hertz = found
    }

    /// The median over the voiced parts; nil without any.
    public var medianHertz: Double? {
        let voiced = hertz.compactMap(\.self).sorted()
        return voiced.isEmpty ? nil : voiced[voiced.count / 2]
    }
}
