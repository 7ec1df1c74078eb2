import Foundation
import Testing
import VoicePlayout

enum Tone {
    static let amplitude: Float = 0.5

    /// 197 Hz at 16 kHz: no whole number of samples in a period.
    static func sample(_ index: Int) -> Float {
        amplitude * Float(sin(2 * .pi * 197 * Double(index) / 16_000))
    }
}

/// Whatever the buffer does to a tone, its steps stay those of a tone: a click would be many times as large.
@Suite struct ClickTests {
    /// The largest step of a sound, relative to that of the tone at 48 kHz.
    private func largestStep(_ sound: [Float]) -> Float {
        let steady = Tone.amplitude * 2 * .pi * 197 / 48_000
        return zip(sound, sound.dropFirst()).map { abs($0 - $1) }.max()! / steady
    }

    private func simulation() -> CallSimulation {
        var simulation = CallSimulation()
        simulation.sample = Tone.sample
        return simulation
    }

    @Test func a_tone_passes_unchanged() throws {
        let sound = try simulation().run(seconds: 3, keepsSound: true).output
        #expect(largestStep(sound) < 1.4)
        #expect(sound[48_000...].map(abs).max()! < Tone.amplitude * 1.01)
    }

    @Test(arguments: [-25_000.0, 25_000])
    func splices_do_not_click(ppm: Double) throws {
        var simulation = simulation()
        simulation.senderPPM = ppm
        let call = try simulation.run(seconds: 30, keepsSound: true)
        #expect(call.counts.removed + call.counts.inserted > 5_000)
        #expect(largestStep(call.output) < 1.5)
        // Pitch-synchronous: the tone stays whole through the splices.
        if ppm > 0 {
            let period = 48_000 / 50
            let peaks = stride(from: 480_000, to: call.output.count - period, by: period).map { start in
                call.output[start..<start + period].max()!
            }
            #expect(peaks.min()! > 0.8 * Tone.amplitude)
        }
    }

    @Test func freezes_and_what_follows_them_do_not_click() throws {
        var simulation = simulation()
        simulation.freezes = [(2, 2.03), (3, 3.15), (5, 8), (10, 10.3), (11, 11.07)]
        let call = try simulation.run(seconds: 13, keepsSound: true)
        #expect(call.counts.concealments >= 3)
        #expect(call.counts.droppedLate > 16_000)
        #expect(largestStep(call.output) < 2.5)
        // The long one is silent at its end.
        #expect(call.output[(48_000 * 6)..<(48_000 * 7)].allSatisfy { abs($0) < 1e-6 })
    }

    @Test func a_pause_and_its_end_do_not_click() {
        var buffer = JitterBuffer(.relay)
        var driver = BufferDriver()
        driver.keepsSound = true
        driver.run(&buffer, seconds: 2)
        buffer.pause()
        driver.run(&buffer, seconds: 0.5, pushes: false)
        driver.run(&buffer, seconds: 1)
        driver.run(&buffer, seconds: 0.5, pulls: false)
        driver.run(&buffer, seconds: 1)
        #expect(largestStep(driver.output) < 3 * 2.5)
    }
}
