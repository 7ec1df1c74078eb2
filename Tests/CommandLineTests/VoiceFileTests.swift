import Foundation
import ProcessSupport
import Testing

/// Voices of one's own, and the schema that describes them to editors: both take and refuse the same files.
@Suite(.boundedCrowd) struct VoiceFileTests {
    private static let schema = "\(Checkout.root)/docs/voice.schema.json"

    /// Debian's validator: prints one line for each file that the schema refuses.
    private func refusedBySchema(_ files: [String], in folder: Scratch) async throws -> [String] {
        let program = """
            import json, sys, jsonschema
            schema = json.load(open(sys.argv[1]))
            jsonschema.Draft202012Validator.check_schema(schema)
            for path in sys.argv[2:]:
                if not jsonschema.Draft202012Validator(schema).is_valid(json.load(open(path))): print(path)
            """
        let result = try await Command.run(
            Checkout.python, ["-c", program, Self.schema] + files, folder: folder.path)
        #expect(result.status == 0, "\(result.errors)")
        return result.outputLines.map(String.init)
    }

    private func voices(_ words: [String], in folder: Scratch) async throws -> ProcessResult {
        try await Command.quotaVoice(
            ["voices"] + words, environment: ["XDG_CONFIG_HOME": folder("my config")], folder: folder.path)
    }

