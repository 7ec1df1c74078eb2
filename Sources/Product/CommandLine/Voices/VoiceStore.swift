import Foundation
import VoiceConversion

/// The folder of the user's own voices, for writing.
enum VoiceStore {
    /// Where the voice of this name will lie, after nothing stands in its way.
    static func path(for name: String, replaces: Bool, library: VoiceLibrary = VoiceLibrary()) throws -> String {
        guard VoiceFile.isName(name) else {
            throw CommandFailure(
                status: .usage, sentence: "\(name): a name takes 1 to 32 lower case letters, digits and dashes")
        }
        guard VoiceCatalog.voice(named: name) == nil else {
            throw CommandFailure(status: .usage, sentence: "\(name) is a voice of quota-voice; choose another name")
        }
        let path = VoiceLibrary.path(of: name)
        if let other = library.entry(named: name)?.path, other != path {
            throw CommandFailure(
                status: .cantCreate,
                sentence: "\(name) is the voice in \(other); choose another name, or remove that file")
        }
        guard replaces || !FileManager.default.fileExists(atPath: path) else {
            throw CommandFailure(status: .cantCreate, sentence: "\(path): exists already; give --force to replace it")
        }
        return path
    }

    /// Writes a voice, after it was found to be one that the next start takes.
    static func save(_ file: VoiceFile, replaces: Bool) throws {
        let path = try path(for: file.name, replaces: replaces)
        _ = try file.voice(path: path)
        try write(try file.text, to: path)
    }

    /// Copies a voice file as it is.
    ///
    /// - Returns: where it lies now.
    static func install(_ source: String, replaces: Bool) throws -> String {
        let text = try VoiceFile.text(source)
        let file = try VoiceFile.read(source, text)
        _ = try file.voice(path: source)
        let path = try path(for: file.name, replaces: replaces)
        try write(text, to: path)
        return path
    }

    private static func write(_ text: Data, to path: String) throws {
        do {
            try FileManager.default.createDirectory(atPath: VoiceLibrary.folder(), withIntermediateDirectories: true)
        } catch {
            throw CommandFailure(
                status: .cantCreate, sentence: "\(VoiceLibrary.folder()): can't be made; set XDG_CONFIG_HOME")
        }
        do {
            try text.write(to: URL(fileURLWithPath: path), options: .atomic)
        } catch {
            throw CommandFailure(
                status: .cantCreate, sentence: "\(path): can't be written; check the folder's permissions")
        }
    }
}

/// Words for a shell.
enum ShellWord {
    private static let plain = Set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./:@%+,-")

    /// The text as one word that means itself, and no option.
    static func quoted(_ text: String) -> String {
        let text = text.hasPrefix("-") ? "./" + text : text
        guard text.isEmpty || !text.allSatisfy(plain.contains) else { return text }
        return "'" + text.replacing("'", with: #"'\''"#) + "'"
    }
}
