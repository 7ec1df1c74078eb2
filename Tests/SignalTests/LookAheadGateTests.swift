import Testing
import VoiceSignal

@Suite struct LookAheadGateTests {
    private func gated(_ samples: [Float], ahead: Int, threshold: Double?, block: Int = 160) -> [Float] {
        var gate = LookAheadGate(sampleRate: 16_000, lookAheadFrames: ahead)
        gate.setThreshold(decibels: threshold)
        var output = samples
        output.withUnsafeMutableBufferPointer { buffer in
            for start in stride(from: 0, to: buffer.count, by: block) {
                let end = min(buffer.count, start + block)
                gate.apply(to: UnsafeMutableBufferPointer(rebasing: buffer[start..<end]))
            }
        }
        return output
    }

    /// Noise at -60 dB, and a word that begins at 4,000: first 8 ms of weak consonant, then loud.
    private var word: [Float] {
        var generator = SplitMix(state: 7)
        return (0..<8_000).map { index in
            let noise = generator.next() * 0.001
            if index < 4_000 { return noise }
            return index < 4_128 ? generator.next() * 0.004 : generator.next() * 0.3
        }
    }

    @Test func theBeginningOfAWordIsWhole() {
        let sound = word
        let output = gated(sound, ahead: 160, threshold: -40)
        func energy(_ samples: ArraySlice<Float>) -> Float { samples.reduce(0) { $0 + $1 * $1 } }
        // Open, but for the attack's last 0.25 ms at the most, before the first sound of the consonant comes out.
        #expect(energy(output[4_170..<4_288]) > 0.7 * energy(sound[4_010..<4_128]))
        let without = gated(sound, ahead: 0, threshold: -40)
        #expect(energy(without[4_010..<4_128]) < 0.05 * energy(sound[4_010..<4_128]))
        // The pause before it is lowered: by 24 dB, but the gate begins open and closes slowly.
        #expect(energy(output[3_500..<4_000]) < 0.05 * energy(sound[3_340..<3_840]))
    }

    @Test(arguments: [0, 1, 160]) func offItIsADelayBitForBit(_ ahead: Int) {
        let sound = word
        let output = gated(sound, ahead: ahead, threshold: nil, block: 37)
        #expect(Array(output[ahead...]) == Array(sound[..<(sound.count - ahead)]))
        #expect(output[..<ahead].allSatisfy { $0 == 0 })
    }

    @Test func badSamplesDoNotStay() {
        var sound = word
        sound[100] = .nan
        sound[200] = .infinity
        let output = gated(sound, ahead: 160, threshold: -40)
        #expect(output[500...].allSatisfy { $0.isFinite })
        #expect(output[4_500...].contains { $0.magnitude > 0.1 })
    }
}

private struct SplitMix {
    var state: UInt64

    /// In ±1.
    mutating func next() -> Float {
        state &+= 0x9E37_79B9_7F4A_7C15
        var value = state
        value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
        value ^= value >> 31
        return Float(Int64(bitPattern: value)) / Float(Int64.max)
    }
}