    @Test func whatNewWritesIsWhatTheSchemaTakes() async throws {
        let folder = try Scratch()
        let environment = ["XDG_CONFIG_HOME": folder.path]
        let list = try await Command.quotaVoice(["voices"], environment: environment)
        let names = try list.outputLines.map { try #require($0.split(separator: " ").first.map(String.init)) }
        #expect(names.count >= 12)
        var files: [String] = []
        for name in names {
            let made = try await Command.quotaVoice(
                ["voices", "new", "my-\(name)", "--like", name, "--pitch", "-1"], environment: environment)
            #expect(made.status == 0, "\(made.errors)")
            files.append("quota-voice/voices/my-\(name).json")
        }
        #expect(try await refusedBySchema(files, in: folder).isEmpty)
        let all = try await Command.quotaVoice(["voices"], environment: environment)
        #expect(all.errors.isEmpty, "\(all.errors)")
        #expect(all.outputLines.count == 2 * names.count)
    }

    private static func voice(
        _ rest: String = "", name: String = "\"mine\"", pitch: String = "{\"ratio\": 1}",
        formants: String = "{\"ratio\": 1}"
    ) -> String {
        "{\"name\": \(name), \"summary\": \"Mine.\", \"pitch\": \(pitch), \"formants\": \(formants)\(rest)}"
    }

    private static let good = [
        voice(), voice(", \"$schema\": \"voice.schema.json\""), voice(", \"colour\": []"), voice(", \"effects\": {}"),
        voice(", \"effects\": {\"ring_depth\": 0}"), voice(", \"effects\": {\"ring_depth\": 1, \"ring_hertz\": 1}"),
        voice(pitch: "{\"median_hertz\": 600, \"spread_semitones\": 0}", formants: "{\"spacing_hertz\": 700}"),
        voice(
            ", \"origin\": {\"learned_from\": [\"a.wav\"], \"consent\": \"Yes.\", \"speech_seconds\": 12.5}",
            pitch: "{\"constant_hertz\": 50}"),
        voice(", \"effects\": {\"vibrato_hertz\": 0}", pitch: "{\"constant_hertz\": 50}"),
        voice(", \"effects\": {\"vibrato_hertz\": 5, \"vibrato_semitones\": 0.5}"),
        voice(", \"effects\": {\"whisper\": 1, \"ring_hertz\": 4000, \"ring_depth\": 1, \"drive\": 1}"),
        voice(", \"colour\": [{\"hertz\": 20, \"decibels\": -60}, {\"hertz\": 8000, \"decibels\": 24}]"),
        voice(", \"air\": [{\"hertz\": 5000, \"decibels\": -60}, {\"hertz\": 6000, \"decibels\": 6}]"),
        voice(", \"speaker\": {\"median_hertz\": 110, \"spread_semitones\": 2, \"spacing_hertz\": 1000}"),
    ]

    /// A file that is refused, and what the command says of it.
    private static let bad = [
        (voice(name: "\"My Voice\""), "name takes 1 to 32 lower case letters"),
        (voice(name: "7"), "name has the wrong type"),
        ("{\"name\": \"mine\", \"summary\": \"Mine.\", \"pitch\": {\"ratio\": 1}}", "formants is missing"),
        (voice(pitch: "{}"), "pitch takes exactly one of median_hertz, ratio and constant_hertz"),
        (voice(pitch: "{\"ratio\": 1, \"median_hertz\": 100}"), "pitch takes exactly one of"),
        (voice(pitch: "{\"ratio\": 4.1}"), "pitch.ratio is 4.1, it takes 0.25 to 4.0"),
        (voice(pitch: "{\"median_herz\": 100}"), "pitch.median_herz is not known; pitch takes constant_hertz"),
        (voice(pitch: "{\"ratio\": \"high\"}"), "pitch.ratio has the wrong type"),
        (voice(formants: "{\"spacing_hertz\": 3000}"), "formants.spacing_hertz is 3000.0, it takes 700.0 to 2000.0"),
        (voice(formants: "{\"ratio\": 1, \"spacing_hertz\": 1000}"), "formants takes exactly one of"),
        (voice(", \"color\": []"), "color is not known; a voice takes air, colour, effects"),
        (voice(", \"colour\": [{\"hertz\": 9, \"decibels\": 0}]"), "colour[0].hertz is 9.0"),
        (voice(", \"colour\": [{\"hertz\": 90}]"), "colour[0].decibels is missing"),
        (voice(", \"colour\": [{\"hertz\": 90, \"decibels\": 1, \"q\": 1}]"), "colour[0].q is not known"),
        (
            voice(
                ", \"colour\": ["
                    + Array(repeating: "{\"hertz\": 90, \"decibels\": 1}", count: 65)
                    .joined(separator: ",") + "]"), "colour takes at most 64 points"
        ),
        (voice(", \"effects\": {\"whisper\": 2}"), "effects.whisper is 2.0, it takes 0.0 to 1.0"),
        (voice(", \"speaker\": {\"median_hertz\": 110, \"spread_semitones\": 2}"), "speaker.spacing_hertz is missing"),
        (
            voice(", \"speaker\": {\"median_hertz\": 40, \"spread_semitones\": 2, \"spacing_hertz\": 1000}"),
            "speaker.median_hertz is 40.0, it takes 50.0 to 600.0"
        ),
        (voice(", \"effects\": {\"echo\": 1}"), "effects.echo is not known; effects takes drive"),
        (voice(", \"effects\": {\"ring_depth\": 1}"), "effects.ring_depth needs an effects.ring_hertz of at least 1"),
        (voice(", \"effects\": {\"ring_depth\": 0.1, \"ring_hertz\": 0.5}"), "of at least 1, or nothing"),
        (
            voice(", \"effects\": {\"vibrato_hertz\": 5}", pitch: "{\"constant_hertz\": 100}"),
            "effects has a vibrato, which nobody would hear with pitch.constant_hertz"
        ),
        (
            voice(", \"effects\": {\"vibrato_semitones\": 0.5}", pitch: "{\"constant_hertz\": 100}"),
            "effects has a vibrato, which nobody would hear with pitch.constant_hertz"
        ),
        (
            voice(pitch: "{\"ratio\": 1, \"spread_semitones\": 2}"),
            "pitch.spread_semitones goes with pitch.median_hertz alone"
        ),
        (voice(pitch: "{\"ratio\": 1e999}"), "1e999 is out of range"),
        (
            "{\"name\": \"mine\", \"summary\": \"a\\u001b[2Jb\", \"pitch\": {\"ratio\": 1}, "
                + "\"formants\": {\"ratio\": 1}}", "summary takes one line"
        ),
        (
            "{\"name\": \"mine\", \"summary\": \"a\\nb\", \"pitch\": {\"ratio\": 1}, "
                + "\"formants\": {\"ratio\": 1}}", "summary takes one line"
        ),
        (
            voice(", \"origin\": {\"learned_from\": [], \"consent\": \"\", \"speech_seconds\": 12}"),
            "origin.consent is empty"
        ),
        (
            voice(", \"origin\": {\"learned_from\": [], \"consent\": \"  \", \"speech_seconds\": 12}"),
            "origin.consent is empty"
        ),
    ]

    @Test func theSchemaAndTheCommandAgree() async throws {
        let folder = try Scratch()
        let texts = Self.good + Self.bad.map(\.0)
        let files = try texts.enumerated().map { index, text in
            let name = "\(index).json"
            try folder.write(name, text)
            return name
        }
        #expect(try await refusedBySchema(files, in: folder) == Array(files[Self.good.count...]))
        for (index, file) in files.enumerated() {
            let result = try await Command.quotaVoice(["voices", "test", file], folder: folder.path)
            guard index >= Self.good.count else {
                #expect(result.status == 0, "\(texts[index]): \(result.errors)")
                continue
            }
            let sentence = Self.bad[index - Self.good.count].1
            #expect(result.status == 65, "\(texts[index])")
            #expect(result.errors.contains(sentence), "\(sentence) is not in \(result.errors)")
        }
    }

    @Test(arguments: [("", "it is not JSON"), ("[1, 2", "it is not JSON"), ("[]", "it has the wrong type")])
    func whatIsNoVoiceIsSaid(text: String, sentence: String) async throws {
        let folder = try Scratch()
        try folder.write("mine.json", text)
        let result = try await Command.quotaVoice(["voices", "test", "mine.json"], folder: folder.path)
        #expect(result.status == 65)
        #expect(result.errors.contains(sentence), "\(result.errors)")
    }

    /// What `test` advises works as it stands, for someone who has no voices yet, and with spaces in names.
    @Test func theAdviceOfTestInstalls() async throws {
        let folder = try Scratch()
        try folder.write("it's mine.json", Self.voice(", \"$schema\": \"voice.schema.json\""))
        let tested = try await voices(["test", "it's mine.json"], in: folder)
        let line = try #require(tested.outputLines.first)
        let advice = try #require(line.components(separatedBy: "install it with: quota-voice ").last)
        let installed = try await Command.run(
            "/bin/sh", ["-c", "\(Checkout.binary) \(advice)"], environment: ["XDG_CONFIG_HOME": folder("my config")],
            folder: folder.path)
        #expect(installed.status == 0, "\(installed.errors)")
        #expect(installed.outputLines.first?.hasSuffix("my config/quota-voice/voices/mine.json") == true)
        #expect(
            try folder.read("my config/quota-voice/voices/mine.json") == folder.read("it's mine.json"), "kept as it is")
        #expect(try await voices(["list"], in: folder).output.contains("\nmine ") == false)
        #expect(try await voices(["list"], in: folder).output.hasPrefix("mine "))
        let again = try await voices(["install", "it's mine.json"], in: folder)
        #expect(again.status == 73)
        #expect(again.errors.contains("--force"))
        #expect(try await voices(["install", "it's mine.json", "--force"], in: folder).status == 0)
    }

