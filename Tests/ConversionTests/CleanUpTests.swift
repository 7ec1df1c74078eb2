import Foundation
import Testing
import VoiceConversion

struct CleanUpTests {
    private func cleaned(
        _ input: [Float], rate: Int = 16_000, block: Int = 160, _ settings: CleanUpSettings
    ) -> [Float] {
        var cleanUp = CleanUp(rate: rate, settings: settings)
        return cleaned(input, by: &cleanUp, block: block)
    }

    private func cleaned(_ input: [Float], by cleanUp: inout CleanUp, block: Int = 160) -> [Float] {
        var output = input
        for start in stride(from: 0, to: input.count, by: block) {
            output.withUnsafeMutableBufferPointer { samples in
                let end = min(start + block, samples.count)
                cleanUp.process(UnsafeMutableBufferPointer(rebasing: samples[start..<end]))
            }
        }
        return output
    }

    private func tone(_ hertz: Double, rate: Int) -> [Float] {
        (0..<rate).map { Float(0.3 * sin(2 * .pi * hertz * Double($0) / Double(rate))) }
    }

    @Test(arguments: [8_000, 16_000, 44_100, 48_000, 192_000])
    func the_high_pass_takes_rumble_and_keeps_voices(rate: Int) {
        func change(_ input: [Float]) -> Double {
            let output = cleaned(input, rate: rate, CleanUpSettings(highPass: true))
            return SyntheticVoice.level(output[(rate / 2)...]) - SyntheticVoice.level(input[(rate / 2)...])
        }
        #expect(change(tone(30, rate: rate)) < -30)
        #expect(change([Float](repeating: 0.4, count: rate)) < -60)
        #expect(abs(change(tone(150, rate: rate))) < 0.2)
        #expect(abs(change(tone(3_000, rate: rate))) < 0.05)
    }

    @Test(arguments: [CleanUpSettings(), CleanUpSettings(feedbackGuard: true)])
    func speech_passes_bit_for_bit_where_nothing_is_to_do(settings: CleanUpSettings) {
        for hertz in [100.0, 220, 400] {
            let input = SyntheticVoice.speech(hertz: hertz, seconds: 6)
            let same = cleaned(input, settings) == input
            #expect(same, "\(hertz) Hz")
        }
    }

    /// A vowel without any vibrato stands as still as a howl, and the best of them are nearly pure tones.
    @Test(arguments: [100.0, 220, 300, 440, 660, 880])
    func a_held_vowel_is_no_howl(hertz: Double) {
        for shape in [[1.2, 0.92, 1.05, 0.98, 1], [0.6, 1.4, 1.05, 1, 1], [0.7, 0.55, 0.95, 1, 1]] {
            let vowel = SyntheticVoice.vowel(hertz: hertz, seconds: 2, waver: 0, shape: shape)
            for (loudness, rise) in [(Float(1.9), 0.02), (1.9, 1), (0.1, 0.3)] {
                let input = vowel.enumerated().map { index, sample in
                    loudness * sample * Float(min(1, Double(index) / 16_000 / rise))
                }
                let same = cleaned(input, CleanUpSettings(feedbackGuard: true)) == input
                #expect(same, "\(hertz) Hz, shape \(shape), \(loudness), \(rise) s")
            }
        }
    }

    /// A pure "oo": a tone alone that rises fast, then slower and slower, and is held, loud.
    @Test(arguments: [200.0, 290, 700]) func a_vowel_without_harmonics_is_no_howl(hertz: Double) {
        let input = (0..<24_000).map { index in
            let time = Double(index) / 16_000
            return Float(0.9 * (1 - exp(-time / 0.06)) * sin(2 * .pi * hertz * time))
        }
        let same = cleaned(input, CleanUpSettings(feedbackGuard: true)) == input
        #expect(same)
    }

    /// A microphone that is shouted at: as loud as speech gets, for seconds.
    @Test func loud_speech_is_not_turned_down() {
        let input = SyntheticVoice.speech(hertz: 220, seconds: 4).map { max(-1, min(1, 4 * $0)) }
        #expect(SyntheticVoice.level(input[...]) > -9)
        let same = cleaned(input, CleanUpSettings(feedbackGuard: true)) == input
        #expect(same)
    }

