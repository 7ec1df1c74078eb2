import ArgumentParser
import Foundation
import VoiceConversion

struct VoicesCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "voices", abstract: "List, show and make the voices of this machine.",
        discussion: """
            Voices of your own are JSON files in $XDG_CONFIG_HOME/quota-voice/voices (~/.config/quota-voice/voices).
            """,
        subcommands: [
            VoicesListCommand.self, VoicesShowCommand.self, VoicesTestCommand.self, VoicesInstallCommand.self,
            VoicesNewCommand.self, VoicesLearnCommand.self, VoicesAuditionCommand.self,
        ],
        defaultSubcommand: VoicesListCommand.self)
}

struct VoicesListCommand: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "list", abstract: "List the voices.")

    @Flag(help: "Print a JSON array for programs.")
    var json = false

    private struct Row: Encodable {
        let name: String
        let summary: String
        let isOwn: Bool
    }

    func run() throws {
        let library = VoiceLibrary()
        let ownNames = Set(library.own.map(\.name))
        if json {
            let encoder = JSONEncoder()
            encoder.keyEncodingStrategy = .convertToSnakeCase
            encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
            let rows = library.all.map { Row(name: $0.name, summary: $0.summary, isOwn: ownNames.contains($0.name)) }
            Terminal.result(String(decoding: try encoder.encode(rows), as: UTF8.self))
        } else {
            let width = library.all.map(\.name.count).max() ?? 0
            for voice in library.all {
                let gap = String(repeating: " ", count: width - voice.name.count + 2)
                Terminal.result(voice.name + gap + voice.summary)
            }
        }
        for problem in library.problems { Terminal.error(problem) }
    }
}

struct VoicesShowCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show", abstract: "Print a voice as JSON, the form in which voices of your own are kept.")

    @Argument(help: ArgumentHelp("The voice.", valueName: "name"))
    var name: String

    func run() throws {
        let library = VoiceLibrary()
        let file = VoiceFile(try library.voice(named: name), origin: library.entry(named: name)?.origin)
        Terminal.result(String(decoding: try file.text.dropLast(), as: UTF8.self))
    }
}

struct VoicesTestCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "test", abstract: "Check a voice file without installing it.")

    @Argument(help: ArgumentHelp("The JSON file.", valueName: "file"), completion: .file(extensions: ["json"]))
    var file: String

    func run() throws {
        let voice = try VoiceFile.read(file).voice(path: file)
        guard VoiceCatalog.voice(named: voice.name) == nil else {
            throw CommandFailure(
                status: .badInput, sentence: "\(file): \(voice.name) is a voice of quota-voice; give it another name")
        }
        Terminal.result(
            "\(file): \(voice.name) is a good voice; install it with: "
                + "quota-voice voices install \(ShellWord.quoted(file))")
    }
}

struct VoicesInstallCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "install", abstract: "Check a voice file and copy it to the voices of your own.")

    @Argument(help: ArgumentHelp("The JSON file.", valueName: "file"), completion: .file(extensions: ["json"]))
    var file: String

    @Flag(help: "Replace a voice of that name.")
    var force = false

    func run() throws {
        Terminal.result(try VoiceStore.install(file, replaces: force))
    }
}

struct VoicesNewCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "new", abstract: "Make a voice of your own from one that is there, to be edited.",
        discussion: """
            pitch takes median_hertz with spread_semitones (every speaker lands there), ratio (times the speaker's \
            own) or constant_hertz; formants takes spacing_hertz (about 1000 for men, 1200 for women) or ratio; \
            colour is a list of hertz and decibels; effects are whisper, ring_hertz, ring_depth, drive, \
            vibrato_hertz and vibrato_semitones.
            """)

    @Argument(help: ArgumentHelp("Its name: lower case letters, digits, dashes.", valueName: "name"))
    var name: String

    @Option(help: ArgumentHelp("The voice to begin with.", valueName: "name"))
    var like = "rachel"

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("Semitones to move the pitch by, -24 to 24.", valueName: "semitones"))
    var pitch = 0.0

    @Option(
        help: ArgumentHelp("Factor on the formants, 0.5 to 2: above 1 smaller, below 1 larger.", valueName: "factor"))
    var formant = 1.0

    @Option(help: ArgumentHelp("One sentence for the list.", valueName: "text"))
    var summary: String?

    @Flag(help: "Replace a voice of that name.")
    var force = false

    func validate() throws {
        guard (-24...24).contains(pitch) else { throw ValidationError("--pitch takes -24 to 24 semitones.") }
        guard (0.5...2).contains(formant) else { throw ValidationError("--formant takes 0.5 to 2.") }
    }

    func run() throws {
        let library = VoiceLibrary()
        let path = try VoiceStore.path(for: name, replaces: force, library: library)
        let model = try library.voice(named: like)
        var voice = try model.moved(by: VoiceTuning(pitch: pitch, formant: formant))
        guard !voice.isBypass else {
            throw CommandFailure(
                status: .usage,
                sentence:
                    "a copy of \(model.name) would be converted; give --pitch or --formant, or speak as \(model.name)")
        }
        voice.name = name
        voice.summary = summary ?? "Like \(model.name)."
        // Refuses what the next start would refuse.
        try VoiceStore.save(
            VoiceFile(voice, origin: library.entry(named: model.name)?.origin), replaces: force)
        Terminal.result(path)
    }
}
