import CAllocationCounter
import Foundation
import Testing
import VoiceConversion

/// Somebody fidgets with every knob, in virtual time: `make soak` for an hour, a minute in every test run.
///
/// `QUOTA_VOICE_SOAK_MINUTES` and `QUOTA_VOICE_SOAK_SEED` say how long and from which seed.
struct RandomChangesTests {
    private static let environment = ProcessInfo.processInfo.environment
    private static let minutes = environment["QUOTA_VOICE_SOAK_MINUTES"].flatMap(Double.init) ?? 1
    private static let seed = environment["QUOTA_VOICE_SOAK_SEED"].flatMap(UInt64.init) ?? 2_026
    private static let pieceSeconds = 10.0
    private static let voices = VoiceCatalog.all.map { PreparedVoice($0) }

    private enum Change {
        case voice(Int)
        case offsets(semitones: Double, formants: Double)
        case mix(Double)
        case ratio(pitch: Double, formants: Double)
        case free
        case gate(Double?)

        static func random(_ random: inout SystemlessRandom) -> Change {
            switch random.next(below: 8) {
            case 0, 1, 2: .voice(random.next(below: RandomChangesTests.voices.count))
            case 3: .offsets(semitones: random.unit() * 12 - 6, formants: 0.8 + 0.45 * random.unit())
            case 4: .mix(max(0, min(1, random.unit() * 1.6 - 0.3)))
            case 5: .ratio(pitch: 0.6 + 1.2 * random.unit(), formants: 0.8 + 0.45 * random.unit())
            case 6: .free
            default: .gate(random.unit() < 0.5 ? nil : -60 + 20 * random.unit())
            }
        }

        func apply(to converter: inout RateConverter) {
            switch self {
            case .voice(let index): converter.setVoice(RandomChangesTests.voices[index])
            case .offsets(let semitones, let formants):
                converter.setOffsets(pitchSemitones: semitones, formantRatio: formants)
            case .mix(let share): converter.setMix(share)
            case .ratio(let pitch, let formants): converter.setFixedRatio(pitch: pitch, formant: formants)
            case .free: converter.clearFixedRatio()
            case .gate(let decibels): converter.setGate(thresholdDecibels: decibels)
            }
        }
    }

    /// Ten seconds of somebody else each time: another pitch, another size, another room, another level.
    private func piece(_ random: inout SystemlessRandom, rate: Int) -> [Float] {
        let level = Float(pow(10, -1.3 * random.unit()))
        let hertz = 75 * pow(4, random.unit())
        var sound = SyntheticVoice.speech(
            hertz: hertz, seconds: Self.pieceSeconds, spacing: 900 + 500 * random.unit())
        let noise = SyntheticVoice.noise(
            count: sound.count, amplitude: Float(0.02 * random.unit() * random.unit()), seed: UInt64(hertz * 1e6))
        let hum = Float(0.02 * random.unit() * random.unit())
        for index in sound.indices {
            let wave = Float(sin(2 * .pi * 50 * Double(index) / SyntheticVoice.rate))
            sound[index] = level * (sound[index] + noise[index] + hum * wave)
        }
        let factor = rate / 16_000
        guard factor > 1 else { return sound }
        return sound.indices.flatMap { index -> [Float] in
            let next = index + 1 < sound.count ? sound[index + 1] : sound[index]
            return (0..<factor).map { sound[index] + (next - sound[index]) * Float($0) / Float(factor) }
        }
    }

    /// Changes at random places of a piece: sometimes in quick succession, sometimes seconds apart.
    private func changes(_ random: inout SystemlessRandom, count: Int) -> [(place: Int, change: Change)] {
        var changes: [(place: Int, change: Change)] = []
        var place = 0
        while true {
            place += 1 + Int(pow(Double(count) / 5, random.unit()))
            guard place < count else { return changes }
            changes.append((place, .random(&random)))
        }
    }

    private func run(
        _ converter: inout RateConverter, on sound: inout [Float], _ changes: [(place: Int, change: Change)],
        block: (inout SystemlessRandom) -> Int, random: inout SystemlessRandom
    ) {
        sound.withUnsafeMutableBufferPointer { samples in
            var place = 0
            for index in 0...changes.count {
                let end = index < changes.count ? changes[index].place : samples.count
                while place < end {
                    let next = min(end, place + block(&random))
                    converter.process(UnsafeMutableBufferPointer(rebasing: samples[place..<next]))
                    place = next
                }
                if index < changes.count { changes[index].change.apply(to: &converter) }
            }
        }
    }

    @Test(arguments: [16_000, 48_000]) func fidgeting_does_no_harm(rate: Int) {
        var random = SystemlessRandom(state: Self.seed &+ UInt64(rate))
        var blocks = SystemlessRandom(state: Self.seed)
        var whole = RateConverter(voice: VoiceCatalog.all[0], rate: rate, delay: .ms15)
        var split = RateConverter(voice: VoiceCatalog.all[0], rate: rate, delay: .ms15)
        var allocations = 0
        for number in 0..<max(1, Int(Self.minutes * 60 / Self.pieceSeconds)) {
            let sound = piece(&random, rate: rate)
            let changes = changes(&random, count: sound.count)
            var output = sound
            var other = sound
            // Each its own memory before allocations count.
            output[0] = sound[0]
            other[0] = sound[0]
            cac_arm()
            run(&whole, on: &output, changes, block: { _ in 480 }, random: &blocks)
            run(&split, on: &other, changes, block: { 1 + $0.next(below: 700) }, random: &blocks)
            allocations += Int(cac_disarm().allocations)
            let place = "piece \(number), seed \(Self.seed), \(rate) Hz"
            let same = output == other
            #expect(same, "the blocks made a difference: \(place)")
            let bounded = output.allSatisfy { $0.isFinite && abs($0) < 1.5 }
            #expect(bounded, "\(place)")
        }
        if cac_is_available() { #expect(allocations == 0) }
    }

    /// The same with a change at a time on held vowels, where a click can be told from speech.
    @Test(arguments: [16_000, 48_000]) func fidgeting_does_not_click(rate: Int) {
        var random = SystemlessRandom(state: Self.seed &+ UInt64(rate))
        var converter = RateConverter(voice: VoiceCatalog.all[0], rate: rate, delay: .ms15)
        var clicks = 0
        for number in 0..<max(1, Int(Self.minutes * 60 / Self.pieceSeconds)) {
            let hertz = 90 * pow(2.5, random.unit())
            let spacing = 900 + 500 * random.unit()
            var sound = ChangeNoise.vowel(hertz: hertz, seconds: Self.pieceSeconds, rate: rate, spacing: spacing)
            var changes: [(place: Int, change: Change)] = []
            var place = rate / 2
            while place < sound.count - rate / 2 {
                changes.append((place, .random(&random)))
                place += rate / 4 + random.next(below: rate / 4)
            }
            run(&converter, on: &sound, changes, block: { _ in 480 }, random: &random)
            let found = ChangeNoise.bursts(
                in: sound, after: changes.map(\.place), rate: rate, delay: converter.delayFrames)
            for burst in found {
                let change = changes.first { $0.place == burst }.map { "\($0.change)" } ?? ""
                print("soak: a click at \(burst) by \(change) in piece \(number), seed \(Self.seed), \(rate) Hz")
            }
            clicks += found.count
        }
        print("soak: \(Self.minutes) min at \(rate) Hz from seed \(Self.seed): \(clicks) clicks")
        #expect(clicks <= Int(Self.minutes / 10))
    }
}
