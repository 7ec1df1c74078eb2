import Foundation
import ProcessSupport
import Testing

/// Constant ratios that replace a voice's own goals, so that what came out can be held against what went in.
struct Ratios: Sendable, CustomTestStringConvertible {
    var pitch: Double
    var formants: Double

    static let upward = Ratios(pitch: 1.7, formants: 1.15)
    static let downward = Ratios(pitch: 0.6, formants: 0.87)

    var testDescription: String { "pitch x\(pitch), formants x\(formants)" }
}

/// Converts with the built command and asks `Tests/Judge/guard.py` about the result.
enum Guard {
    struct Verdict {
        let text: String
        /// The names of all figures, and of those outside of their limits.
        let figures: [String]
        let outside: [String]
    }

    /// Figures that every kind of conversion has, in the order in which they are printed.
    static let common = ["clicks", "level", "clipped", "dropout", "unsteady", "pauses", "flat_tops"]

    /// By a voice of the user's own, which is how anyone gets fixed ratios.
    static func convert(_ original: String, _ ratios: Ratios, in folder: Scratch) async throws -> String {
        let voices = folder("quota-voice/voices")
        try FileManager.default.createDirectory(atPath: voices, withIntermediateDirectories: true)
        try folder.write(
            "quota-voice/voices/judge.json",
            """
            {"name": "judge", "summary": "Fixed ratios.", "pitch": {"ratio": \(ratios.pitch)},
             "formants": {"ratio": \(ratios.formants)}}
            """)
        return try await convert(original, voice: "judge", in: folder)
    }

    static func convert(_ original: String, voice: String, in folder: Scratch) async throws -> String {
        let converted = folder("converted.wav")
        let result = try await Command.quotaVoice(
            ["convert", original, "--local", "--voice", voice, "-o", converted, "--quiet"],
            environment: ["XDG_CONFIG_HOME": folder.path])
        guard result.status == 0 else { throw ProcessFailure("convert: \(result.status) \(result.errors)") }
        return converted
    }

    static func verdict(on converted: String, of original: String, _ ratios: Ratios) async throws -> Verdict {
        try await verdict([original, converted, "--pitch", "\(ratios.pitch)", "--formants", "\(ratios.formants)"])
    }

    static func verdict(on converted: String, of original: String, landing hertz: Double) async throws -> Verdict {
        try await verdict([original, converted, "--median", "\(hertz)"])
    }

    private static func verdict(_ arguments: [String]) async throws -> Verdict {
        let script = "\(Checkout.root)/Tests/Judge/guard.py"
        let result = try await Command.run(
            Checkout.python, [script] + arguments,
            environment: ["OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1"],
            within: 120)
        let lines = result.output.split(separator: "\n").map { $0.split(separator: " ").map(String.init) }
        let outside = lines.filter { $0.last == "OUTSIDE" }.map { $0[0] }
        // 1 is the verdict, anything else a judge that broke.
        guard result.status == (outside.isEmpty ? 0 : 1), !lines.isEmpty else {
            throw ProcessFailure("guard.py: \(result.status) \(result.errors)")
        }
        return Verdict(text: result.output, figures: lines.map { $0[0] }, outside: outside)
    }
}
