import Testing
import VoiceRelay

@Suite struct PacketPackerTests {
    @Test(arguments: PacketPacker.Duration.allCases)
    func packetsAreWholeAndTheLastIsWhatIsLeft(duration: PacketPacker.Duration) {
        var packer = PacketPacker(duration)
        let sound = (0..<1000).map { Float($0 % 200 - 100) / 32_768 }
        var sizes: [Int] = []
        var steps: [Int16] = []
        var rest = sound[...]
        func take() {
            packer.take { bytes in
                sizes.append(bytes.count)
                for offset in stride(from: 0, to: bytes.count, by: 2) {
                    steps.append(Int16(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: Int16.self)))
                }
            }
        }
        while !rest.isEmpty {
            // Blocks that fit no packet.
            let taken = rest.prefix(37).withUnsafeBufferPointer { packer.fill(from: $0) }
            rest = rest.dropFirst(taken)
            if packer.isFull { take() }
        }
        take()
        let whole = duration.samples * 2
        #expect(sizes.dropLast().allSatisfy { $0 == whole })
        #expect(sizes.reduce(0, +) == 2000)
        // Dither moves a sample by less than one and a half steps.
        for (step, sample) in zip(steps, sound) { #expect(abs(Float(step) - sample * 32_768) < 2) }
    }

    @Test func silenceStaysSilence() {
        var packer = PacketPacker(.milliseconds20)
        let silence = [Float](repeating: 0, count: 320)
        #expect(silence.withUnsafeBufferPointer { packer.fill(from: $0) } == 320)
        packer.take { bytes in #expect(bytes.allSatisfy { $0 == 0 }) }
        #expect(packer.count == 0)
    }
}
