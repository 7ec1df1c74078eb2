import COpus
import ProcessSupport
import Testing
import VoiceOpusCodec
import VoiceRelay

/// Packets that are none, packets that are missing, and settings that do not exist.
@Suite struct OpusPacketTests {
    /// What libopus itself says of a packet: its samples at 16 kHz, nil when it refuses it.
    private func library(_ packet: [UInt8]) -> Int? {
        var sizes = [Int16](repeating: 0, count: 48)
        let frames = opus_packet_parse(packet, Int32(packet.count), nil, nil, &sizes, nil)
        guard frames > 0 else { return nil }
        return Int(frames) * Int(opus_packet_get_samples_per_frame(packet, 16_000))
    }

    private func ours(_ packet: [UInt8]) -> OpusPacket? {
        packet.withUnsafeBytes { OpusPacket($0) }
    }

    /// Random packets, short ones more often: where the rules are.
    @Test(arguments: 1...8 as ClosedRange<UInt64>) func theFramingIsJudgedAsLibopusDoes(_ seed: UInt64) {
        var generator = SplitMix(state: seed)
        var good = 0
        for index in 0..<20_000 {
            let length =
                index % 10 == 0
                ? Int.random(in: 1...4_000, using: &generator)
                : Int.random(in: 1...24, using: &generator)
            var packet = (0..<length).map { _ in UInt8.random(in: 0...255, using: &generator) }
            // Half of them of the kind with the most rules, with counts and lengths that could be right.
            if index % 2 == 0 { packet[0] |= 3 }
            if index % 4 == 0, length > 1 { packet[1] = packet[1] & 0xC0 | UInt8(index / 4 % 6) }
            let expected = library(packet)
            #expect(ours(packet)?.samples == expected, "\(packet.prefix(24)) of \(length) bytes, seed \(seed)")
            good += expected == nil ? 0 : 1
        }
        #expect(good > 1_000)
        #expect(good < 19_000)
        #expect(ours([]) == nil)
    }

    /// Whatever the bytes are, decoding gives samples or a typed error, and the next good packet sounds.
    @Test(arguments: 1...4 as ClosedRange<UInt64>) func junkIsNoTrap(_ seed: UInt64) async throws {
        var generator = SplitMix(state: seed)
        let decoder = try OpusSoundDecoder()
        var refused = 0
        for _ in 0..<2_000 {
            let packet = (0..<Int.random(in: 0...90, using: &generator)).map { _ in
                UInt8.random(in: 0...255, using: &generator)
            }
            let samples: [Float]
            do {
                samples = try OpusStream.decode(packet, with: decoder)
            } catch {
                #expect(error as? OpusCodecError == .malformedPacket)
                #expect(ours(packet) == nil)
                refused += 1
                continue
            }
            #expect(samples.count == ours(packet)?.samples)
            let isFinite = samples.allSatisfy { $0.isFinite }
            #expect(isFinite)
        }
        #expect(refused > 100)
        let good = try OpusStream.encode(try await OpusRoundTripTests.speech.value, OpusEncoderSettings())
        #expect(try OpusStream.decode(good[40], with: decoder).count == 320)
    }

