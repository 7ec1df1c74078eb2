import Foundation
import ProcessSupport
import Testing

/// The local voices on the repository's sentences, held to wide limits by `Tests/Judge/guard.py`.
@Suite(.boundedCrowd) struct RegressionGuardTests {
    @Test(arguments: ["speech-male.wav", "speech-female.wav"], [Ratios.upward, .downward])
    func fixedRatiosAreMet(sentence: String, ratios: Ratios) async throws {
        let folder = try Scratch()
        let converted = try await Guard.convert(Checkout.fixture(sentence), ratios, in: folder)
        let verdict = try await Guard.verdict(on: converted, of: Checkout.fixture(sentence), ratios)
        #expect(verdict.outside.isEmpty, "\(verdict.text)")
        let figures = ["length", "delay", "f0_error", "gross_error", "warp_error", "envelope"]
        #expect(verdict.figures == figures + Guard.common)
    }

    @Test(arguments: ["speech-male.wav", "speech-female.wav"], [("rachel", 195.0), ("adam", 105.0)])
    func speakersLandOnTheVoice(sentence: String, voice: (name: String, hertz: Double)) async throws {
        let folder = try Scratch()
        let converted = try await Guard.convert(Checkout.fixture(sentence), voice: voice.name, in: folder)
        let verdict = try await Guard.verdict(on: converted, of: Checkout.fixture(sentence), landing: voice.hertz)
        #expect(verdict.outside.isEmpty, "\(verdict.text)")
        #expect(verdict.figures == ["length", "delay", "landing"] + Guard.common)
    }

    @Test(arguments: Fault.all) func aPlantedFaultIsNoticed(fault: Fault) async throws {
        let folder = try Scratch()
        let original = Checkout.fixture("speech-female.wav")
        let converted = try await Guard.convert(original, fault.ratios, in: folder)
        var sound = try WaveSound(file: converted)
        fault.plant(&sound, try WaveSound(file: original))
        try sound.write(to: converted)
        let verdict = try await Guard.verdict(on: converted, of: original, .upward)
        #expect(verdict.outside.contains(fault.figure), "\(verdict.text)")
    }

    @Test func anotherVoiceIsNoticed() async throws {
        let folder = try Scratch()
        let original = Checkout.fixture("speech-female.wav")
        let converted = try await Guard.convert(original, voice: "rachel", in: folder)
        let verdict = try await Guard.verdict(on: converted, of: original, landing: 105)
        #expect(verdict.outside == ["landing"], "\(verdict.text)")
    }
}

/// Something that a broken converter might do, and the figure that must tell.
struct Fault: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let figure: String
    var ratios = Ratios.upward
    var plant: @Sendable (inout WaveSound, WaveSound) -> Void = { _, _ in }

    static let all = [
        Fault(testDescription: "a wrong pitch", figure: "f0_error", ratios: Ratios(pitch: 1.6, formants: 1.15)),
        Fault(testDescription: "wrong formants", figure: "warp_error", ratios: Ratios(pitch: 1.7, formants: 1.05)),
        Fault(testDescription: "a fifth not converted", figure: "gross_error") { sound, original in
            let part = sound.samples.count / 2..<sound.samples.count * 7 / 10
            sound.samples.replaceSubrange(part, with: original.samples[part])
        },
        Fault(testDescription: "muffled sound", figure: "envelope") { sound, _ in
            let before = sound.samples
            for index in before.indices.dropFirst(7) {
                sound.samples[index] = before[(index - 7)...index].reduce(0, +) / 8
            }
        },
        Fault(testDescription: "5 ms late", figure: "delay") { sound, _ in
            let late = sound.sampleRate / 200
            sound.samples = [Float](repeating: 0, count: late) + sound.samples.dropLast(late)
        },
        Fault(testDescription: "one sample short", figure: "length") { sound, _ in sound.samples.removeLast() },
        Fault(testDescription: "one wrong sample in a pause", figure: "clicks") { sound, _ in
            sound.samples[quietest(sound)] += 0.1
        },
        Fault(testDescription: "2 dB quieter", figure: "level") { sound, _ in
            sound.samples = sound.samples.map { $0 * 0.79 }
        },
        Fault(testDescription: "cut tops", figure: "clipped") { sound, _ in
            sound.samples = sound.samples.map { $0 * 4 }
        },
    ]

    /// The middle of the 50 ms with the least energy, away from the ends.
    private static func quietest(_ sound: WaveSound) -> Int {
        let width = sound.sampleRate / 20
        let starts = stride(from: width * 10, to: sound.samples.count - width * 10, by: width)
        let energy = { (start: Int) in sound.samples[start..<(start + width)].reduce(0) { $0 + $1 * $1 } }
        return (starts.min { energy($0) < energy($1) } ?? 0) + width / 2
    }
}
