import Foundation
import ProcessSupport
import Testing

/// No voice is learned without the speaker's consent, and no copy of it loses the note.
@Suite(.boundedCrowd) struct ConsentTests {
    private func learn(
        _ consent: [String], name: String = "mine", in folder: Scratch
    ) async throws -> ProcessResult {
        try WaveSound.speech(seconds: 1).write(to: folder("said.wav"))
        return try await Command.quotaVoice(
            ["voices", "learn", name, "said.wav"] + consent, environment: ["XDG_CONFIG_HOME": folder.path],
            folder: folder.path)
    }

    @Test(arguments: [
        "", "   ", "\t", ".", "no", "No.", " NO ", "n", "nope", "never", "Nein!", "non, merci", "no, she did not",
        "Anna did not agree", "not agreed yet", "she refused", "he doesn’t want it", "нет", "yes\u{1B}[2J",
        "ok", "Yes.", "me", "yes, agreed", "agreed 2026", "Anna would not", "made without her consent", "不同意",
        "Anna never really agreed", "No, Anna refused", "NO WAY",
    ])
    func whatIsNoConsentIsRefused(_ note: String) async throws {
        let folder = try Scratch()
        let result = try await learn(["--consent", note], in: folder)
        #expect(result.status == 64, "\(result.errors)")
        #expect(result.errors.contains("nothing was written"), "\(result.errors)")
        #expect(!result.errors.utf8.contains(0x1B))
        #expect(folder.files == ["said.wav"])
    }

    /// What says who agreed gets as far as the recording, which is too short.
    @Test(arguments: [
        "Anna Novak, on 3 May", "N. Smith agreed by letter", "I am the speaker myself",
        "Anna agreed without hesitation, 2026", "Nie Weiping agreed on 2026-01-02", "No Yun-ho, 3 May",
        "Anna doesn't mind and agreed", "yes, I agree", "本人同意",
    ])
    func whatAgreesIsTaken(_ note: String) async throws {
        let folder = try Scratch()
        let result = try await learn(["--consent", note], in: folder)
        #expect(result.status == 65, "\(result.errors)")
        #expect(result.errors.contains("s of speech found"), "\(result.errors)")
    }

    @Test(arguments: [
        ("My_Voice", "lower case letters"), ("rachel", "is a voice of quota-voice"), ("../x", "lower case letters"),
    ])
    func aBadNameIsSaidBeforeAnythingIsAsked(_ name: String, _ sentence: String) async throws {
        let folder = try Scratch()
        let result = try await learn([], name: name, in: folder)
        #expect(result.status == 64)
        #expect(result.errors.contains(sentence), "\(result.errors)")
        #expect(!result.errors.contains("consent"))
    }

    private static let terminal = """
        import os, pty, sys
        child, end = pty.fork()
        if child == 0: os.execv(sys.argv[2], sys.argv[2:])
        text, answered = b"", False
        while True:
            try: part = os.read(end, 4096)
            except OSError: break
            if not part: break
            text += part
            if not answered and b"nothing to stop" in text:
                answered = True
                os.write(end, (sys.argv[1] + "\\n").encode())
        _, status = os.waitpid(child, 0)
        sys.stdout.write(text.decode(errors="replace"))
        sys.exit(os.waitstatus_to_exitcode(status))
        """

    /// The question on a terminal comes before the analysis, so that the answer "no" costs nothing.
    @Test(arguments: [
        ("no", Int32(64), "is no consent"), ("", 64, "no consent, no voice"), ("Anna, today", 65, "s of speech found"),
    ])
    func theQuestionTakesNoForAnAnswer(_ answer: String, _ status: Int32, _ sentence: String) async throws {
        let folder = try Scratch()
        try WaveSound.speech(seconds: 1).write(to: folder("said.wav"))
        let result = try await Command.run(
            Checkout.python,
            ["-c", Self.terminal, answer, Checkout.binary, "voices", "learn", "mine", "said.wav"],
            environment: ["XDG_CONFIG_HOME": folder.path], folder: folder.path)
        #expect(result.status == status, "\(result.output)\(result.errors)")
        #expect(result.output.contains("Did the speaker agree"))
        #expect(result.output.contains(sentence), "\(result.output)")
        #expect(folder.files == ["said.wav"])
    }

    @Test func copiesKeepTheNote() async throws {
        let folder = try Scratch()
        let environment = ["XDG_CONFIG_HOME": folder.path]
        try folder.write(
            "a.json",
            """
            {"name": "anna", "summary": "Anna.", "pitch": {"median_hertz": 200}, "formants": {"ratio": 1},
             "origin": {"learned_from": ["a.wav"], "consent": "Anna Novak, on 3 May", "speech_seconds": 60}}
            """)
        func run(_ words: String...) async throws -> String {
            let result = try await Command.quotaVoice(
                ["voices"] + words, environment: environment, folder: folder.path)
            #expect(result.status == 0, "\(words): \(result.errors)")
            return result.output
        }
        _ = try await run("install", "a.json")
        _ = try await run("new", "bob", "--like", "Anna", "--pitch", "-2")
        _ = try await run("new", "carl", "--like", "bob")
        for name in ["anna", "bob", "carl"] {
            let shown = try await run("show", name)
            #expect(shown.contains("\"consent\" : \"Anna Novak, on 3 May\""), "\(name): \(shown)")
            #expect(shown.contains("a.wav"))
            try folder.write("\(name).json", shown)
            _ = try await run("test", "\(name).json")
        }
    }
}
