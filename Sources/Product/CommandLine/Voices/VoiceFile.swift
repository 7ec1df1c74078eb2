import Foundation
import VoiceConversion

/// A voice as a JSON file; `docs/voice.schema.json` describes it for editors.
struct VoiceFile: Codable {
    struct Pitch: Codable {
        var medianHertz: Double?
        var spreadSemitones: Double?
        var ratio: Double?
        var constantHertz: Double?
    }

    struct Formants: Codable {
        var spacingHertz: Double?
        var ratio: Double?
    }

    struct Colour: Codable {
        var hertz: Double
        var decibels: Double
    }

    struct Effects: Codable {
        var whisper: Double?
        var ringHertz: Double?
        var ringDepth: Double?
        var drive: Double?
        var vibratoHertz: Double?
        var vibratoSemitones: Double?
    }

    /// For whom the voice was made.
    struct Speaker: Codable {
        var medianHertz: Double
        var spreadSemitones: Double
        var spacingHertz: Double
    }

    /// What a learned voice remembers of its making.
    struct Origin: Codable {
        var learnedFrom: [String]
        var consent: String
        var speechSeconds: Double
    }

    var name: String
    var summary: String
    var pitch: Pitch
    var formants: Formants
    var colour: [Colour]?
    var air: [Colour]?
    var effects: Effects?
    var speaker: Speaker?
    var origin: Origin?

    init(_ voice: Voice, origin: Origin? = nil) {
        name = voice.name
        summary = voice.summary
        switch voice.pitch {
        case .landing(let median, let spread): pitch = Pitch(medianHertz: median, spreadSemitones: spread)
        case .ratio(let ratio): pitch = Pitch(ratio: ratio)
        case .constant(let hertz): pitch = Pitch(constantHertz: hertz)
        }
        switch voice.formants {
        case .landing(let spacing): formants = Formants(spacingHertz: spacing)
        case .ratio(let ratio): formants = Formants(ratio: ratio)
        }
        colour = voice.colour.isEmpty ? nil : voice.colour.map { Colour(hertz: $0.hertz, decibels: $0.decibels) }
        air = voice.air.isEmpty ? nil : voice.air.map { Colour(hertz: $0.hertz, decibels: $0.decibels) }
        if voice.effects != Voice.Effects() {
            effects = Effects(
                whisper: voice.effects.whisper, ringHertz: voice.effects.ringHertz,
                ringDepth: voice.effects.ringDepth, drive: voice.effects.drive,
                vibratoHertz: voice.effects.vibratoHertz, vibratoSemitones: voice.effects.vibratoSemitones)
        }
        speaker = voice.speaker.map { speaker in
            Speaker(
                medianHertz: speaker.medianHertz, spreadSemitones: speaker.spreadSemitones,
                spacingHertz: speaker.spacingHertz)
        }
        self.origin = origin
    }

    static func isName(_ name: String) -> Bool { name.wholeMatch(of: /[a-z0-9][a-z0-9-]{0,31}/) != nil }

    /// What a file holds.
    static func text(_ path: String) throws -> Data {
        guard let data = FileManager.default.contents(atPath: path) else {
            throw CommandFailure(
                status: .noInput, sentence: "\(path): the voice file can't be read; check the name and its permissions")
        }
        return data
    }

    static func read(_ path: String) throws -> VoiceFile { try read(path, try text(path)) }

    static func read(_ path: String, _ data: Data) throws -> VoiceFile {
        if let problem = VoiceFileKeys.problem(in: data) {
            throw CommandFailure(status: .badInput, sentence: "\(path): \(problem)")
        }
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        do {
            return try decoder.decode(VoiceFile.self, from: data)
        } catch let error as DecodingError {
            throw CommandFailure(
                status: .badInput, sentence: "\(path): \(sentence(error)); see quota-voice voices new --help")
        }
    }

    /// As it stands in a file.
    var text: Data {
        get throws {
            let encoder = JSONEncoder()
            encoder.keyEncodingStrategy = .convertToSnakeCase
            encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
            return try encoder.encode(self) + Data("\n".utf8)
        }
    }

