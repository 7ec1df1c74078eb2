import Foundation
import ProcessSupport
import Testing
import VoiceConversion

/// `quota-voice live` knows its speaker again.
@Suite(.boundedCrowd) struct SpeakerMemoryTests {
    private static let file = "state/quota-voice/speaker.json"

    private struct Memory: Decodable {
        let medianHertz: Double
        let spreadSemitones: Double
        let spacingHertz: Double
    }

    /// A man's sentences, 48 kHz.
    private func sentences() throws -> WaveSound { try WaveSound(file: Checkout.fixture("speech-male.wav")) }

    /// The median pitch of 48 kHz, at a third of the rate.
    private func median(_ samples: some Collection<Float>) throws -> Double {
        let samples = Array(samples)
        let narrow = stride(from: 0, to: samples.count - 2, by: 3).map { samples[$0..<$0 + 3].reduce(0, +) / 3 }
        let contour = narrow.withUnsafeBufferPointer { PitchContour(of: $0) }
        return try #require(contour.medianHertz)
    }

    @Test func theSpeakerIsKept() async throws {
        let cards = try await LiveCards()
        try cards.speak(try sentences())
        let first = try cards.live(["--local", "--voice", "rachel"])
        try await first.waitFor("who speaks") { $0.speakerHertz != nil }
        #expect(try await cards.ctl("quit").status == 0)
        #expect(try await first.result(within: 60).status == 0)
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        let memory = try decoder.decode(Memory.self, from: cards.scratch.read(Self.file))
        let truth = try median(try sentences().samples)
        #expect(abs(12 * log2(memory.medianHertz / truth)) < 2, "\(memory)")
        #expect((700...1_700).contains(memory.spacingHertz), "\(memory)")
        let attributes = try FileManager.default.attributesOfItem(atPath: cards.scratch("state/quota-voice"))
        #expect(attributes[.posixPermissions] as? Int == 0o700)
    }

    /// The voice begins where the one remembered would put it, unless somebody else is said to speak.
    @Test func theNextSessionBeginsWithThem() async throws {
        let cards = try await LiveCards()
        // Too little to know anybody by, however long the session lasts: three seconds, then what a room sounds like.
        var sound = try sentences()
        sound.samples = sound.samples.prefix(3 * 48_000) + (0..<120 * 48_000).map { Float($0 * 31 % 7 - 3) / 32_768 }
        try cards.speak(sound)
        let truth = try median(try sentences().samples)
        try FileManager.default.createDirectory(
            atPath: cards.scratch("state/quota-voice"), withIntermediateDirectories: true)
        // Three semitones too high: what is made of them then lies as much too low, until the session knows better.
        let text = #"{"median_hertz": \#(truth * pow(2, 3.0 / 12)), "spacing_hertz": 1000, "spread_semitones": 2}"#
        try cards.scratch.write(Self.file, text)
        var heard: [Double] = []
        for (words, name) in [([], "known.wav"), (["--guest"], "guest.wav")] {
            let process = try cards.live(["--local", "--max-duration", "4", "--record", name] + words)
            #expect(try await process.result(within: 60).status == 0)
            let sound = try WaveSound(file: cards.scratch(name.replacing(".wav", with: ".converted.wav")))
            heard.append(try median(sound.samples.prefix(2 * 48_000)))
        }
        #expect(12 * log2(heard[1] / heard[0]) > 1, "\(heard)")
        #expect(String(decoding: try cards.scratch.read(Self.file), as: UTF8.self) == text, "too little was heard")
    }

    @Test(arguments: ["", "{", #"{"median_hertz": 9, "spacing_hertz": 1000, "spread_semitones": 2}"#])
    func aDamagedMemoryIsNobody(_ text: String) async throws {
        let cards = try await LiveCards()
        try FileManager.default.createDirectory(
            atPath: cards.scratch("state/quota-voice"), withIntermediateDirectories: true)
        try cards.scratch.write(Self.file, text)
        let result = try await cards.live(["--local", "--max-duration", "1"]).result(within: 60)
        #expect(result.status == 0, "\(result.errors)")
        #expect(result.errors.isEmpty)
    }
}
