import ArgumentParser
import Foundation
import VoiceConversion
import VoiceKit

struct VoicesAuditionCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "audition", abstract: "Render a recording in every voice, with a page to listen and compare.",
        discussion: "Writes one WAV a voice, its spectrogram, and index.html with players and pitch tracks.")

    @Argument(help: ArgumentHelp("The recording.", valueName: "file"), completion: .file())
    var file: String

    @Option(
        name: .shortAndLong, help: ArgumentHelp("The folder. Default: FILE's name with -voices.", valueName: "folder"))
    var output: String?

    @Flag(help: "Write into a folder that holds an audition already.")
    var force = false

    func run() async throws {
        let original = try SpeechReader.samples(file)
        let folder = output ?? ((file as NSString).deletingPathExtension + "-voices")
        let page = "\(folder)/index.html"
        guard force || !FileManager.default.fileExists(atPath: page) else {
            throw CommandFailure(
                status: .cantCreate, sentence: "\(page): exists already; give --force, or another folder with -o")
        }
        do {
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        } catch {
            throw CommandFailure(
                status: .cantCreate, sentence: "\(folder): the folder can't be made; choose another with -o")
        }
        var html = AuditionPage(title: (file as NSString).lastPathComponent)
        try html.add(name: "original", summary: "Before.", sound: file, samples: original, folder: folder)
        for voice in VoiceLibrary().all {
            let sound = "\(folder)/\(voice.name).wav"
            try await convert(voice, to: sound)
            try html.add(
                name: voice.name, summary: voice.summary, sound: sound, samples: SpeechReader.samples(sound),
                folder: folder)
            if Terminal.errorIsTerminal { Terminal.status(voice.name) }
        }
        if Terminal.errorIsTerminal { Terminal.status("") }
        try Data(html.text.utf8).write(to: URL(fileURLWithPath: page), options: .atomic)
        Terminal.result(page)
    }

    private func convert(_ voice: Voice, to sound: String) async throws {
        let job = ConvertJob(
            item: ConvertPlan.Item(input: file, output: sound, format: .wav),
            settings: ConvertJob.Settings(
                voice: voice.name, rate: nil, replaces: true, isPaid: false, cleanUp: CleanUpSettings()),
            conversion: LocalConversion(voice: voice))
        let outcome = await ConvertBatch.onThread { job.run(ConversionProgress()) }
        if let sentence = outcome.sentence { throw CommandFailure(status: outcome.status, sentence: sentence) }
    }
}

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

    mutating func add(name: String, summary: String, sound: String, samples: [Float], folder: String) throws {
        let picture = "\(name).png"
        let image = Spectrogram(of: samples, width: Self.width).image
        try image.png.write(to: URL(fileURLWithPath: "\(folder)/\(picture)"), options: .atomic)
        let contour = samples.withUnsafeBufferPointer { PitchContour(of: $0) }
        let median = contour.medianHertz.map { String(format: "%.0f Hz", $0) } ?? "no pitch"
        let source = name == "original" ? URL(fileURLWithPath: sound).absoluteString : "\(name).wav"
        rows += """
            <article><h2>\(Self.escaped(name)) <small>\(median)</small></h2><p>\(Self.escaped(summary))</p>
            <audio controls preload="metadata" src="\(Self.escaped(source))"></audio>
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