    @Test(arguments: [-36.0, -12, 0, 8]) func speech_comes_to_one_level(decibels: Double) {
        let factor = Float(pow(10, decibels / 20))
        let input = SyntheticVoice.speech(hertz: 130, seconds: 25).map { $0 * factor }
        var cleanUp = CleanUp(rate: 16_000, settings: CleanUpSettings(level: true))
        let output = cleaned(input, by: &cleanUp)
        let before = SyntheticVoice.level(input[320_000...])
        let after = SyntheticVoice.level(output[320_000...])
        // The mean over speech and pauses lies 1.5 dB below that of speech alone; at most 18 dB up and 12 down.
        let wanted = max(before - 12, min(before + 18, -23.5))
        #expect(abs(after - wanted) < 2.5, "\(before) became \(after)")
        let loudest = output.map(abs).max() ?? 0
        #expect(loudest < 1.0 || decibels > 0)
    }

    @Test func the_level_stands_still_in_pauses_and_in_noise() {
        let quiet = SyntheticVoice.noise(count: 80_000, amplitude: 0.001, seed: 4)
        let speech = SyntheticVoice.speech(hertz: 180, seconds: 6).map { $0 * 0.05 }
        var cleanUp = CleanUp(rate: 16_000, settings: CleanUpSettings(level: true))
        _ = cleaned(quiet, by: &cleanUp)
        #expect(cleanUp.levelDecibels == 0)
        _ = cleaned(speech, by: &cleanUp)
        let raised = cleanUp.levelDecibels
        #expect(raised > 6)
        _ = cleaned(quiet, by: &cleanUp)
        #expect(cleanUp.levelDecibels == raised)
        _ = cleaned(SyntheticVoice.noise(count: 160_000, amplitude: 0.001, seed: 5), by: &cleanUp)
        #expect(cleanUp.levelDecibels == raised)
    }

    /// A fan that is switched on is no speech, and no end of speech when it is switched off.
    @Test(arguments: [Float(0.01), 0.2]) func noise_that_begins_moves_no_level(amplitude: Float) {
        let quiet = SyntheticVoice.noise(count: 80_000, amplitude: 0.0001, seed: 4)
        let fan = SyntheticVoice.noise(count: 200_000, amplitude: amplitude, seed: 5)
        var cleanUp = CleanUp(rate: 16_000, settings: CleanUpSettings(level: true))
        for part in [quiet, fan, quiet, fan] {
            _ = cleaned(part, by: &cleanUp)
            #expect(cleanUp.levelDecibels == 0)
        }
        // Speech over it is brought to its level all the same; a fan that begins with its last word moves next to nothing.
        let speech = zip(SyntheticVoice.speech(hertz: 180, seconds: 6), fan).map { 0.3 * $0 + 0.02 * $1 }
        _ = cleaned(speech, by: &cleanUp)
        let raised = cleanUp.levelDecibels
        #expect(raised > 3)
        _ = cleaned(fan, by: &cleanUp)
        #expect(abs(cleanUp.levelDecibels - raised) < 3)
    }

    /// Up by 4 dB and down by 8 in a second of speech.
    @Test func the_level_moves_as_fast_as_it_says() {
        func moved(_ factor: Float, from first: Int, to last: Int) -> Double {
            let input = SyntheticVoice.speech(hertz: 130, seconds: 5).map { $0 * factor }
            var cleanUp = CleanUp(rate: 16_000, settings: CleanUpSettings(level: true))
            _ = cleaned(Array(input[..<(first * 16_000)]), by: &cleanUp)
            let before = cleanUp.levelDecibels
            _ = cleaned(Array(input[(first * 16_000)..<(last * 16_000)]), by: &cleanUp)
            return cleanUp.levelDecibels - before
        }
        // Vowels and hisses are five sixths of it; the weakest edges are none.
        #expect((4.8...8).contains(moved(0.03, from: 2, to: 4)))
        #expect((-8.0 ... -4.8).contains(moved(4, from: 2, to: 3)))
    }

