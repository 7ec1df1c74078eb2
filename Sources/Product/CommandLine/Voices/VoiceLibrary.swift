import Foundation
import VoiceConversion

/// The voices of this machine: those that come with quota-voice, and the user's own, one JSON file each.
struct VoiceLibrary {
    /// A voice of the user's, and the file it was read from.
    struct Entry {
        let path: String
        let voice: Voice
        /// What a learned voice remembers of its making: every copy keeps it.
        let origin: VoiceFile.Origin?
    }

    let entries: [Entry]
    /// Files that are not voices, with the sentence that says why.
    let problems: [String]

    var own: [Voice] { entries.map(\.voice) }
    var all: [Voice] { own + VoiceCatalog.all }

    /// The user's own voice called `name`; case doesn't matter.
    func entry(named name: String) -> Entry? { entries.first { $0.voice.name == name.lowercased() } }

    /// `$XDG_CONFIG_HOME/quota-voice/voices`.
    static func folder(environment: [String: String] = ProcessInfo.processInfo.environment) -> String {
        let home = environment["HOME"] ?? NSHomeDirectory()
        let config = environment["XDG_CONFIG_HOME"].flatMap { $0.isEmpty ? nil : $0 } ?? home + "/.config"
        return config + "/quota-voice/voices"
    }

    static func path(of name: String) -> String { "\(folder())/\(name).json" }

    init() {
        let folder = Self.folder()
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        var entries: [Entry] = []
        var problems: [String] = []
        for name in names.sorted() where name.hasSuffix(".json") {
            let path = "\(folder)/\(name)"
            do {
                let file = try VoiceFile.read(path)
                let voice = try file.voice(path: path)
                guard VoiceCatalog.voice(named: voice.name) == nil else {
                    problems.append("\(path): \(voice.name) is a voice of quota-voice; give it another name")
                    continue
                }
                if let other = entries.first(where: { $0.voice.name == voice.name }) {
                    problems.append("\(path): \(voice.name) is the voice in \(other.path); give this one another name")
                    continue
                }
                entries.append(Entry(path: path, voice: voice, origin: file.origin))
            } catch let failure as CommandFailure {
                problems.append(failure.sentence)
            } catch {
                problems.append("\(path): \(error)")
            }
        }
        self.entries = entries
        self.problems = problems
    }

    /// The voice called `name`, or a sentence with what may have been meant. Case doesn't matter.
    func voice(named name: String) throws -> Voice {
        let wanted = name.lowercased()
        if let voice = all.first(where: { $0.name == wanted }) { return voice }
        // The one that was meant may be broken: that is said instead.
        if let problem = problems.first(where: { $0.hasPrefix(Self.path(of: wanted) + ":") }) {
            throw CommandFailure(status: .badInput, sentence: problem)
        }
        let near = VoiceCatalog.nearestNames(to: name, own: own.map(\.name)).joined(separator: ", ")
        let hint = near.isEmpty ? "" : "did you mean \(near)? "
        throw CommandFailure(
            status: .usage, sentence: "no voice is called \(name); \(hint)quota-voice voices lists all")
    }
}
