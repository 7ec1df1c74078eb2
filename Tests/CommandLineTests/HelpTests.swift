import Foundation
import ProcessSupport
import Testing

/// What the command says about itself.
@Suite(.boundedCrowd) struct HelpTests {
    static let commands = [[], ["convert"], ["voices"], ["serve"]]

    @Test(arguments: commands) func helpNamesEveryOption(_ command: [String]) async throws {
        let result = try await Command.quotaVoice(command + ["--help"])
        #expect(result.status == 0)
        #expect(result.errors.isEmpty)
        #expect(result.output.contains("USAGE: quota-voice"))
        #expect(!result.output.utf8.contains(0x1B))
        let options: [String: [String]] = [
            "": ["convert", "voices", "serve", "--version", "130 stopped by Ctrl-C"],
            "convert": [
                "--voice", "--output", "--local", "--relay", "--token-file", "QUOTA_API_KEY", "--rate", "--format",
                "--force", "--jobs", "--json", "--pitch", "--formant", "--mix", "--delay", "averaged",
                "130 stopped by Ctrl-C",
            ],
            "voices": ["list", "show", "new", "install", "learn", "audition"],
            "serve": ["--host", "--port", "--token-file", "--sessions", "--heartbeat"],
        ]
        for option in try #require(options[command.first ?? ""]) {
            #expect(result.output.contains(option), "\(option) is not in: \(result.output)")
        }
        let short = try await Command.quotaVoice(["help"] + command)
        #expect(short.output == result.output)
    }

    @Test func versionIsOneLine() async throws {
        let result = try await Command.quotaVoice(["--version"])
        #expect(result.status == 0)
        #expect(result.output.wholeMatch(of: /quota-voice \d+\.\d+\.\d+\n/) != nil, "\(result.output)")
    }

    @Test func voicesAreListed() async throws {
        struct Row: Decodable {
            let name: String
            let summary: String
        }
        let plain = try await Command.quotaVoice(["voices"])
        #expect(plain.status == 0)
        let json = try await Command.quotaVoice(["voices", "--json"])
        #expect(json.status == 0)
        let rows = try JSONDecoder().decode([Row].self, from: Data(json.output.utf8))
        let names = rows.map(\.name)
        for name in ["rachel", "adam", "bella", "child", "deep", "robot", "none"] { #expect(names.contains(name)) }
        #expect(plain.outputLines.count == rows.count)
        for (line, row) in zip(plain.outputLines, rows) {
            #expect(line.hasPrefix(row.name + " "))
            #expect(line.hasSuffix(row.summary))
        }
    }

    /// Every voice that is listed converts, and sounds like something.
    @Test func everyListedVoiceConverts() async throws {
        let folder = try Scratch()
        try WaveSound.speech("speech-female.wav", from: 0.5, seconds: 1).write(to: folder("in.wav"))
        let plain = try await Command.quotaVoice(["voices"])
        #expect(plain.outputLines.count >= 6)
        for line in plain.outputLines {
            let name = try #require(line.split(separator: " ").first.map(String.init))
            let result = try await Command.quotaVoice(
                ["convert", "in.wav", "--local", "--voice", name], folder: folder.path)
            #expect(result.status == 0, "\(result.errors)")
            let answer = try WaveSound(file: folder("in.\(name).wav"))
            #expect(answer.frames == 16_000)
            let loudest = answer.samples.map(abs).max() ?? 0
            #expect(loudest > 0.05, "\(name): \(loudest)")
        }
    }

    @Test(arguments: [
        ("bash", ["bash", "-n"]), ("zsh", ["grep", "-q", "#compdef quota-voice"]),
        ("fish", ["grep", "-q", "complete -c 'quota-voice'"]),
    ]) func completionsAreForEveryShell(_ shell: String, _ check: [String]) async throws {
        let folder = try Scratch()
        let result = try await Command.quotaVoice(["--generate-completion-script", shell])
        #expect(result.status == 0)
        try folder.write("script", result.output)
        try await Command.tool(check + [folder("script")])
        for word in ["convert", "voices", "serve", "wav-float", "token-file"] {
            #expect(result.output.contains(word), "\(word)")
        }
    }

    @Test func aWrongWordPointsToTheHelp() async throws {
        for words in [["convrt"], ["voices", "--jsn"], ["serve", "--port", "70000"], ["serve", "--heartbeat", "0"]] {
            let result = try await Command.quotaVoice(words)
            #expect(result.status == 64, "\(words)")
            #expect(result.output.isEmpty)
            #expect(result.errors.contains("--help"), "\(result.errors)")
        }
    }
}
