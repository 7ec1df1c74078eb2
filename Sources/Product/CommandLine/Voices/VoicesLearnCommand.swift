import ArgumentParser
import Foundation
import VoiceConversion

struct VoicesLearnCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "learn", abstract: "Learn a speaker's voice from recordings.",
        discussion: """
            Needs at least \(Int(VoiceLearner.neededSeconds)) seconds of speech, better a minute. Pitch, its spread, the
            length of the vocal tract and the long-term spectrum are learned; accent and manner of speaking are not.
            With --source, recordings of the one who will speak, the colour fits that speaker.

            The speaker has to agree. Their consent is asked for once and kept with the voice.
            """)

    @Argument(help: ArgumentHelp("The new voice's name.", valueName: "name"))
    var name: String

    @Argument(help: ArgumentHelp("Recordings of the speaker.", valueName: "recording"), completion: .file())
    var recordings: [String]

    @Option(
        parsing: .upToNextOption,
        help: ArgumentHelp("Recordings of the one who will use the voice.", valueName: "recording"), completion: .file()
    )
    var source: [String] = []

    @Option(help: ArgumentHelp("The consent, instead of the question: who agreed, and when.", valueName: "note"))
    var consent: String?

    @Flag(help: "Replace a voice of that name.")
    var force = false

    func run() throws {
        guard VoiceCatalog.voice(named: name) == nil else {
            throw CommandFailure(status: .usage, sentence: "\(name) is a voice of quota-voice; choose another name")
        }
        let path = VoiceLibrary.path(of: name)
        guard force || !FileManager.default.fileExists(atPath: path) else {
            throw CommandFailure(status: .cantCreate, sentence: "\(path): exists already; give --force to replace it")
        }
        let target = try Self.profile(of: recordings)
        let speaker = source.isEmpty ? nil : try Self.profile(of: source)
        let note = try consent ?? askConsent()
        let voice = Voice(
            name: name, summary: "Learned from \(recordings.count) recording\(recordings.count == 1 ? "" : "s").",
            target: target, source: speaker)
        let origin = VoiceFile.Origin(
            learnedFrom: recordings.map { ($0 as NSString).lastPathComponent }, consent: note,
            speechSeconds: (target.speechSeconds * 10).rounded() / 10)
        let file = VoiceFile(voice, origin: origin)
        _ = try file.voice(path: path)
        try VoiceStore.save(file, replaces: force)
        Terminal.result(path)
        Terminal.note(Self.report(target))
    }

    private static func profile(of recordings: [String]) throws -> SpeakerProfile {
        var learner = VoiceLearner()
        for path in recordings {
            let samples = try SpeechReader.samples(path)
            samples.withUnsafeBufferPointer { learner.add($0) }
        }
        do throws(LearningError) {
            return try learner.profile()
        } catch {
            let names = recordings.joined(separator: ", ")
            switch error {
            case .tooLittleSpeech(let found, let needed):
                throw CommandFailure(
                    status: .badInput,
                    sentence: String(
                        format: "%@: %.1f s of speech found, %.0f s are needed; add recordings", names, found, needed))
            case .noVoice:
                throw CommandFailure(
                    status: .badInput,
                    sentence: "\(names): hardly any voice found; give recordings of one person speaking")
            }
        }
    }

    /// How much was found and how far it goes.
    private static func report(_ profile: SpeakerProfile) -> String {
        let quality =
            switch profile.speechSeconds {
            case ..<20: "enough to begin with, a minute would be better"
            case ..<60: "good"
            default: "very good"
            }
        return String(
            format: "%.0f s of speech (%@): pitch %.0f Hz ± %.1f semitones, formants every %.0f Hz",
            profile.speechSeconds, quality, profile.medianHertz, profile.spreadSemitones, profile.spacingHertz)
    }

    private func askConsent() throws -> String {
        guard isatty(STDIN_FILENO) == 1 else {
            throw CommandFailure(
                status: .usage, sentence: "the speaker's consent is needed; say who agreed and when with --consent")
        }
        Terminal.note(
            "Did the speaker agree that this voice is made and used? Type who agreed and when, or nothing to stop:")
        guard let answer = readLine(), !answer.trimmingCharacters(in: .whitespaces).isEmpty else {
            throw CommandFailure(status: .usage, sentence: "no consent, no voice: nothing was written")
        }
        return answer
    }
}
