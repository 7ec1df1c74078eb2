import Foundation
import ProcessSupport
import Testing
import VoiceConversion

/// Recordings of a few seconds, each converted alone: what is there as a whole is listened to before.
@Suite(.boundedCrowd) struct ShortRecordingTests {
    /// Syllables of somebody who begins high and goes on lower, 16 kHz.
    private static func sentence(from high: Double, to low: Double, spacing: Double) -> WaveSound {
        let formants = [0.6, 1.38, 2.6, 3.4].map { $0 * spacing }
        var turns = 0.0
        let samples = (0..<57_600).map { index -> Float in
            let time = Double(index) / 16_000
            let hertz = (time < 1.2 ? high : low) * (1 + 0.04 * sin(8 * time))
            turns += hertz / 16_000
            let place = time.truncatingRemainder(dividingBy: 0.5)
            let loudness = min(1, max(0, min(place, 0.4 - place) / 0.03))
            guard loudness > 0 else { return 0 }
            let sum = (1...Int(4000 / hertz)).reduce(0.0) { sum, number in
                let here = Double(number) * hertz
                let shape = formants.reduce(0.02) { $0 + 1 / (1 + pow((here - $1) / 70, 2)) }
                return sum + shape * 100 / (here + 100) * cos(2 * .pi * turns * Double(number))
            }
            return Float(0.15 * loudness * sum)
        }
        return WaveSound(sampleRate: 16_000, samples: samples)
    }

    private func semitones(_ sound: WaveSound, beside hertz: Double) throws -> Double {
        let contour = sound.samples.withUnsafeBufferPointer { PitchContour(of: $0) }
        return 12 * log2(try #require(contour.medianHertz) / hertz)
    }

    @Test func eachOfABatchLandsOnTheVoice() async throws {
        let folder = try Scratch()
        try Self.sentence(from: 160, to: 110, spacing: 1000).write(to: folder("man.wav"))
        try Self.sentence(from: 290, to: 200, spacing: 1180).write(to: folder("woman.wav"))
        for (voice, hertz) in [("rachel", 195.0), ("adam", 105)] {
            let result = try await Command.quotaVoice(
                ["convert", "--local", "man.wav", "woman.wav", "--voice", voice, "--quiet"], folder: folder.path)
            #expect(result.status == 0, "\(result.errors)")
            for who in ["man", "woman"] {
                let found = try semitones(try WaveSound(file: folder("\(who).\(voice).wav")), beside: hertz)
                #expect(abs(found) < 1.5, "\(who) as \(voice): \(found) semitones")
            }
        }
    }

    /// Nobody can listen to a pipe twice: there the speaker is found out on the way.
    @Test func standardInputIsFollowed() async throws {
        let folder = try Scratch()
        let input = try Self.sentence(from: 160, to: 110, spacing: 1000).write(to: folder("man.wav"))
        let piped = try await Command.quotaVoice(
            ["convert", "--local", "-", "-o", "piped.wav", "--quiet"], input: input, folder: folder.path)
        #expect(piped.status == 0, "\(piped.errors)")
        let whole = try await Command.quotaVoice(
            ["convert", "--local", "man.wav", "-o", "whole.wav", "--quiet"], folder: folder.path)
        #expect(whole.status == 0, "\(whole.errors)")
        let (one, other) = (try WaveSound(file: folder("piped.wav")), try WaveSound(file: folder("whole.wav")))
        #expect(one.frames == 57_600)
        #expect(abs(try semitones(one, beside: 195)) > abs(try semitones(other, beside: 195)) + 0.5)
    }

    @Test(arguments: ["speech-male.wav", "speech-female.wav"]) func noneChangesNotOneBit(fixture: String) async throws {
        let folder = try Scratch()
        let result = try await Command.quotaVoice(
            ["convert", "--local", Checkout.fixture(fixture), "--voice", "none", "-o", folder("same.wav"), "--quiet"])
        #expect(result.status == 0, "\(result.errors)")
        let same = try WaveSound(file: folder("same.wav")).samples == WaveSound(file: Checkout.fixture(fixture)).samples
        #expect(same)
    }
}
