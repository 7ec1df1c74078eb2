/// The outside of one Opus packet: how long it sounds, and whether its framing is whole (RFC 6716 §3).
///
/// Needs no codec, so that the protocol can judge a packet where no sound is decoded.
public struct OpusPacket: Equatable, Sendable {
    /// RFC 6716 §3.2.1: no frame is longer.
    public static let frameBytesMax = 1_275

    /// Frames in the packet, 1 to 48.
    public let frames: Int
    /// Samples at 16 kHz of all of them.
    public let samples: Int
    public let isStereo: Bool

    /// `nil` when the packet is malformed: it breaks one of the rules R1 to R7 of RFC 6716 §3.4.
    public init?(_ bytes: UnsafeRawBufferPointer) {
        // R1: at least the table-of-contents byte (§3.1).
        guard let toc = bytes.first else { return nil }
        let frameSamples = Self.frameSamples(configuration: Int(toc >> 3))
        let rest = UnsafeRawBufferPointer(rebasing: bytes[1...])
        let frames: Int?
        switch toc & 3 {
        case 0: frames = rest.count <= Self.frameBytesMax ? 1 : nil
        // R3: two frames of the same size.
        case 1: frames = rest.count % 2 == 0 && rest.count / 2 <= Self.frameBytesMax ? 2 : nil
        case 2: frames = Self.twoFrames(rest)
        default: frames = Self.manyFrames(rest, frameSamples: frameSamples)
        }
        guard let frames else { return nil }
        self.frames = frames
        samples = frames * frameSamples
        isStereo = toc & 4 != 0
    }

    /// §3.1, Table 2, in samples at 16 kHz: 40 are 2.5 ms.
    private static func frameSamples(configuration: Int) -> Int {
        switch configuration {
        case ..<12: [160, 320, 640, 960][configuration & 3]
        case ..<16: [160, 320][configuration & 1]
        default: 40 << (configuration & 3)
        }
    }

    /// §3.2.1: a frame's length in one or two bytes; `nil` when they are not there.
    private static func length(_ bytes: UnsafeRawBufferPointer, at offset: Int) -> (bytes: Int, size: Int)? {
        guard offset < bytes.count else { return nil }
        let first = Int(bytes[offset])
        guard first >= 252 else { return (first, 1) }
        guard offset + 1 < bytes.count else { return nil }
        return (4 * Int(bytes[offset + 1]) + first, 2)
    }

    /// Code 2 (§3.2.4), R4: the first frame fits, and the second is what is left.
    private static func twoFrames(_ bytes: UnsafeRawBufferPointer) -> Int? {
        guard let first = length(bytes, at: 0) else { return nil }
        let second = bytes.count - first.size - first.bytes
        return (0...frameBytesMax).contains(second) ? 2 : nil
    }

    /// Code 3 (§3.2.5), R5 to R7: a count, perhaps padding, and frames of one size or of their own.
    private static func manyFrames(_ bytes: UnsafeRawBufferPointer, frameSamples: Int) -> Int? {
        guard let head = bytes.first else { return nil }
        let frames = Int(head & 0x3F)
        // R5: at least one frame, at most 120 ms.
        guard frames > 0, frames * frameSamples <= 1_920 else { return nil }
        var offset = 1
        var padding = 0
        if head & 0x40 != 0 {
            var value: UInt8 = 255
            while value == 255 {
                guard offset < bytes.count else { return nil }
                value = bytes[offset]
                padding += value == 255 ? 254 : Int(value)
                offset += 1
            }
        }
        if head & 0x80 == 0 {
            let content = bytes.count - offset - padding
            return content >= 0 && content % frames == 0 && content / frames <= frameBytesMax ? frames : nil
        }
        var taken = 0
        for _ in 0..<frames - 1 {
            guard let frame = length(bytes, at: offset) else { return nil }
            offset += frame.size
            taken += frame.bytes
        }
        return (0...frameBytesMax).contains(bytes.count - offset - padding - taken) ? frames : nil
    }
}
