import Foundation
import Testing
import VoiceConversion

/// Nothing that is changed while somebody speaks may be heard as a click.
struct SmoothChangeTests {
    enum Knob: CaseIterable {
        case voice, mix, pitch, formants, ratio, gate

        func turn(_ converter: inout RateConverter, _ number: Int) {
            let isOdd = number % 2 == 1
            switch self {
            case .voice: converter.setVoice(SmoothChangeTests.voices[number * 7 % SmoothChangeTests.voices.count])
            case .mix: converter.setMix(isOdd ? 0 : 1)
            case .pitch: converter.setOffsets(pitchSemitones: isOdd ? -12 : 12, formantRatio: 1)
            case .formants: converter.setOffsets(pitchSemitones: 0, formantRatio: isOdd ? 0.7 : 1.5)
            case .ratio:
                if isOdd { converter.clearFixedRatio() } else { converter.setFixedRatio(pitch: 0.6, formant: 0.87) }
            case .gate: converter.setGate(thresholdDecibels: isOdd ? -3 : nil)
            }
        }
    }

    static let voices = VoiceCatalog.all.map { PreparedVoice($0) }
    private static let seconds = 6.0

    private func places(rate: Int) -> [Int] {
        Array(stride(from: rate, to: Int(Self.seconds * Double(rate)) - rate / 4, by: rate / 4))
    }

    /// The vowel in a voice, with what `turn` does at each of the places.
    private func rendered(
        _ voice: String, rate: Int, _ turn: (inout RateConverter, Int) -> Void = { _, _ in }
    ) throws -> (sound: [Float], delay: Int) {
        var converter = RateConverter(voice: try catalogVoice(voice), rate: rate)
        var sound = ChangeNoise.vowel(hertz: 130, seconds: Self.seconds, rate: rate)
        let ends = places(rate: rate) + [sound.count]
        sound.withUnsafeMutableBufferPointer { samples in
            var start = 0
            for (number, end) in ends.enumerated() {
                converter.process(UnsafeMutableBufferPointer(rebasing: samples[start..<end]))
                turn(&converter, number)
                start = end
            }
        }
        return (sound, converter.delayFrames)
    }

    /// Bursts that the unchanged voice doesn't have there.
    private func bursts(_ changed: [Float], beside still: [Float], rate: Int, delay: Int) -> [Int] {
        let places = places(rate: rate)
        let own = Set(ChangeNoise.bursts(in: still, after: places, rate: rate, delay: delay))
        return ChangeNoise.bursts(in: changed, after: places, rate: rate, delay: delay).filter { !own.contains($0) }
    }

    @Test(arguments: [16_000, 48_000], Knob.allCases)
    func no_knob_clicks(rate: Int, knob: Knob) throws {
        for voice in ["rachel", "adam", "none"] {
            let still = try rendered(voice, rate: rate)
            let changed = try rendered(voice, rate: rate, knob.turn)
            #expect(changed.sound != still.sound || (voice == "none" && knob != .voice && knob != .gate))
            let found = bursts(changed.sound, beside: still.sound, rate: rate, delay: still.delay)
            #expect(found.isEmpty, "\(voice): \(found)")
        }
    }

    /// What the converter would do without its fades; the detector must hear it.
    @Test(arguments: [16_000, 48_000], ["adam", "none", "whisper", "gate"])
    func a_hard_change_is_noticed(rate: Int, to other: String) throws {
        let still = try rendered("rachel", rate: rate)
        let second = other == "gate" ? still.sound.map { $0 * 0.063 } : try rendered(other, rate: rate).sound
        var changed = still.sound
        for (number, place) in places(rate: rate).enumerated() where number % 2 == 0 {
            let part = place..<min(place + rate / 4, changed.count)
            changed.replaceSubrange(part, with: second[part])
        }
        let found = bursts(changed, beside: still.sound, rate: rate, delay: still.delay)
        #expect(found.count >= 3, "\(found.count) of \(places(rate: rate).count)")
    }
}
