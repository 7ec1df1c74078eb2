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
        Fault(testDescription: "eight dropouts of 20 ms", figure: "dropout") { sound, _ in
            for place in loud(sound, 8) { fade(&sound, at: place, seconds: 0.02, to: 0) }
        },
        Fault(testDescription: "four times 50 ms at -20 dB", figure: "dropout") { sound, _ in
            for place in loud(sound, 4) { fade(&sound, at: place, seconds: 0.05, to: 0.1) }
        },
        Fault(testDescription: "a second at -6 dB", figure: "unsteady") { sound, _ in
            fade(&sound, at: loud(sound, 1)[0], seconds: 1, to: 0.5)
        },
        Fault(testDescription: "a hiss of -48 dB", figure: "pauses") { sound, _ in
            var state: UInt32 = 1
            for index in sound.samples.indices {
                state = state &* 1_664_525 &+ 1_013_904_223
                sound.samples[index] += 0.006_9 * (Float(state >> 8) / 8_388_608 - 1)
            }
        },
        Fault(testDescription: "tops cut at 0.35", figure: "flat_tops") { sound, _ in
            sound.samples = sound.samples.map { max(-0.35, min(0.35, $0)) }
        },
    ]

    /// The middles of the loudest 20 ms of so many equal parts, away from the ends.
    private static func loud(_ sound: WaveSound, _ parts: Int) -> [Int] {
        let width = sound.sampleRate / 50
        let length = (sound.samples.count - 4 * sound.sampleRate / 5) / parts
        let energy = { (start: Int) in sound.samples[start..<(start + width)].reduce(0) { $0 + $1 * $1 } }
        return (0..<parts).map { part in
            let first = 2 * sound.sampleRate / 5 + part * length
            let starts = stride(from: first, to: first + length - width, by: width)
            return (starts.max { energy($0) < energy($1) } ?? first) + width / 2
        }
    }

    /// Lowers so many seconds around a place, over 5 ms each way so that nothing clicks.
    private static func fade(_ sound: inout WaveSound, at place: Int, seconds: Double, to gain: Float) {
        let half = Int(seconds * Double(sound.sampleRate) / 2)
        let edge = sound.sampleRate / 200
        for index in max(0, place - half - edge)..<min(sound.samples.count, place + half + edge) {
            let inside = min(1, Float(half + edge - abs(index - place)) / Float(edge))
            sound.samples[index] *= 1 + inside * (gain - 1)
        }
    }

    /// The middle of the 50 ms with the least energy, away from the ends.
    private static func quietest(_ sound: WaveSound) -> Int {
        let width = sound.sampleRate / 20
        let starts = stride(from: width * 10, to: sound.samples.count - width * 10, by: width)
        let energy = { (start: Int) in sound.samples[start..<(start + width)].reduce(0) { $0 + $1 * $1 } }
        return (starts.min { energy($0) < energy($1) } ?? 0) + width / 2
    }
}
