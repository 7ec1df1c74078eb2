import Foundation
import ProcessSupport
import Testing

/// What can be wrong with files, folders and words: a sentence, a code, and nothing left behind.
@Suite(.boundedCrowd) struct InputErrorTests {
    private func convert(_ words: [String], in folder: Scratch, input: String? = nil) async throws -> ProcessResult {
        try await Command.quotaVoice(["convert", "--local"] + words, input: input, folder: folder.path)
    }

    @Test func aMissingFile() async throws {
        let folder = try Scratch()
        let result = try await convert(["nowhere.wav"], in: folder)
        expectFailure(result, 66, saying: ["nowhere.wav: no such file", "check"], leaving: [], in: folder)
    }

    @Test func aFolderWithoutSound() async throws {
        let folder = try Scratch()
        try FileManager.default.createDirectory(atPath: folder("empty"), withIntermediateDirectories: false)
        try folder.write("empty/notes.txt", "no sound")
        let result = try await convert(["empty"], in: folder)
        expectFailure(
            result, 66, saying: ["empty: no sound files"], leaving: ["empty", "empty/notes.txt"], in: folder)
    }

    @Test(arguments: ["notes.wav", "notes.flac", "notes.mp3"]) func aFileThatIsNotSound(_ name: String) async throws {
        let folder = try Scratch()
        try folder.write(name, String(repeating: "these are words\n", count: 300))
        let result = try await convert([name], in: folder)
        expectFailure(result, 65, saying: ["\(name): not a sound file", "convert it"], leaving: [name], in: folder)
    }

    @Test func anEmptyFile() async throws {
        let folder = try Scratch()
        try folder.write("in.wav", "")
        let result = try await convert(["in.wav"], in: folder)
        expectFailure(result, 65, saying: ["in.wav: the file is empty"], leaving: ["in.wav"], in: folder)
    }

    @Test func emptyStandardInput() async throws {
        let folder = try Scratch()
        let result = try await convert(["-"], in: folder, input: "/dev/null")
        expectFailure(result, 65, saying: ["standard input", "empty"], leaving: [], in: folder)
    }

    @Test func aHeaderWithoutSamples() async throws {
        let folder = try Scratch()
        try folder.write("in.wav", WaveSound(sampleRate: 16_000, samples: []).data)
        let result = try await convert(["in.wav"], in: folder)
        expectFailure(result, 65, saying: ["in.wav: there is no sound"], leaving: ["in.wav"], in: folder)
    }

    @Test(arguments: [10, 30, 43]) func aHeaderThatIsCut(_ bytes: Int) async throws {
        let folder = try Scratch()
        try folder.write("in.wav", WaveSound(sampleRate: 16_000, samples: [0.1, 0.2]).data.prefix(bytes))
        let result = try await convert(["in.wav"], in: folder)
        expectFailure(result, 65, saying: ["in.wav: "], leaving: ["in.wav"], in: folder)
    }

    @Test func aRecordingCutShort() async throws {
        let folder = try Scratch()
        let data = try WaveSound.speech(seconds: 1).data
        try folder.write("in.wav", data.prefix(data.count / 2))
        let result = try await convert(["in.wav"], in: folder)
        expectFailure(
            result, 65, saying: ["promises 96000 bytes", "47978 are there", "again"], leaving: ["in.wav"], in: folder)
    }

    @Test func aFLACFileCutShort() async throws {
        let folder = try Scratch()
        try WaveSound.speech(seconds: 3).write(to: folder("plain.wav"))
        try await Command.tool(["sox", folder("plain.wav"), folder("whole.flac")])
        let data = try folder.read("whole.flac")
        try folder.write("in.flac", data.prefix(data.count / 2))
        let result = try await convert(["in.flac"], in: folder)
        expectFailure(
            result, 65, saying: ["in.flac: the sound stops after", "damaged"],
            leaving: ["in.flac", "plain.wav", "whole.flac"], in: folder)
    }

    @Test(arguments: [Float.nan, .infinity]) func aSampleThatIsNotANumber(_ sample: Float) async throws {
        let folder = try Scratch()
        var samples = [Float](repeating: 0.1, count: 16_000)
        samples[8_000] = sample
        try folder.write("raw", samples.withUnsafeBytes { Data($0) })
        try await Command.tool(
            ["sh", "-c", "sox -t f32 -r 16000 -c 1 raw -e floating-point -b 32 ok.wav"], folder: folder.path)
        // sox clips what it converts; the bytes go in behind its back.
        var wave = try folder.read("ok.wav")
        wave.replaceSubrange(wave.count - 64_000..<wave.count, with: samples.withUnsafeBytes { Data($0) })
        try folder.write("in.wav", wave)
        let result = try await convert(["in.wav"], in: folder)
        expectFailure(
            result, 65, saying: ["in.wav: a sample at 0.500 s is not a number"], leaving: ["in.wav", "ok.wav", "raw"],
            in: folder)
    }

    @Test func anUnknownVoice() async throws {
        let folder = try Scratch()
        try WaveSound.speech(seconds: 0.2).write(to: folder("in.wav"))
        let result = try await convert(["in.wav", "--voice", "rachle"], in: folder)
        expectFailure(
            result, 64, saying: ["rachle", "did you mean rachel?", "quota-voice voices"], leaving: ["in.wav"],
            in: folder)
        let far = try await convert(["in.wav", "--voice", "zzzzzzzzzzzz"], in: folder)
        expectFailure(far, 64, saying: ["zzzzzzzzzzzz", "quota-voice voices"], leaving: ["in.wav"], in: folder)
    }

