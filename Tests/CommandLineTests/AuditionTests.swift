import Foundation
import ProcessSupport
import Testing

/// `quota-voice voices audition`: the page and what lies beside it.
@Suite(.boundedCrowd) struct AuditionTests {
    private struct Row: Decodable {
        let name: String
    }

    private func audition(_ words: [String], in folder: Scratch) async throws -> ProcessResult {
        try await Command.quotaVoice(
            ["voices", "audition"] + words, environment: ["XDG_CONFIG_HOME": folder("config")], folder: folder.path)
    }

    /// Everything that the page shows is there and is what it should be; the folder may be moved.
    @Test func thePageHasEveryVoice() async throws {
        let folder = try Scratch()
        let environment = ["XDG_CONFIG_HOME": folder("config")]
        let sound = try WaveSound.speech("speech-female.wav", from: 0.5, seconds: 1.5)
        try sound.write(to: folder("in & out.wav"))
        let made = try await Command.quotaVoice(
            ["voices", "new", "original", "--pitch", "-3"], environment: environment)
        #expect(made.status == 0, "\(made.errors)")
        let result = try await audition(["in & out.wav"], in: folder)
        #expect(result.status == 0, "\(result.errors)")
        #expect(result.output == "in & out-voices/index.html\n")
        try FileManager.default.moveItem(atPath: folder("in & out-voices"), toPath: folder("moved"))
        let html = String(decoding: try folder.read("moved/index.html"), as: UTF8.self)
        #expect(!html.contains("file:"))
        #expect(!html.contains(folder.path))
        #expect(html.contains("<title>in &amp; out.wav in every voice</title>"))
        let list = try await Command.quotaVoice(["voices", "--json"], environment: environment)
        let names = try JSONDecoder().decode([Row].self, from: Data(list.output.utf8)).map(\.name)
        let articles = html.components(separatedBy: "<article>").dropFirst()
        #expect(articles.map { String($0.dropFirst(4).prefix { $0 != " " }) } == ["original"] + names)
        var players: Set<String> = []
        var pictures: Set<Data> = []
        for article in articles {
            let player = try #require(article.firstMatch(of: /<audio controls preload="metadata" src="([^"]+)">/))
            let file = String(player.output.1)
            players.insert(file)
            #expect(try WaveSound(file: folder("moved/\(file)")).frames == sound.frames, "\(file)")
            let picture = try #require(article.firstMatch(of: /<img src="([^"]+)" width="600" height="(\d+)"/))
            #expect(picture.output.1 == file.replacing(".wav", with: ".png"))
            let png = try folder.read("moved/\(picture.output.1)")
            #expect(png.starts(with: [0x89, 0x50, 0x4E, 0x47]))
            // Width and height stand in the first chunk.
            #expect(png[16..<24].map(Int.init) == [0, 0, 2, 88, 0, 0, 0, Int(picture.output.2)])
            pictures.insert(png)
            let track = try #require(article.firstMatch(of: /<svg [^>]*>(.*)<\/svg>/)).output.1
            let isWhisper = file == "whisper.wav"
            #expect(isWhisper || track.contains("<polyline points=\""), "\(file)")
        }
        #expect(players.count == names.count + 1)
        #expect(pictures.count >= names.count, "all but none look different from the original")
        // But for the dither of 16 bits.
        let original = try WaveSound(file: folder("moved/original.wav")).samples
        #expect(zip(original, sound.samples).allSatisfy { abs($0 - $1) < 3 / 32_768 })
        #expect(folder.files.allSatisfy { !$0.hasSuffix(".part") })
        let again = try await audition(["in & out.wav", "-o", "moved"], in: folder)
        #expect(again.status == 73)
    }

    @Test(arguments: [
        (["-"], 64 as Int32, "give a file, not standard input"),
        (["rachel.wav", "-o", "."], 64, "rachel.wav: would be overwritten"),
        (["original.wav", "-o", "taken/below"], 73, "can't be made"),
    ])
    func whatCantBeAuditionedIsSaid(_ words: [String], _ status: Int32, _ sentence: String) async throws {
        let folder = try Scratch()
        for name in ["rachel.wav", "original.wav"] { try WaveSound.speech(seconds: 0.5).write(to: folder(name)) }
        try folder.write("taken", "")
        let before = try folder.read("rachel.wav")
        let result = try await audition(words, in: folder)
        #expect(result.status == status, "\(result.errors)")
        #expect(result.errors.contains(sentence), "\(result.errors)")
        #expect(folder.files == ["original.wav", "rachel.wav", "taken"])
        #expect(try folder.read("rachel.wav") == before)
    }

    @Test(arguments: [(SIGINT, Int32(130)), (SIGTERM, Int32(143))])
    func aSignalLeavesNothingBehind(_ signal: Int32, _ status: Int32) async throws {
        let folder = try Scratch()
        var sound = try WaveSound.speech("speech-female.wav", seconds: 5)
        sound.samples = (0..<12).flatMap { _ in sound.samples }
        try sound.write(to: folder("in.wav"))
        let process = try RunningProcess(Checkout.binary, ["voices", "audition", "in.wav"], folder: folder.path)
        try await process.wait(for: "a conversion") {
            folder.files.contains { $0.hasSuffix(".part") && !$0.contains("original") }
        }
        process.signal(signal)
        let result = try await process.result(within: 60)
        #expect(result.status == status, "\(result.errors)")
        #expect(folder.files == ["in.wav"])
    }
}
