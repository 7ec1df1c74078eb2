import Foundation
import ProcessSupport
import Testing

/// Several files, folders, and what is printed about them.
@Suite(.boundedCrowd) struct BatchTests {
    private struct Line: Decodable {
        let input: String
        let output: String?
        let ok: Bool
        let exitCode: Int32
        let error: String?
        let soundSeconds: Double
        let creditsUsed: Int?
    }

    private func lines(_ result: ProcessResult) throws -> [Line] {
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        return try result.outputLines.map { try decoder.decode(Line.self, from: Data($0.utf8)) }
            .sorted { $0.input < $1.input }
    }

    private func sounds() throws -> Scratch {
        let folder = try Scratch()
        try FileManager.default.createDirectory(atPath: folder("music/deep"), withIntermediateDirectories: true)
        for (index, name) in ["music/a.wav", "music/B.WAV", "music/deep/c.wav"].enumerated() {
            try WaveSound.speech(seconds: 0.3 + Double(index) / 10).write(to: folder(name))
        }
        try folder.write("music/cover.txt", "not sound")
        try folder.write("music/.hidden.wav", "not looked at")
        return folder
    }

    @Test func aFolderIsMirrored() async throws {
        let folder = try sounds()
        let result = try await Command.quotaVoice(
            ["convert", "--local", "music", "-o", "out/", "--voice", "adam"], folder: folder.path)
        #expect(result.status == 0, "\(result.errors)")
        #expect(
            folder.files.filter { $0.hasPrefix("out/") } == [
                "out/B.adam.wav", "out/a.adam.wav", "out/deep", "out/deep/c.adam.wav",
            ])
        #expect(try WaveSound(file: folder("out/deep/c.adam.wav")).frames == 24_000)
    }

    @Test func resultsLieBesideTheirInputs() async throws {
        let folder = try sounds()
        let result = try await Command.quotaVoice(
            ["convert", "--local", "music/deep", "music/a.wav", "--jobs", "5"], folder: folder.path)
        #expect(result.status == 0, "\(result.errors)")
        #expect(folder.exists("music/a.rachel.wav"))
        #expect(folder.exists("music/deep/c.rachel.wav"))
        #expect(result.outputLines.count == 2)
        #expect(result.outputLines.allSatisfy { $0.contains(" → ") })
        #expect(result.errors == "2 of 2 files converted\n")
    }

    /// What an earlier run made, with whichever voice, is not converted again; a name that only looks so is.
    @Test func resultsOfOtherVoicesAreNoInput() async throws {
        let folder = try sounds()
        try WaveSound.speech(seconds: 0.2).write(to: folder("music/interview.adam.wav"))
        for (voice, count) in [("adam", 3), ("bella", 4)] {
            let result = try await Command.quotaVoice(
                ["convert", "--local", "music", "--voice", voice], folder: folder.path)
            #expect(result.status == 0, "\(result.errors)")
            #expect(result.outputLines.count == count, "\(result.output)")
        }
        #expect(folder.exists("music/a.bella.wav"))
        #expect(folder.exists("music/deep/c.bella.wav"))
        #expect(folder.exists("music/interview.adam.bella.wav"))
        #expect(!folder.exists("music/a.adam.bella.wav"))
    }

    @Test func oneBadFileDoesNotStopTheOthers() async throws {
        let folder = try sounds()
        try folder.write("music/bad.wav", "these are words and no sound, whatever the name may say")
        let result = try await Command.quotaVoice(["convert", "--local", "music", "-o", "out/"], folder: folder.path)
        #expect(result.status == 65, "\(result.errors)")
        #expect(result.errorLines.count == 2, "\(result.errors)")
        #expect(result.errors.contains("music/bad.wav: not a sound file"))
        #expect(result.errors.contains("3 of 4 files converted"))
        #expect(folder.files.filter { $0.hasSuffix(".rachel.wav") }.count == 3)
        #expect(!folder.files.contains { $0.contains("bad.rachel") || $0.hasSuffix(".part") })
    }

    @Test func differentFailuresAreSeveral() async throws {
        let folder = try sounds()
        try folder.write("empty.wav", "")
        let result = try await Command.quotaVoice(
            ["convert", "--local", "empty.wav", "nowhere.wav", "music/a.wav", "--json"], folder: folder.path)
        #expect(result.status == 1, "\(result.errors)")
        let lines = try lines(result)
        #expect(lines.map(\.input) == ["empty.wav", "music/a.wav", "nowhere.wav"])
        #expect(lines.map(\.exitCode) == [65, 0, 66])
        #expect(lines.map(\.ok) == [false, true, false])
        #expect(lines.map { $0.error == nil } == [false, true, false])
        #expect(lines[1].output == "music/a.rachel.wav")
        #expect(lines[0].output == nil)
    }

    @Test func jsonIsOneObjectAFileAndNothingElse() async throws {
        let folder = try Scratch()
        let relay = try await ServedRelay(keys: ["sk-quota-json": 1_000_000])
        let sound = try WaveSound.speech("speech-female.wav", seconds: 0.5)
        try sound.write(to: folder("in.wav"))
        let result = try await Command.quotaVoice(
            ["convert", "in.wav", "--relay", relay.url, "--json"], environment: ["QUOTA_API_KEY": "sk-quota-json"],
            folder: folder.path)
        #expect(result.status == 0, "\(result.errors)")
        #expect(result.errors.isEmpty, "\(result.errors)")
        let line = try #require(try lines(result).first)
        #expect(result.outputLines.count == 1)
        #expect(line.soundSeconds == 0.5)
        #expect(line.creditsUsed == 1_250)
        #expect(line.output == "in.rachel.wav")
    }

    @Test func plainWhenNotATerminal() async throws {
        let folder = try Scratch()
        try WaveSound.speech(seconds: 0.5).write(to: folder("in.wav"))
        for environment in [["TERM": "xterm-256color"], ["TERM": "xterm", "FORCE_COLOR": "1"]] {
            let result = try await Command.quotaVoice(
                ["convert", "in.wav", "--force"], environment: environment, folder: folder.path)
            #expect(result.status == 0)
            #expect(!(result.output + result.errors).utf8.contains { $0 == 0x1B || $0 == 0x0D })
            #expect(result.outputLines.count == 1)
            #expect(result.output.contains("in.wav → in.rachel.wav"))
            // Where it happens is said in one line, unless --local said so before.
            #expect(result.errorLines.count == 1)
            #expect(result.errors.contains("No API key"))
        }
        let local = try await Command.quotaVoice(["convert", "in.wav", "--force", "--local"], folder: folder.path)
        #expect(local.errors.isEmpty, "\(local.errors)")
        let quiet = try await Command.quotaVoice(["convert", "in.wav", "--force", "--quiet"], folder: folder.path)
        #expect(quiet.output.isEmpty)
        #expect(quiet.errors.isEmpty)
    }

    /// On a terminal there is a bar, and colours unless NO_COLOR asks for none.
    @Test func aBarOnATerminal() async throws {
        let folder = try Scratch()
        try WaveSound.speech(seconds: 3).write(to: folder("in.wav"))
        let relay = try await PeerRelay.shared
        for (extra, isColoured) in [([:], true), (["NO_COLOR": "1"], false)] {
            let environment = ["QUOTA_API_KEY": try relay.key(), "TERM": "xterm", "QV": Checkout.binary]
            let result = try await Command.run(
                "/usr/bin/script",
                ["-qec", "\"$QV\" convert in.wav --force --relay \(relay.url)", "/dev/null"],
                environment: environment.merging(extra) { $1 }, folder: folder.path)
            #expect(result.status == 0, "\(result.output)")
            #expect(result.output.contains("━"), "\(result.output)")
            #expect(result.output.contains(" left"))
            #expect(result.output.contains("\u{1B}[36m") == isColoured)
            // The bar's line is cleared before the result's line.
            #expect(result.output.contains("\u{1B}[2Kin.wav → in.rachel.wav"))
        }
    }
}