    /// Two files with one name: one of them is the voice, and the other is told of.
    @Test func aNameIsInOneFileOnly() async throws {
        let folder = try Scratch()
        let own = "my config/quota-voice/voices"
        try FileManager.default.createDirectory(atPath: folder(own), withIntermediateDirectories: true)
        for file in ["a.json", "b.json"] { try folder.write("\(own)/\(file)", Self.voice()) }
        let list = try await voices(["list"], in: folder)
        #expect(list.outputLines.count { $0.hasPrefix("mine ") } == 1)
        #expect(list.errors.contains("b.json: mine is the voice in"), "\(list.errors)")
        for words in [["new", "mine"], ["new", "mine", "--force"], ["install", "\(own)/a.json"]] {
            let result = try await voices(words, in: folder)
            #expect(result.status == 73)
            #expect(result.errors.contains("a.json; choose another name"), "\(result.errors)")
        }
        #expect(!folder.exists("\(own)/mine.json"))
    }

    @Test func aCopyOfNoneIsRefusedAndOwnVoicesAreSuggested() async throws {
        let folder = try Scratch()
        let copy = try await voices(["new", "me", "--like", "none"], in: folder)
        #expect(copy.status == 64)
        #expect(copy.errors.contains("a copy of none would be converted"), "\(copy.errors)")
        #expect(try await voices(["new", "grandmother", "--pitch", "-1"], in: folder).status == 0)
        let near = try await voices(["show", "grandmothr"], in: folder)
        #expect(near.status == 64)
        #expect(near.errors.contains("did you mean grandmother?"), "\(near.errors)")
        let lines = try await voices(["new", "two-lines", "--summary", "a\nb"], in: folder)
        #expect(lines.status == 65)
        #expect(lines.errors.contains("summary takes one line"), "\(lines.errors)")
    }

    /// What stands in a file must not reach the terminal as more than text.
    @Test func controlCharactersStayOutOfTheTerminal() async throws {
        let folder = try Scratch()
        try folder.write("mine.json", Self.voice(", \"a\\u001b]0;x\\u0007\": 1"))
        let result = try await voices(["test", "mine.json"], in: folder)
        #expect(result.status == 65)
        #expect(result.errors.contains("is not known"))
        #expect(!result.errors.utf8.contains { $0 == 0x1B || $0 == 0x07 })
    }
}
