import Foundation
import ProcessSupport
import Testing

/// What `voices learn` says of the recordings it gets: noise, clipping, two speakers, and no speaker at all.
@Suite(.boundedCrowd) struct LearnedQualityTests {
    // IEEE Recommended Practice for Speech Quality Measurements (1969), list 1: in the public domain.
    private static let text = """
        The birch canoe slid on the smooth planks. Glue the sheet to the dark blue background. It is easy to tell the
        depth of a well. These days a chicken leg is a rare dish. Rice is often served in round bowls. The juice of
        lemons makes fine punch. The box was thrown beside the parked truck.
        """

    private func speech(_ voice: String, in folder: Scratch) async throws -> WaveSound {
        _ = try await Command.tool(
            ["espeak-ng", "-v", voice, "-s", "140", "-w", "said.wav", Self.text], folder: folder.path)
        return try WaveSound(file: folder("said.wav"))
    }

    private func learn(
        _ sound: WaveSound, _ words: [String] = [], in folder: Scratch
    ) async throws -> ProcessResult {
        try sound.write(to: folder("target.wav"))
        return try await Command.quotaVoice(
            ["voices", "learn", "mine", "target.wav", "--consent", "A machine.", "--force"] + words,
            environment: ["XDG_CONFIG_HOME": folder.path], folder: folder.path)
    }

    /// White noise so many decibels below the speech, pauses included.
    private func noisy(_ sound: WaveSound, decibels: Double) -> WaveSound {
        let power = sound.samples.reduce(0.0) { $0 + Double($1 * $1) } / Double(sound.samples.count)
        let peak = Float((3 * power / pow(10, decibels / 10)).squareRoot())
        var state: UInt64 = 1
        var result = sound
        result.samples = sound.samples.map { sample in
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return sample + peak * (Float(state >> 40) / Float(1 << 23) - 1)
        }
        return result
    }

    @Test func theReportTellsOfNoiseClippingAndASecondSpeaker() async throws {
        let folder = try Scratch()
        let man = try await speech("en-us+m3", in: folder)
        let woman = try await speech("en-us+f4", in: folder)

        let clean = try await learn(man, in: folder)
        #expect(clean.status == 0, "\(clean.errors)")
        #expect(clean.errors.contains("above the pauses, 0.0 % clipped: pitch"), "\(clean.errors)")
        #expect(clean.errors.contains("rough: "))
        #expect(!clean.errors.contains("warning"), "\(clean.errors)")

        let some = try await learn(noisy(man, decibels: 14), in: folder)
        #expect(some.status == 0, "\(some.errors)")
        #expect(some.errors.contains("the noise colours the voice"), "\(some.errors)")
        let measured = try #require(some.errors.firstMatch(of: /(\d+) dB above the pauses/))
        #expect((12...18).contains(Int(measured.output.1) ?? 0), "\(measured.output.1) dB for 14 and no pauses")

        var loud = man
        loud.samples = man.samples.map { max(-0.5, min(0.5, 8 * $0)) }
        let clipped = try await learn(loud, in: folder)
        #expect(clipped.status == 0, "\(clipped.errors)")
        #expect(clipped.errors.contains("of the samples are clipped"), "\(clipped.errors)")

        var both = man
        both.samples += woman.samples
        let two = try await learn(both, in: folder)
        #expect(two.status == 0, "\(two.errors)")
        #expect(two.errors.contains("are there two speakers"), "\(two.errors)")
    }

    @Test func whatIsNoSpeechOrTooNoisyIsRefused() async throws {
        let folder = try Scratch()
        let man = try await speech("en-us+m3", in: folder)
        let noise = try await learn(noisy(man, decibels: 3), in: folder)
        #expect(noise.status == 65, "\(noise.errors)")
        #expect(noise.errors.contains("dB between speech and pauses, 10 are needed"), "\(noise.errors)")

        // On one note: no speaker keeps the pitch like that.
        try man.write(to: folder("man.wav"))
        let sung = try await Command.quotaVoice(
            ["convert", "man.wav", "--local", "--voice", "robot", "-o", "hummed.wav"], folder: folder.path)
        #expect(sung.status == 0, "\(sung.errors)")
        let hummed = try await learn(try WaveSound(file: folder("hummed.wav")), in: folder)
        #expect(hummed.status == 65, "\(hummed.errors)")
        #expect(hummed.errors.contains("semitones only"), "\(hummed.errors)")
        #expect(!folder.exists("quota-voice/voices/mine.json"))
    }

    @Test func aSourceTellsHowNearTheVoiceComes() async throws {
        let folder = try Scratch()
        try await speech("en-us+f2", in: folder).write(to: folder("source.wav"))
        let result = try await learn(
            try await speech("en-us+m7", in: folder), ["--source", "source.wav"], in: folder)
        #expect(result.status == 0, "\(result.errors)")
        let fit = try #require(
            result.errors.firstMatch(of: /spectrum ([\d.]+) dB from the target's \(unconverted ([\d.]+)\)/))
        #expect(try #require(Double(fit.output.1)) < 0.7 * #require(Double(fit.output.2)), "\(result.errors)")
        #expect(!result.errors.contains("rough"))
    }
}