    /// A microphone that hears speech and, through a room with a resonance, what it sent to the speaker a while ago.
    private func loop(gain: Float, delay: Int, peakHertz: Double?, guarded: Bool) -> (sound: [Float], howls: Int) {
        var cleanUp = CleanUp(rate: 16_000, settings: CleanUpSettings(feedbackGuard: guarded))
        let angle = 2 * Double.pi * (peakHertz ?? 1_000) / 16_000
        let (first, second) = (-2 * 0.97 * cos(angle), 0.97 * 0.97)
        let real = 1 + first * cos(angle) + second * cos(2 * angle)
        let imaginary = first * sin(angle) + second * sin(2 * angle)
        let scale = 0.65 * (real * real + imaginary * imaginary).squareRoot()
        var line = [Float](repeating: 0, count: delay)
        var (last, beforeLast) = (0.0, 0.0)
        var sound: [Float] = []
        var howls = 0
        for (index, sample) in SyntheticVoice.speech(hertz: 170, seconds: 12).enumerated() {
            var back = Double(line[index % delay])
            if peakHertz != nil {
                let ringing = scale * back - first * last - second * beforeLast
                (beforeLast, last) = (last, ringing)
                back = 0.35 * back + ringing
            }
            var heard = max(-1, min(1, 0.1 * sample + gain * Float(back)))
            withUnsafeMutablePointer(to: &heard) { heard in
                cleanUp.process(UnsafeMutableBufferPointer(start: heard, count: 1))
            }
            line[index % delay] = heard
            sound.append(heard)
            howls = max(howls, cleanUp.howls)
        }
        return (sound, howls)
    }

    /// Pieces of 50 ms above -6 dB, in percent.
    private func loudShare(_ sound: [Float]) -> Double {
        let levels = stride(from: 0, to: sound.count - 800, by: 800).map {
            SyntheticVoice.level(sound[$0..<$0 + 800])
        }
        return 100 * Double(levels.count { $0 > -6 }) / Double(levels.count)
    }

    @Test(arguments: [(Float(1.3), 2_300.0), (1.3, 430), (1.5, 430), (1.5, 4_100)])
    func a_howl_is_notched(gain: Float, hertz: Double) {
        let open = loop(gain: gain, delay: 320, peakHertz: hertz, guarded: false)
        let guarded = loop(gain: gain, delay: 320, peakHertz: hertz, guarded: true)
        #expect(loudShare(open.sound) > 80)
        #expect(loudShare(guarded.sound) < 3)
        #expect(guarded.howls > 0)
        // The speech stays.
        #expect(SyntheticVoice.level(guarded.sound[96_000...]) > -42)
    }

    @Test(arguments: [320, 800, 1_600]) func a_loop_that_howls_everywhere_is_turned_down(delay: Int) {
        #expect(loudShare(loop(gain: 1.5, delay: delay, peakHertz: nil, guarded: false).sound) > 80)
        #expect(loudShare(loop(gain: 1.5, delay: delay, peakHertz: nil, guarded: true).sound) < 25)
    }

    @Test(arguments: [1, 37, 4_096]) func the_blocks_change_nothing(block: Int) {
        let settings = CleanUpSettings(highPass: true, level: true, feedbackGuard: true)
        let howl = tone(1_500, rate: 16_000).enumerated().map { $1 * Float($0) / 8_000 }
        let input = SyntheticVoice.speech(hertz: 130, seconds: 3) + howl
        let whole = cleaned(input, settings)
        #expect(whole != input)
        let same = cleaned(input, block: block, settings) == whole
        #expect(same)
    }

    @Test func what_is_no_number_is_silence_and_a_reset_starts_over() {
        let settings = CleanUpSettings(highPass: true, level: true, feedbackGuard: true)
        var cleanUp = CleanUp(rate: 16_000, settings: settings)
        var input = SyntheticVoice.speech(hertz: 130, seconds: 2)
        let first = cleaned(input, by: &cleanUp)
        for index in stride(from: 0, to: input.count, by: 97) { input[index] = [.nan, .infinity, -1e30][index % 3] }
        let finite = cleaned(input, by: &cleanUp).allSatisfy(\.isFinite)
        #expect(finite)
        cleanUp.reset()
        let same = cleaned(SyntheticVoice.speech(hertz: 130, seconds: 2), by: &cleanUp) == first
        #expect(same)
    }
}
