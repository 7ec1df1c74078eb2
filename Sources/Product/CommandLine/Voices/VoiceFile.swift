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
    var effects: Effects?
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
        if voice.effects != Voice.Effects() {
            effects = Effects(
                whisper: voice.effects.whisper, ringHertz: voice.effects.ringHertz,
                ringDepth: voice.effects.ringDepth, drive: voice.effects.drive,
                vibratoHertz: voice.effects.vibratoHertz, vibratoSemitones: voice.effects.vibratoSemitones)
        }
        self.origin = origin
    }

    static func read(_ path: String) throws -> VoiceFile {
        guard let data = FileManager.default.contents(atPath: path) else {
            throw CommandFailure(
                status: .noInput, sentence: "\(path): the voice file can't be read; check the name and its permissions")
        }
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

    func write(_ path: String) throws {
        let encoder = JSONEncoder()
        encoder.keyEncodingStrategy = .convertToSnakeCase
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        do {
            try (encoder.encode(self) + Data("\n".utf8)).write(to: URL(fileURLWithPath: path), options: .atomic)
        } catch {
            throw CommandFailure(
                status: .cantCreate, sentence: "\(path): can't be written; check the folder's permissions")
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
        guard name.wholeMatch(of: /[a-z0-9][a-z0-9-]{0,31}/) != nil else {
            throw fail("name takes 1 to 32 lower case letters, digits and dashes")
        }
        let median = try within(pitch.medianHertz, 50...600, "pitch.median_hertz")
        let ratio = try within(pitch.ratio, 0.25...4, "pitch.ratio")
        let constant = try within(pitch.constantHertz, 50...600, "pitch.constant_hertz")
        guard [median, ratio, constant].compactMap(\.self).count == 1 else {
            throw fail("pitch takes exactly one of median_hertz, ratio and constant_hertz")
        }
        let spread = try within(pitch.spreadSemitones, 0...12, "pitch.spread_semitones") ?? 2.6
        let spacing = try within(formants.spacingHertz, 700...2000, "formants.spacing_hertz")
        let formantRatio = try within(formants.ratio, 0.5...2, "formants.ratio")
        guard [spacing, formantRatio].compactMap(\.self).count == 1 else {
            throw fail("formants takes exactly one of spacing_hertz and ratio")
        }
        let points = try (colour ?? []).enumerated().map { index, point in
            Voice.ColourPoint(
                hertz: try within(point.hertz, 20...8000, "colour[\(index)].hertz") ?? 0,
                decibels: try within(point.decibels, -60...24, "colour[\(index)].decibels") ?? 0)
        }
        guard points.count <= 64 else { throw fail("colour takes at most 64 points") }
        var chain = Voice.Effects()
        chain.whisper = try within(effects?.whisper, 0...1, "effects.whisper") ?? 0
        chain.ringHertz = try within(effects?.ringHertz, 0...4000, "effects.ring_hertz") ?? 0
        chain.ringDepth = try within(effects?.ringDepth, 0...1, "effects.ring_depth") ?? 0
        chain.drive = try within(effects?.drive, 0...1, "effects.drive") ?? 0
        chain.vibratoHertz = try within(effects?.vibratoHertz, 0...20, "effects.vibrato_hertz") ?? 0
        chain.vibratoSemitones = try within(effects?.vibratoSemitones, 0...6, "effects.vibrato_semitones") ?? 0
        let pitchGoal: Voice.Pitch =
            median.map { .landing(medianHertz: $0, spreadSemitones: spread) } ?? ratio.map(Voice.Pitch.ratio)
            ?? .constant(hertz: constant ?? 100)
        return Voice(
            name: name, summary: summary, pitch: pitchGoal,
            formants: spacing.map(Voice.Formants.landing) ?? .ratio(formantRatio ?? 1), colour: points, effects: chain)
    }

    private static func sentence(_ error: DecodingError) -> String {
        func field(_ path: [any CodingKey]) -> String {
            let name = path.reduce("") { name, key in
                name + (key.intValue.map { "[\($0)]" } ?? (name.isEmpty ? "" : ".") + key.stringValue)
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
