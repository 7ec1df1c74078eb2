import Foundation
import ProcessSupport
import Testing

/// A failure as the documentation promises it: the exit code, one plain sentence that names cause and next step, and
/// nothing left in the folder but what was there. What it costs and what is left of a wallet may stand around it.
func expectFailure(
    _ result: ProcessResult, _ status: Int32, saying parts: [String], leaving files: [String], in folder: Scratch,
    sourceLocation: SourceLocation = #_sourceLocation
) {
    #expect(result.status == status, "\(result.errors)", sourceLocation: sourceLocation)
    let sentences = result.errorLines.filter { !$0.hasSuffix(" in the wallet") && !$0.hasSuffix(" left") }
    #expect(sentences.count == 1, "\(result.errors)", sourceLocation: sourceLocation)
    #expect(sentences.first?.hasPrefix("quota-voice: ") == true, "\(result.errors)", sourceLocation: sourceLocation)
    #expect(!result.errors.utf8.contains(0x1B), "\(result.errors)", sourceLocation: sourceLocation)
    #expect(result.output.isEmpty, "\(result.output)", sourceLocation: sourceLocation)
    for part in parts {
        #expect(result.errors.contains(part), "\(result.errors)", sourceLocation: sourceLocation)
    }
    #expect(folder.files == files.sorted(), sourceLocation: sourceLocation)
}

/// How one sound relates to another of the same rate.
enum Comparison {
    /// Samples by which `sound` lags `reference`, where both agree best.
    static func lag(of sound: [Float], behind reference: [Float], within range: Int) -> Int {
        // Two seconds are enough to tell.
        let middle = range..<min(min(sound.count, reference.count) - range, 96_000)
        let scores = (-range...range).map { lag in
            (lag: lag, score: middle.reduce(Float(0)) { $0 + reference[$1] * sound[$1 + lag] })
        }
        return scores.max { $0.score < $1.score }?.lag ?? .max
    }

    static func largestDifference(_ left: [Float], _ right: [Float]) -> Float {
        zip(left, right).map { abs($0 - $1) }.max() ?? .infinity
    }

    /// Amplitude and phase of one tone in the middle half of a sound.
    static func tone(_ hertz: Double, in sound: [Float], rate: Int) -> (amplitude: Double, phase: Double) {
        let start = sound.count / 4
        let count = Int((Double(sound.count) / 2 * hertz / Double(rate)).rounded(.down) * Double(rate) / hertz)
        var sine = 0.0
        var cosine = 0.0
        var weight = 0.0
        for index in 0..<count {
            // A Hann window keeps the other tones out.
            let window = 1 - cos(2 * .pi * (Double(index) + 0.5) / Double(count))
            let angle = 2 * .pi * hertz * Double(start + index) / Double(rate)
            sine += window * Double(sound[start + index]) * sin(angle)
            cosine += window * Double(sound[start + index]) * cos(angle)
            weight += window
        }
        sine *= 2 / weight
        cosine *= 2 / weight
        return ((sine * sine + cosine * cosine).squareRoot(), atan2(cosine, sine))
    }

    /// Several tones of equal amplitude.
    static func tones(_ hertz: [Double], rate: Int, seconds: Double, amplitude: Float = 0.1) -> [Float] {
        (0..<Int(seconds * Double(rate))).map { index in
            amplitude * hertz.reduce(Float(0)) { $0 + Float(sin(2 * .pi * $1 * Double(index) / Double(rate))) }
        }
    }
}
