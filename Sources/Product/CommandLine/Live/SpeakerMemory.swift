import Foundation
import QuotaAPI
import VoiceConversion

/// Who spoke in the last live session: three numbers, so that the next one need not find them out again.
///
/// Nothing depends on it but the first seconds of a session: a file that is missing or makes no sense is no error, and
/// one that can't be written neither.
struct SpeakerMemory {
    private struct Record: Codable {
        var medianHertz: Double
        var spreadSemitones: Double
        var spacingHertz: Double
    }

    let path: String

    /// - Parameter environment: its `XDG_STATE_HOME` is where the file lies.
    init(environment: [String: String] = ProcessInfo.processInfo.environment) {
        path = FileTokenStore.defaultFolder(environment: environment) + "/speaker.json"
    }

    /// Who was heard last; may be somebody else the next time.
    var speaker: Voice.Speaker? {
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        guard let text = FileManager.default.contents(atPath: path),
            let record = try? decoder.decode(Record.self, from: text),
            (50...600).contains(record.medianHertz), (0...12).contains(record.spreadSemitones),
            (700...1700).contains(record.spacingHertz)
        else { return nil }
        return Voice.Speaker(
            medianHertz: record.medianHertz, spreadSemitones: record.spreadSemitones,
            spacingHertz: record.spacingHertz, mayBeAnother: true)
    }

    func keep(_ speaker: Voice.Speaker) {
        func rounded(_ value: Double) -> Double { (value * 100).rounded() / 100 }
        let encoder = JSONEncoder()
        encoder.keyEncodingStrategy = .convertToSnakeCase
        encoder.outputFormatting = [.sortedKeys]
        let record = Record(
            medianHertz: rounded(speaker.medianHertz), spreadSemitones: rounded(speaker.spreadSemitones),
            spacingHertz: rounded(speaker.spacingHertz))
        guard let text = try? encoder.encode(record) else { return }
        let folder = (path as NSString).deletingLastPathComponent
        try? FileManager.default.createDirectory(
            atPath: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        try? text.write(to: URL(fileURLWithPath: path), options: .atomic)
    }
}
