import Foundation
import VoiceConversion

/// The voices of this machine: those that come with quota-voice, and the user's own, one JSON file each.
struct VoiceLibrary {
    let own: [Voice]
    /// Files that are not voices, with the sentence that says why.
    let problems: [String]

    var all: [Voice] { own + VoiceCatalog.all }

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
        var own: [Voice] = []
        var problems: [String] = []
        for name in names.sorted() where name.hasSuffix(".json") {
            let path = "\(folder)/\(name)"
            do {
                let voice = try VoiceFile.read(path).voice(path: path)
                guard VoiceCatalog.voice(named: voice.name) == nil else {
                    problems.append("\(path): \(voice.name) is a voice of quota-voice; give it another name")
                    continue
                }
                own.append(voice)
            } catch let failure as CommandFailure {
                problems.append(failure.sentence)
            } catch {
                problems.append("\(path): \(error)")
            }
        }
        self.own = own
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
        let near = VoiceCatalog.nearestNames(to: name).joined(separator: ", ")
        let hint = near.isEmpty ? "" : "did you mean \(near)? "
        throw CommandFailure(
            status: .usage, sentence: "no voice is called \(name); \(hint)quota-voice voices lists all")
    }
}

extension Voice {
    /// The same voice, moved by semitones and by a factor on the formants.
    func moved(semitones: Double, formantRatio: Double) -> Voice {
        let factor = pow(2, semitones / 12)
        var moved = self
        switch pitch {
        case .landing(let median, let spread):
            moved.pitch = .landing(medianHertz: median * factor, spreadSemitones: spread)
        case .ratio(let ratio): moved.pitch = .ratio(ratio * factor)
        case .constant(let hertz): moved.pitch = .constant(hertz: hertz * factor)
        }
        switch formants {
        case .landing(let spacing): moved.formants = .landing(spacingHertz: spacing * formantRatio)
        case .ratio(let ratio): moved.formants = .ratio(ratio * formantRatio)
        }
        // `none` stays the untouched voice only as long as nobody touches it.
        if semitones != 0 || formantRatio != 1 { moved.isBypass = false }
        return moved
    }
}
