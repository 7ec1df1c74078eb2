import Testing
import VoiceWebSocket

@Suite("Masking")
struct MaskingTests {
    @Test("the wide copy and the bytewise one agree at every length and alignment")
    func oracle() {
        var random = SplitMix(seed: 3)
        let bytes = random.bytes(1200)
        for count in Array(0...300) + [511, 512, 513, 1100] {
            for shift in [0, 1, 3, 8, 13] {
                let source = Array(bytes[shift..<(shift + count)])
                var wide = [UInt8](repeating: 0xEE, count: count + shift + 1)
                var narrow = wide
                bytes[shift..<(shift + count)].withUnsafeBytes { from in
                    wide.withUnsafeMutableBytes { to in
                        if let base = to.baseAddress { Masking.copy(from, to: base + shift, key: 0x8899_AA7F) }
                    }
                    narrow.withUnsafeMutableBytes { to in
                        if let base = to.baseAddress { Masking.copyBytewise(from, to: base + shift, key: 0x8899_AA7F) }
                    }
                }
                #expect(wide == narrow)
                #expect(wide.last == 0xEE, "nothing is written behind the end")
                #expect(source.isEmpty || Array(wide[shift..<(shift + count)]) != source)
            }
        }
    }

    @Test("masking in place twice gives the bytes back")
    func involution() {
        var random = SplitMix(seed: 4)
        let bytes = random.bytes(777)
        var masked = bytes
        for _ in 0..<2 {
            masked.withUnsafeMutableBytes { buffer in
                if let base = buffer.baseAddress { Masking.copy(UnsafeRawBufferPointer(buffer), to: base, key: 77) }
            }
        }
        #expect(masked == bytes)
    }
}
