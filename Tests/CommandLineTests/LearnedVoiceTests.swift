import Foundation
import ProcessSupport
import Testing
import VoiceConversion

/// Voices learned from what espeak-ng says in one voice for another, judged on sentences that were not learned from.
@Suite(.boundedCrowd) struct LearnedVoiceTests {
    // IEEE Recommended Practice for Speech Quality Measurements (1969), lists 1 and 2: in the public domain.
    private static let learned = """
        The birch canoe slid on the smooth planks. Glue the sheet to the dark blue background. It is easy to tell the
        depth of a well. These days a chicken leg is a rare dish. Rice is often served in round bowls. The juice of
        lemons makes fine punch. The box was thrown beside the parked truck.
        """
    private static let heldOut = """
        Four hours of steady work faced us. A large size in stockings is hard to sell. The boy was there when the sun
        rose. A rod is used to catch pink salmon. The source of the huge river is the clear spring. Kick the ball
        straight and follow through. Help the woman get back to her feet.
        """

    private func say(_ text: String, as voice: String, _ file: String, in folder: Scratch) async throws {
        _ = try await Command.tool(
            ["espeak-ng", "-v", voice, "-s", "140", "-w", "said.wav", text], folder: folder.path)
        _ = try await Command.tool(
            ["ffmpeg", "-v", "error", "-y", "-i", "said.wav", "-ar", "16000", file], folder: folder.path)
    }

    private func profile(_ file: String) throws -> SpeakerProfile {
        var learner = VoiceLearner()
        try WaveSound(file: file).samples.withUnsafeBufferPointer { learner.add($0) }
        return try learner.profile()
    }

    private func spectra(_ one: SpeakerProfile, _ other: SpeakerProfile) -> Double {
        let squares = zip(one.bandDecibels, other.bandDecibels).map { ($0 - $1) * ($0 - $1) }
        return (squares.reduce(0, +) / Double(squares.count)).squareRoot()
    }

    @Test(arguments: [("en-us+m3", "en-us+f2", ["rachel", "clara"]), ("en-us+f4", "en-us+m7", ["adam", "felix"])])
    func aLearnedVoiceIsNearerThanAnyPreset(
        pair: (source: String, target: String, presets: [String])
    ) async throws {
        let folder = try Scratch()
        let environment = ["XDG_CONFIG_HOME": folder.path]
        try await say(Self.learned, as: pair.source, "source.wav", in: folder)
        try await say(Self.learned, as: pair.target, "target.wav", in: folder)
        try await say(Self.heldOut, as: pair.source, "speech.wav", in: folder)
        try await say(Self.heldOut, as: pair.target, "wanted.wav", in: folder)
        let made = try await Command.quotaVoice(
            ["voices", "learn", "mine", "target.wav", "--source", "source.wav", "--consent", "A machine."],
            environment: environment, folder: folder.path)
        try #require(made.status == 0, "\(made.errors)")
        var found: [SpeakerProfile] = []
        for voice in ["mine"] + pair.presets {
            let result = try await Command.quotaVoice(
                ["convert", "speech.wav", "--local", "--voice", voice, "-o", "\(voice).wav"], environment: environment,
                folder: folder.path)
            try #require(result.status == 0, "\(result.errors)")
            found.append(try profile(folder("\(voice).wav")))
        }
        let wanted = try profile(folder("wanted.wav"))
        let distances = found.map { spectra($0, wanted) }
        #expect(distances[0] < 3)
        #expect(distances[1...].allSatisfy { distances[0] < 0.6 * $0 }, "\(distances)")
        let semitones = found.map { abs(12 * log2($0.medianHertz / wanted.medianHertz)) }
        #expect(semitones[0] < 0.7, "\(semitones)")
        let source = try profile(folder("speech.wav"))
        // Nearer to the target's liveliness than to the source's, when they differ.
        if abs(source.spreadSemitones - wanted.spreadSemitones) > 0.5 {
            #expect(
                abs(found[0].spreadSemitones - wanted.spreadSemitones)
                    < abs(source.spreadSemitones - wanted.spreadSemitones))
        }
    }

    /// One sentence and the exit code that the help gives, and no voice.
    @Test(arguments: [
        (["learn", "mine", "gone.wav", "--consent", "I do."], 66 as Int32, "gone.wav: no such file"),
        (["learn", "mine", "said.wav", "--source", "gone.wav", "--consent", "I do."], 66, "gone.wav: no such file"),
        (["learn", "mine", "words.wav", "--consent", "I do."], 65, "words.wav"),
        (["audition", "gone.wav"], 66, "gone.wav: no such file"),
    ])
    func aRecordingThatIsNoneIsNamed(arguments: [String], status: Int32, sentence: String) async throws {
        let folder = try Scratch()
        try Data("These are words.".utf8).write(to: URL(fileURLWithPath: folder("words.wav")))
        _ = try await Command.tool(["espeak-ng", "-w", "said.wav", Self.learned], folder: folder.path)
        let result = try await Command.quotaVoice(
            ["voices"] + arguments, environment: ["XDG_CONFIG_HOME": folder.path], folder: folder.path)
        #expect(result.status == status)
        #expect(result.errors.hasPrefix("quota-voice: "))
        #expect(result.errors.contains(sentence), "\(result.errors)")
        #expect(result.errors.split(separator: "\n").count == 1)
        #expect(!FileManager.default.fileExists(atPath: folder("quota-voice/voices/mine.json")))
    }
}
