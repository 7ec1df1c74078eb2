import Foundation
import VoiceAudioFile

/// What `convert` will do: each input with its output, decided before anything runs.
struct ConvertPlan {
    struct Item: Sendable {
        let input: String
        let output: String
        let format: AudioFileFormat
    }

    var items: [Item] = []

    /// Endings that a folder is searched for.
    private static let soundExtensions: Set<String> = [
        "wav", "wave", "rf64", "w64", "flac", "ogg", "oga", "opus", "mp3", "aif", "aiff", "aifc", "au", "snd", "caf",
    ]

    /// - Parameters:
    ///   - inputs: files, folders, or `-`.
    ///   - output: a file, a folder (an existing one, or with `/` at its end), or nothing: beside the input.
    ///   - voices: other voices' names: their results, beside what they were made of, are no input either.
    init(
        inputs: [String], output: String?, format: AudioFileFormat?, voice: String, voices: [String] = []
    ) throws {
        let voice = voice.lowercased()
        let found = try inputs.flatMap { try Self.expand($0, leavingOut: voice, andOf: Set(voices)) }
        guard !found.isEmpty else {
            throw CommandFailure(
                status: .noInput, sentence: "\(inputs.joined(separator: ", ")): no sound files in there; name the files"
            )
        }
        let folder = output.flatMap { Self.isFolder($0) || $0.hasSuffix("/") ? $0 : nil }
        guard output != "-" else {
            throw CommandFailure(
                status: .usage, sentence: "results can't go to standard output; name a file with -o")
        }
        if let output, folder == nil {
            guard found.count == 1 else {
                throw CommandFailure(
                    status: .usage,
                    sentence: "\(output): \(found.count) inputs need a folder; make it, or end its name with /")
            }
            let chosen = try format ?? Self.format(of: output)
            items = [Item(input: found[0].path, output: output, format: chosen)]
            return
        }
        let chosen = format ?? .wav
        for file in found {
            // An output folder mirrors the one that was named; without one a result lies beside its own input.
            let relative = folder == nil ? (file.relative as NSString).lastPathComponent : file.relative
            let stem = file.path == "-" ? "stdin" : Self.stem(relative)
            let name = "\(stem).\(voice).\(chosen.fileExtension)"
            let place = folder ?? file.parent
            items.append(
                Item(input: file.path, output: place.isEmpty ? name : Self.join(place, name), format: chosen))
        }
        try refuseCollisions()
    }

    private func refuseCollisions() throws {
        var owner: [String: String] = [:]
        for item in items {
            if let other = owner.updateValue(item.input, forKey: Self.absolute(item.output)) {
                throw CommandFailure(
                    status: .usage,
                    sentence:
                        "\(other) and \(item.input) would both become \(item.output); convert them one by one with -o")
            }
        }
    }

    private struct Found {
        let path: String
        /// Below the folder that was named, so that an output folder mirrors it.
        let relative: String
        let parent: String
    }

    /// - Parameters:
    ///   - voice: earlier results of this voice, which end with its name before their format, are no input.
    ///   - voices: nor are results of these that lie beside the sound they were made of.
    private static func expand(
        _ input: String, leavingOut voice: String, andOf voices: Set<String>
    ) throws -> [Found] {
        guard input != "-", isFolder(input) else {
            let url = URL(fileURLWithPath: input)
            let slash = input.lastIndex(of: "/")
            return [
                Found(
                    path: input, relative: input == "-" ? "-" : url.lastPathComponent,
                    parent: slash.map { String(input[...$0]) } ?? "")
            ]
        }
        guard let walker = FileManager.default.enumerator(atPath: input) else {
            throw CommandFailure(
                status: .noInput, sentence: "\(input): the folder can't be read; check its permissions")
        }
        var found: [Found] = []
        for case let relative as String in walker {
            let name = (relative as NSString).lastPathComponent
            let path = join(input, relative)
            guard !name.hasPrefix("."), soundExtensions.contains((name as NSString).pathExtension.lowercased()),
                !stem(name).hasSuffix(".\(voice)"), !isFolder(path)
            else { continue }
            found.append(Found(path: path, relative: relative, parent: (path as NSString).deletingLastPathComponent))
        }
        let stems = Set(found.map { stem($0.relative) })
        return found.filter { !isResult(stem($0.relative), of: voices, beside: stems) }.sorted { $0.path < $1.path }
    }

    private static func isResult(_ stem: String, of voices: Set<String>, beside stems: Set<String>) -> Bool {
        voices.contains((stem as NSString).pathExtension) && stems.contains(Self.stem(stem))
    }

    private static func format(of output: String) throws -> AudioFileFormat {
        let ending = (output as NSString).pathExtension
        guard !ending.isEmpty else { return .wav }
        guard let format = AudioFileFormat(fileExtension: ending) else {
            throw CommandFailure(
                status: .usage,
                sentence: "\(output): can't write .\(ending); choose a format with --format: \(AudioFileFormat.names)")
        }
        return format
    }

    /// `in.wav` and `./in.wav` are one file.
    private static func absolute(_ path: String) -> String {
        URL(fileURLWithPath: path).standardizedFileURL.path
    }

    private static func stem(_ relative: String) -> String {
        (relative as NSString).deletingPathExtension
    }

    private static func join(_ folder: String, _ name: String) -> String {
        folder.hasSuffix("/") ? folder + name : folder + "/" + name
    }

    private static func isFolder(_ path: String) -> Bool {
        var isDirectory: ObjCBool = false
        return FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory) && isDirectory.boolValue
    }
}

extension AudioFileFormat {
    static var names: String { allCases.map(\.rawValue).joined(separator: ", ") }
}
