import Foundation
import VoiceConversion

/// The page of an audition: self-contained but for the sounds and pictures beside it, without scripts.
struct AuditionPage {
    private static let width = 600
    private static let pitchHeight = 80
    private static let pitchRange = 50.0...500.0

    private let title: String
    private var rows = ""

    init(title: String) {
        self.title = title
    }

    /// Adds a sound that lies in the folder as `FILE.wav`, and writes its picture beside it.
    mutating func add(name: String, summary: String, file: String, samples: [Float], folder: String) throws {
        let picture = "\(file).png"
        let image = Spectrogram(of: samples, width: Self.width).image
        try image.png.write(to: URL(fileURLWithPath: "\(folder)/\(picture)"), options: .atomic)
        let contour = samples.withUnsafeBufferPointer { PitchContour(of: $0) }
        let median = contour.medianHertz.map { String(format: "%.0f Hz", $0) } ?? "no pitch"
        rows += """
            <article><h2>\(Self.escaped(name)) <small>\(median)</small></h2><p>\(Self.escaped(summary))</p>
            <audio controls preload="metadata" src="\(file).wav"></audio>
            <img src="\(picture)" width="\(Self.width)" height="\(image.height)" alt="spectrogram of \(Self.escaped(name))">
            \(Self.track(contour))</article>

            """
    }

    var text: String {
        """
        <!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
        <title>\(Self.escaped(title)) in every voice</title>
        <style>
        :root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif }
        body { max-width: 42rem; margin: 2rem auto; padding: 0 1rem }
        article { margin: 2rem 0 } h2 { margin: 0 } small { font-weight: normal; opacity: .7 } p { margin: .2rem 0 .6rem }
        audio, img, svg { display: block; width: 100%; max-width: 600px } img { image-rendering: pixelated }
        svg { background: #8882 } polyline { fill: none; stroke: #0a8; stroke-width: 1.5 }
        </style>
        <h1>\(Self.escaped(title)) in every voice</h1>
        <p>Spectrograms: 0 to 8 kHz, 70 dB. Lines: pitch, 50 to 500 Hz on a logarithmic scale.</p>
        \(rows)</html>

        """
    }

    /// The pitch as lines, one for each voiced stretch.
    private static func track(_ contour: PitchContour) -> String {
        let low = log(pitchRange.lowerBound)
        let scale = Double(pitchHeight) / (log(pitchRange.upperBound) - low)
        let step = Double(width) / Double(max(contour.hertz.count, 1))
        var lines: [String] = []
        var line: [String] = []
        for (index, hertz) in (contour.hertz + [nil]).enumerated() {
            if let hertz {
                line.append(
                    String(format: "%.1f,%.1f", Double(index) * step, Double(pitchHeight) - (log(hertz) - low) * scale))
            } else if !line.isEmpty {
                lines.append("<polyline points=\"\(line.joined(separator: " "))\"/>")
                line = []
            }
        }
        return "<svg viewBox=\"0 0 \(width) \(pitchHeight)\" role=\"img\" aria-label=\"pitch\">\(lines.joined())</svg>"
    }

    private static func escaped(_ text: String) -> String {
        text.replacingOccurrences(of: "&", with: "&amp;").replacingOccurrences(of: "<", with: "&lt;")
            .replacingOccurrences(of: "\"", with: "&quot;")
    }
}