    @Test func aResultThatExists() async throws {
        let folder = try Scratch()
        try WaveSound.speech(seconds: 0.2).write(to: folder("in.wav"))
        try folder.write("in.rachel.wav", "precious")
        let result = try await convert(["in.wav"], in: folder)
        expectFailure(
            result, 73, saying: ["in.rachel.wav: exists", "--force"], leaving: ["in.wav", "in.rachel.wav"], in: folder)
        #expect(try folder.read("in.rachel.wav") == Data("precious".utf8))
        let forced = try await convert(["in.wav", "--force"], in: folder)
        #expect(forced.status == 0, "\(forced.errors)")
        #expect(try WaveSound(file: folder("in.rachel.wav")).frames == 9_600)
    }

    /// With --force, a conversion that fails leaves the old result as it was.
    @Test func aFailureKeepsTheOldResult() async throws {
        let folder = try Scratch()
        try folder.write("in.wav", "not sound at all, but long enough to be read")
        try folder.write("in.rachel.wav", "precious")
        let result = try await convert(["in.wav", "--force"], in: folder)
        expectFailure(result, 65, saying: ["in.wav"], leaving: ["in.wav", "in.rachel.wav"], in: folder)
        #expect(try folder.read("in.rachel.wav") == Data("precious".utf8))
    }

    /// A read-only mount, because root may write to a folder without permission.
    @Test func aFolderThatIsReadOnly() async throws {
        let folder = try Scratch()
        try WaveSound.speech(seconds: 0.2).write(to: folder("in.wav"))
        let result = try await mounted("-o ro", folder)
        expectFailure(
            result, 73, saying: ["mounted: can't write there", "choose another"], leaving: ["in.wav", "mounted"],
            in: folder)
    }

    @Test(arguments: [8, 64]) func aDiskThatIsFull(_ kibibytes: Int) async throws {
        let folder = try Scratch()
        try WaveSound.speech(seconds: 3).write(to: folder("in.wav"))
        let result = try await mounted("-o size=\(kibibytes)k", folder)
        expectFailure(
            result, 74, saying: ["mounted: the disk is full", "make room"], leaving: ["in.wav", "mounted"], in: folder)
    }

    /// Converts into a temporary file system of a mount namespace; its leftovers become lines of the output.
    private func mounted(_ options: String, _ folder: Scratch) async throws -> ProcessResult {
        try FileManager.default.createDirectory(atPath: folder("mounted"), withIntermediateDirectories: false)
        let script = """
            mount -t tmpfs \(options) none mounted || exit 99
            "$0" convert --local in.wav -o mounted/out.wav; status=$?
            find mounted -mindepth 1; exit $status
            """
        return try await Command.run(
            "/usr/bin/unshare", ["--user", "--map-root-user", "--mount", "sh", "-c", script, Checkout.binary],
            folder: folder.path)
    }

    @Test func wordsThatMakeNoSense() async throws {
        let folder = try Scratch()
        try WaveSound.speech(seconds: 0.2).write(to: folder("in.wav"))
        let wrong: [([String], String)] = [
            ([], "input"), (["in.wav", "--relay", "ws://127.0.0.1:1"], "--local and --relay"),
            (["in.wav", "--loud"], "--loud"), (["in.wav", "--jobs", "0"], "--jobs"), (["-", "-"], "only once"),
            (["in.wav", "--rate", "12"], "--rate"), (["in.wav", "--format", "mp4"], "mp4"),
            (["in.wav", "-o", "out.mp3"], ".mp3"), (["in.wav", "in.wav", "-o", "one.wav"], "folder"),
            (["in.wav", "./in.wav"], "both become"),
        ]
        for (words, part) in wrong {
            let result = try await convert(words, in: folder)
            #expect(result.status == 64, "\(words): \(result.errors)")
            #expect(result.errors.contains(part), "\(words): \(result.errors)")
            #expect(result.output.isEmpty, "\(words)")
        }
        #expect(folder.files == ["in.wav"])
    }

    @Test func aKeyThatIsNotThere() async throws {
        let folder = try Scratch()
        try WaveSound.speech(seconds: 0.2).write(to: folder("in.wav"))
        try folder.write("empty", "\n")
        let words = ["convert", "in.wav", "--relay", "ws://127.0.0.1:1"]
        let none = try await Command.quotaVoice(words, folder: folder.path)
        expectFailure(none, 77, saying: ["no API key", "QUOTA_API_KEY"], leaving: ["in.wav", "empty"], in: folder)
        let missing = try await Command.quotaVoice(words + ["--token-file", "nowhere"], folder: folder.path)
        expectFailure(missing, 66, saying: ["nowhere", "check"], leaving: ["in.wav", "empty"], in: folder)
        let blank = try await Command.quotaVoice(words + ["--token-file", "empty"], folder: folder.path)
        expectFailure(blank, 77, saying: ["empty: no API key"], leaving: ["in.wav", "empty"], in: folder)
    }
}