    /// The voice, after every figure was found in its range.
    func voice(path: String) throws -> Voice {
        func fail(_ what: String) -> CommandFailure {
            CommandFailure(status: .badInput, sentence: "\(path): \(what)")
        }
        func within(_ value: Double?, _ range: ClosedRange<Double>, _ field: String) throws -> Double? {
            guard let value else { return nil }
            guard range.contains(value) else {
                throw fail("\(field) is \(value), it takes \(range.lowerBound) to \(range.upperBound)")
            }
            return value
        }
        guard Self.isName(name) else { throw fail("name takes 1 to 32 lower case letters, digits and dashes") }
        guard Consent.isPlain(summary) else { throw fail("summary takes one line, without control characters") }
        if let origin, !origin.consent.contains(where: { !$0.isWhitespace }) {
            throw fail("origin.consent is empty; it says who agreed and when")
        }
        let median = try within(pitch.medianHertz, 50...600, "pitch.median_hertz")
        let ratio = try within(pitch.ratio, 0.25...4, "pitch.ratio")
        let constant = try within(pitch.constantHertz, 50...600, "pitch.constant_hertz")
        guard [median, ratio, constant].compactMap(\.self).count == 1 else {
            throw fail("pitch takes exactly one of median_hertz, ratio and constant_hertz")
        }
        if let idle { throw fail(idle) }
        let spread = try within(pitch.spreadSemitones, 0...12, "pitch.spread_semitones") ?? 2.6
        let spacing = try within(formants.spacingHertz, 700...2000, "formants.spacing_hertz")
        let formantRatio = try within(formants.ratio, 0.5...2, "formants.ratio")
        guard [spacing, formantRatio].compactMap(\.self).count == 1 else {
            throw fail("formants takes exactly one of spacing_hertz and ratio")
        }
        func points(_ given: [Colour]?, _ field: String) throws -> [Voice.ColourPoint] {
            let points = try (given ?? []).enumerated().map { index, point in
                Voice.ColourPoint(
                    hertz: try within(point.hertz, 20...8000, "\(field)[\(index)].hertz") ?? 0,
                    decibels: try within(point.decibels, -60...24, "\(field)[\(index)].decibels") ?? 0)
            }
            guard points.count <= 64 else { throw fail("\(field) takes at most 64 points") }
            return points
        }
        var chain = Voice.Effects()
        chain.whisper = try within(effects?.whisper, 0...1, "effects.whisper") ?? 0
        chain.ringHertz = try within(effects?.ringHertz, 0...4000, "effects.ring_hertz") ?? 0
        chain.ringDepth = try within(effects?.ringDepth, 0...1, "effects.ring_depth") ?? 0
        guard chain.ringDepth == 0 || chain.ringHertz >= 1 else {
            throw fail("effects.ring_depth needs an effects.ring_hertz of at least 1, or nothing would be heard")
        }
        chain.drive = try within(effects?.drive, 0...1, "effects.drive") ?? 0
        chain.vibratoHertz = try within(effects?.vibratoHertz, 0...20, "effects.vibrato_hertz") ?? 0
        chain.vibratoSemitones = try within(effects?.vibratoSemitones, 0...6, "effects.vibrato_semitones") ?? 0
        let maker = try speaker.map { speaker in
            Voice.Speaker(
                medianHertz: try within(speaker.medianHertz, 50...600, "speaker.median_hertz") ?? 0,
                spreadSemitones: try within(speaker.spreadSemitones, 0...12, "speaker.spread_semitones") ?? 0,
                spacingHertz: try within(speaker.spacingHertz, 700...1700, "speaker.spacing_hertz") ?? 0)
        }
        let pitchGoal: Voice.Pitch =
            median.map { .landing(medianHertz: $0, spreadSemitones: spread) } ?? ratio.map(Voice.Pitch.ratio)
            ?? .constant(hertz: constant ?? 100)
        return Voice(
            name: name, summary: summary, pitch: pitchGoal,
            formants: spacing.map(Voice.Formants.landing) ?? .ratio(formantRatio ?? 1),
            colour: try points(colour, "colour"), air: try points(air, "air"), effects: chain, speaker: maker)
    }

    /// What one would not hear of this voice, as another setting rules it out.
    private var idle: String? {
        if pitch.spreadSemitones != nil && pitch.medianHertz == nil {
            return "pitch.spread_semitones goes with pitch.median_hertz alone, or nothing would be heard of it"
        }
        let vibrato = max(effects?.vibratoHertz ?? 0, effects?.vibratoSemitones ?? 0)
        guard pitch.constantHertz != nil, vibrato > 0 else { return nil }
        return "effects has a vibrato, which nobody would hear with pitch.constant_hertz; take it out"
    }

    private static func sentence(_ error: DecodingError) -> String {
        // As it stands in the file.
        func written(_ key: any CodingKey) -> String {
            key.stringValue.replacing(/[A-Z]/) { "_" + $0.output.lowercased() }
        }
        func field(_ path: [any CodingKey]) -> String {
            let name = path.reduce("") { name, key in
                name + (key.intValue.map { "[\($0)]" } ?? (name.isEmpty ? "" : ".") + written(key))
            }
            return name.isEmpty ? "it" : name
        }
        return switch error {
        case .keyNotFound(let key, let context): "\(field(context.codingPath + [key])) is missing"
        case .typeMismatch(_, let context): "\(field(context.codingPath)) has the wrong type"
        case .valueNotFound(_, let context): "\(field(context.codingPath)) is empty"
        case .dataCorrupted: "it is not JSON"
        @unknown default: "it is not a voice"
        }
    }
}