    @Test func aPacketThatIsTooLongForTheBufferSaysSo() async throws {
        let packets = try OpusStream.encode(try await OpusRoundTripTests.speech.value, OpusEncoderSettings())
        let decoder = try OpusSoundDecoder()
        var samples = [Float](repeating: 0, count: 319)
        #expect(throws: OpusCodecError.noRoom(needed: 320)) {
            try samples.withUnsafeMutableBufferPointer { samples in
                try packets[0].withUnsafeBytes { try decoder.decodePacket($0, into: samples) }
            }
        }
    }

    /// A gap of one packet is filled with sound like its neighbours'; a long one fades to silence.
    @Test func gapsAreConcealed() async throws {
        let speech = try await OpusRoundTripTests.speech.value
        let packets = try OpusStream.encode(speech, OpusEncoderSettings())
        let whole = try OpusStream.decode(packets)
        let loudest = (20..<packets.count - 30).max { energy(whole, $0) < energy(whole, $1) } ?? 20
        let decoder = try OpusSoundDecoder()
        for packet in packets[..<loudest] { #expect(try OpusStream.decode(packet, with: decoder).count == 320) }
        let first = OpusStream.conceal(320, with: decoder)
        #expect(first.count == 320)
        let isFinite = first.allSatisfy { $0.isFinite }
        #expect(isFinite)
        let power = first.reduce(0) { $0 + $1 * $1 }
        #expect(power > energy(whole, loudest) / 30)
        #expect(power < energy(whole, loudest) * 30)
        var rest: [Float] = []
        for _ in 0..<20 { rest = OpusStream.conceal(320, with: decoder) }
        let isFaded = rest.allSatisfy { abs($0) < 0.005 }
        #expect(isFaded)
        // It comes back: some packets later all is as if nothing had been lost.
        var after: [Float] = []
        for packet in packets[(loudest + 1)..<(loudest + 25)] {
            after = try OpusStream.decode(packet, with: decoder)
        }
        let same = whole[(loudest + 24) * 320..<(loudest + 25) * 320]
        let error = zip(after, same).reduce(Float(0)) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
        #expect(error < 0.1 * energy(whole, loudest + 24) + 0.01)
    }

    @Test(arguments: [(0, 0), (39, 0), (40, 40), (333, 320), (1_000, 1_000), (1_001, 1_000)])
    func concealmentMakesWholeUnits(_ asked: Int, _ made: Int) throws {
        #expect(OpusStream.conceal(asked, with: try OpusSoundDecoder()).count == made)
    }

    @Test func settingsThatOpusDoesNotHave() {
        for change: (inout OpusEncoderSettings) -> Void in [
            { $0.bitsPerSecond = 5_999 }, { $0.bitsPerSecond = 510_001 }, { $0.complexity = 11 },
            { $0.complexity = -1 },
        ] {
            let settings = OpusRoundTripTests.settings(change)
            #expect(throws: OpusCodecError.self) { try OpusSoundEncoder(settings) }
        }
    }

    @Test func aFrameOfAnotherLengthIsRefused() throws {
        let encoder = try OpusSoundEncoder()
        var bytes = [UInt8](repeating: 0, count: encoder.packetBytesMax)
        func encode(_ samples: Int, _ room: Int) throws -> Int {
            let sound = [Float](repeating: 0.1, count: samples)
            return try bytes.withUnsafeMutableBytes { bytes in
                try sound.withUnsafeBufferPointer {
                    try encoder.encodeFrame($0, into: UnsafeMutableRawBufferPointer(rebasing: bytes[..<room]))
                }
            }
        }
        #expect(throws: OpusCodecError.wrongFrameLength(samples: 160, expected: 320)) { try encode(160, 60) }
        #expect(throws: OpusCodecError.wrongFrameLength(samples: 0, expected: 320)) { try encode(0, 60) }
        #expect(throws: OpusCodecError.noRoom(needed: 60)) { try encode(320, 59) }
        #expect(try encode(320, 60) == 60)
    }

    /// One bad sample does not stay in the codec for good.
    @Test func samplesThatAreNoNumbers() throws {
        let encoder = try OpusSoundEncoder()
        let decoder = try OpusSoundDecoder()
        var answer: [Float] = []
        for bad in [Float.nan, .infinity, -.infinity, 1e30, .signalingNaN, 0, 0, 0] {
            var sound = (0..<320).map { 0.2 * Float($0 % 50 - 25) / 25 }
            sound[100] = bad
            for packet in try OpusStream.encode(sound, with: encoder) {
                answer = try OpusStream.decode(packet, with: decoder)
                let isSound = answer.allSatisfy { $0.isFinite && abs($0) < 8 }
                #expect(isSound)
            }
        }
        #expect(answer.contains { abs($0) > 0.05 })
    }

    private func energy(_ sound: [Float], _ packet: Int) -> Float {
        sound[packet * 320..<(packet + 1) * 320].reduce(0) { $0 + $1 * $1 }
    }
}

/// Steele, Lea and Flood's SplitMix64: the same numbers for the same seed, everywhere.
private struct SplitMix: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}
