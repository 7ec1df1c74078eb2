import Testing
import VoiceWebSocket

@Suite("Frame parser")
struct FrameParserTests {
    /// All steps of `bytes` given in pieces, with payload runs as their bytes.
    enum Seen: Equatable {
        case header(FrameHeader)
        case payload([UInt8], endsFrame: Bool)
    }

    func parse(_ bytes: [UInt8], pieceBytes: Int) throws(ProtocolViolation) -> [Seen] {
        var parser = FrameParser()
        var seen: [Seen] = []
        for start in stride(from: 0, to: bytes.count, by: pieceBytes) {
            let piece = Array(bytes[start..<min(bytes.count, start + pieceBytes)])
            var offset = 0
            while true {
                let step = try piece.withUnsafeBufferPointer { buffer throws(ProtocolViolation) in
                    try parser.next(in: UnsafeRawBufferPointer(buffer), at: &offset)
                }
                switch step {
                case .needsInput: break
                case .header(let header): seen.append(.header(header))
                case .payload(let run, let endsFrame): seen.append(.payload(Array(piece[run]), endsFrame: endsFrame))
                }
                if step == .needsInput { break }
            }
        }
        return seen
    }

    @Test("reads every length form wherever the stream is split", arguments: [0, 1, 125, 126, 127, 65_535, 65_536])
    func lengths(count: Int) throws {
        var random = SplitMix(seed: UInt64(count))
        let frame = ServerFrame.binary(random.bytes(count), isFinal: count % 2 == 0)
        for pieceBytes in [1, 2, 3, 7, 14, 4096, 1 << 20] {
            let seen = try parse(frame.bytes, pieceBytes: pieceBytes)
            #expect(
                seen.first == .header(FrameHeader(opcode: .binary, isFinal: frame.isFinal, payloadBytes: count)))
            let payload = seen.dropFirst().flatMap { step -> [UInt8] in
                if case .payload(let bytes, _) = step { bytes } else { [] }
            }
            #expect(payload == frame.payload)
            let ends = seen.filter { if case .payload(_, endsFrame: true) = $0 { true } else { false } }
            #expect(ends.count == (count == 0 ? 0 : 1))
        }
    }

    @Test(
        "refuses what a single frame can do wrong, each by its rule",
        arguments: [
            ([0xC2, 0x00], ProtocolViolation.reservedBits),
            ([0xA1, 0x00], .reservedBits),
            ([0x91, 0x00], .reservedBits),
            ([0x83, 0x00], .reservedOpcode(3)),
            ([0x87, 0x00], .reservedOpcode(7)),
            ([0x8B, 0x00], .reservedOpcode(11)),
            ([0x8F, 0x00], .reservedOpcode(15)),
            ([0x82, 0x80, 1, 2, 3, 4], .maskedFrame),
            ([0x09, 0x00], .fragmentedControlFrame),
            ([0x08, 0x00], .fragmentedControlFrame),
            ([0x89, 0x7E, 0x00, 0x7E], .controlFrameTooLong),
            ([0x88, 0x7F, 0, 0, 0, 0, 0, 1, 0, 0], .controlFrameTooLong),
            ([0x82, 0x7E, 0x00, 0x7D], .lengthNotMinimal),
            ([0x82, 0x7E, 0x00, 0x00], .lengthNotMinimal),
            ([0x82, 0x7F, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF], .lengthNotMinimal),
            ([0x82, 0x7F, 0x80, 0, 0, 0, 0, 0, 0, 0], .lengthOutOfRange),
            ([0x82, 0x7F, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF], .lengthOutOfRange),
        ] as [([UInt8], ProtocolViolation)])
    func violations(bytes: [UInt8], violation: ProtocolViolation) {
        for pieceBytes in [1, 3, 64] {
            #expect(throws: violation) { try parse(bytes, pieceBytes: pieceBytes) }
        }
    }

    @Test("refuses a bad first byte before the second has come")
    func earlyRefusal() {
        #expect(throws: ProtocolViolation.reservedOpcode(5)) { try parse([0x85], pieceBytes: 1) }
        #expect(throws: ProtocolViolation.maskedFrame) { try parse([0x82, 0xFF], pieceBytes: 1) }
    }

    @Test("takes the longest length that exists without reserving anything for it")
    func longest() throws {
        let seen = try parse([0x82, 0x7F, 0x7F, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF], pieceBytes: 64)
        #expect(seen == [.header(FrameHeader(opcode: .binary, isFinal: true, payloadBytes: .max))])
    }

    @Test("what a client writes, a server reads", arguments: [0, 1, 3, 4, 125, 126, 640, 65_535, 65_536, 70_001])
    func writer(count: Int) {
        var random = SplitMix(seed: 7)
        let payload = random.bytes(count)
        var target = [UInt8](repeating: 0, count: count + FrameWriter.headerBytesMax)
        let length = payload.withUnsafeBytes { source in
            target.withUnsafeMutableBytes { target in
                target.baseAddress.map {
                    FrameWriter.write(.binary, isFinal: true, payload: source, maskKey: 0xA1B2_C3D4, to: $0)
                } ?? 0
            }
        }
        #expect(length == count + FrameWriter.headerBytes(forPayload: count))
        #expect(ServerFrame.parse(clientBytes: Array(target[..<length])) == [.binary(payload)])
    }
}
