import Testing
import VoiceConversion

struct BackgroundNoiseTests {
    /// Speech of full energy for 0.4 s and a pause of `pause` for 1 s in turn, a window every 2.5 ms; ends in a pause.
    private func share(ofPausesAt pause: Float, times: Int, in noise: inout BackgroundNoise) -> Double {
        var last = 0.0
        for window in 0..<(560 * times) {
            last = noise.share(energy: window % 560 < 160 ? 1 : pause, loudest: 1)
        }
        return last
    }

    @Test(arguments: [(Float(1e-6), 0.0), (4e-5, 0.4), (1e-3, 1)])
    func it_tells_a_quiet_room_from_a_noisy_one(pause: Float, wanted: Double) {
        var noise = BackgroundNoise()
        let found = share(ofPausesAt: pause, times: 3, in: &noise)
        #expect(abs(found - wanted) < 0.1, "\(found) at \(pause)")
    }

    @Test func speech_without_a_pause_becomes_noise_slowly() {
        var noise = BackgroundNoise()
        _ = share(ofPausesAt: 1e-6, times: 2, in: &noise)
        var seconds = 0.0
        while noise.share(energy: 1, loudest: 1) == 0 && seconds < 60 { seconds += 0.0025 }
        // From -60 to -48 dB at 2 dB a second, and some for the smoothing.
        #expect(seconds > 3 && seconds < 9, "\(seconds) s")
    }

    @Test func a_pause_ends_the_noise_at_once() {
        var noise = BackgroundNoise()
        #expect(share(ofPausesAt: 1e-3, times: 3, in: &noise) > 0.9)
        var last = 1.0
        for _ in 0..<160 { last = noise.share(energy: 1e-6, loudest: 1) }
        #expect(last == 0)
    }

    @Test func reset_forgets_the_room() {
        var noise = BackgroundNoise()
        _ = share(ofPausesAt: 1e-6, times: 2, in: &noise)
        noise.reset()
        #expect(share(ofPausesAt: 1e-3, times: 1, in: &noise) > 0.9)
    }
}
