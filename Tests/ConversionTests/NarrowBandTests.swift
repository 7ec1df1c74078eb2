import Foundation
import Testing
import VoiceConversion

/// Telephones, 8 kHz files and dull microphones: what is cut off at the top must not pass for the speaker's formants.
struct NarrowBandTests {
    /// Steep, as codecs and converters of rates are: 90 dB within 300 Hz.
    private func lowPassed(_ signal: [Float], hertz: Double) -> [Float] {
        let half = 160
        let taps: [Float] = (-half...half).map { place in
            let angle = 2 * Double.pi * hertz / 16_000 * Double(place)
            let sinc = place == 0 ? 2 * hertz / 16_000 : sin(angle) / (.pi * Double(place))
            let turn = Double(place + half) / Double(2 * half)
            return Float(sinc * (0.42 - 0.5 * cos(2 * .pi * turn) + 0.08 * cos(4 * .pi * turn)))
        }
        return signal.indices.map { index in
            var sum: Float = 0
            for tap in 0...min(2 * half, index) { sum += taps[tap] * signal[index - tap] }
            return sum
        }
    }

    private func spacing(_ signal: [Float]) throws -> (median: Double, spacing: Double) {
        var meter = SpeakerMeter()
        signal.withUnsafeBufferPointer { meter.add($0) }
        let found = meter.speaker
        let speaker = try #require(found)
        return (speaker.medianHertz, speaker.spacingHertz)
    }

    /// Voices end in hiss, which tells where a recording's band ends and where only the voice's own does.
    private func speaker(hertz: Double, spacing: Double, seconds: Double = 8) -> [Float] {
        let sounds = SyntheticVoice.vowels(hertz: hertz, seconds: seconds, spacing: spacing)
        let hiss = SyntheticVoice.noise(count: sounds.count, amplitude: 0.002, seed: 11)
        return zip(sounds, hiss).map { $0 + $1 }
    }

    @Test(arguments: [3400.0, 3800, 4500], [(110.0, 1010.0), (200, 1190), (270, 1250), (100, 1250)])
    func a_band_that_ends_low_does_not_bend_the_formants(end: Double, voice: (hertz: Double, spacing: Double)) throws {
        let found = try spacing(lowPassed(speaker(hertz: voice.hertz, spacing: voice.spacing), hertz: end))
        // What most people of this pitch have.
        let usual = 1020 * pow(found.median / 110, 0.25)
        let beside = min(abs(found.spacing / voice.spacing - 1), abs(found.spacing / usual - 1))
        #expect(beside < 0.06, "\(found.spacing) Hz of \(voice.spacing), usually \(usual)")
    }

    /// From 5.5 kHz on the formants themselves decide, as in a whole band.
    @Test(arguments: [(110.0, 1010.0), (200, 1190), (165, 1250)])
    func a_band_that_holds_the_formants_is_measured(voice: (hertz: Double, spacing: Double)) throws {
        let whole = speaker(hertz: voice.hertz, spacing: voice.spacing)
        let cut = try spacing(lowPassed(whole, hertz: 5600)).spacing
        let found = try spacing(whole).spacing
        #expect(abs(cut / found - 1) < 0.03, "\(cut) Hz, \(found) in the whole band")
    }

    /// A speaker who is known stays who they are when they call by telephone.
    @Test func a_known_speaker_keeps_their_formants() throws {
        let known = Voice.Speaker(medianHertz: 110, spreadSemitones: 2.5, spacingHertz: 1130)
        var converter = VoiceConverter(voice: try catalogVoice("rachel"), speaker: known)
        _ = converted(lowPassed(speaker(hertz: 110, spacing: 1130, seconds: 12), hertz: 3800), by: &converter)
        let speaker = converter.heardSpeaker
        let heard = try #require(speaker)
        #expect(abs(heard.spacingHertz / 1130 - 1) < 0.03, "\(heard.spacingHertz) Hz")
    }
}
