import Foundation

/// The keys that a voice file may have. A key that nobody knows is most often a misspelt one, and what it was meant to
/// say would go unheard: it is refused, by `docs/voice.schema.json` as well.
enum VoiceFileKeys {
    private static let known: [String: Set<String>] = [
        "": ["$schema", "name", "summary", "pitch", "formants", "colour", "air", "effects", "speaker", "origin"],
        "pitch": ["median_hertz", "spread_semitones", "ratio", "constant_hertz"],
        "formants": ["spacing_hertz", "ratio"],
        "colour": ["hertz", "decibels"],
        "air": ["hertz", "decibels"],
        "effects": ["whisper", "ring_hertz", "ring_depth", "drive", "vibrato_hertz", "vibrato_semitones"],
        "speaker": ["median_hertz", "spread_semitones", "spacing_hertz"],
        "origin": ["learned_from", "consent", "speech_seconds"],
    ]

    /// A sentence about the first unknown key, or a number that nothing can hold; `nil` when there is none, or no
    /// object at all.
    static func problem(in data: Data) -> String? {
        guard let file = try? JSONSerialization.jsonObject(with: data) as? [String: Any] else {
            return tooLarge(in: data).map { "\($0) is out of range" }
        }
        if let problem = unknown(in: file, of: "", at: "") { return problem }
        for (key, value) in file.sorted(by: { $0.key < $1.key }) {
            if let part = value as? [String: Any], let problem = unknown(in: part, of: key, at: key + ".") {
                return problem
            }
            for (index, part) in (value as? [Any] ?? []).enumerated() {
                guard let part = part as? [String: Any] else { continue }
                if let problem = unknown(in: part, of: key, at: "\(key)[\(index)].") { return problem }
            }
        }
        return nil
    }

    /// The first number, outside of strings, that is infinite: for the parser the file is no JSON at all then.
    private static func tooLarge(in data: Data) -> Substring? {
        String(decoding: data, as: UTF8.self)
            .matches(of: /"(?:[^"\\]|\\.)*"|-?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/)
            .map(\.output).first { !$0.hasPrefix("\"") && Double($0)?.isInfinite == true }
    }

    private static func unknown(in part: [String: Any], of kind: String, at place: String) -> String? {
        guard let known = known[kind], let key = part.keys.sorted().first(where: { !known.contains($0) }) else {
            return nil
        }
        let choices = known.subtracting(["$schema"]).sorted().joined(separator: ", ")
        return "\(place)\(key) is not known; \(kind.isEmpty ? "a voice" : kind) takes \(choices)"
    }
}
