/// The header of a frame from a server.
public struct FrameHeader: Equatable, Sendable {
    public var opcode: Opcode
    public var isFinal: Bool
    /// Length of the payload in bytes.
    public var payloadBytes: Int
}

/// Cuts a server's byte stream into frame headers and runs of payload, wherever the stream was split.
///
/// Holds at most one header; payload is never copied. Every rule that a single frame can break is checked here, as soon
/// as the byte that breaks it has arrived; rules between frames are `WebSocketMachine`'s.
public struct FrameParser: Sendable {
    private enum State {
        /// The bytes of a header so far, left-aligned. Exits: `payload`, or itself after a frame without payload.
        case header(bytes: SIMD16<UInt8>, count: Int)
        /// So many payload bytes still to come, at least one. Exits: `header`.
        case payload(remaining: Int)
    }

    public enum Step: Equatable, Sendable {
        /// The input is used up.
        case needsInput
        /// A frame begins; its payload follows in `payload` steps (none when it is empty).
        case header(FrameHeader)
        /// A run of payload, as offsets into the input; `endsFrame` on the frame's last.
        case payload(Range<Int>, endsFrame: Bool)
    }

    private var state = State.header(bytes: .zero, count: 0)

    public init() {}

    /// Takes the next step in `bytes` at `offset`, which moves behind what was used.
    public mutating func next(
        in bytes: UnsafeRawBufferPointer, at offset: inout Int
    ) throws(ProtocolViolation) -> Step {
        switch state {
        case .payload(let remaining):
            let available = bytes.count - offset
            guard available > 0 else { return .needsInput }
            let run = offset..<(offset + min(available, remaining))
            offset = run.upperBound
            let left = remaining - run.count
            state = left == 0 ? .header(bytes: .zero, count: 0) : .payload(remaining: left)
            return .payload(run, endsFrame: left == 0)

        case .header(var header, var count):
            while offset < bytes.count {
                header[count] = bytes[offset]
                offset += 1
                count += 1
                if let complete = try Self.parse(header, count) {
                    state =
                        complete.payloadBytes == 0
                        ? .header(bytes: .zero, count: 0) : .payload(remaining: complete.payloadBytes)
                    return .header(complete)
                }
            }
            state = .header(bytes: header, count: count)
            return .needsInput
        }
    }

    /// The header in the first `count` bytes, or nil when it is longer; §5.2 field by field.
    private static func parse(_ bytes: SIMD16<UInt8>, _ count: Int) throws(ProtocolViolation) -> FrameHeader? {
        guard bytes[0] & 0x70 == 0 else { throw .reservedBits }
        guard let opcode = Opcode(rawValue: bytes[0] & 0x0F) else { throw .reservedOpcode(bytes[0] & 0x0F) }
        let isFinal = bytes[0] & 0x80 != 0
        if opcode.isControl && !isFinal { throw .fragmentedControlFrame }
        guard count >= 2 else { return nil }

        guard bytes[1] & 0x80 == 0 else { throw .maskedFrame }
        let short = Int(bytes[1] & 0x7F)
        guard short >= 126 else { return FrameHeader(opcode: opcode, isFinal: isFinal, payloadBytes: short) }
        if opcode.isControl { throw .controlFrameTooLong }
        let lengthBytes = short == 126 ? 2 : 8
        guard count == 2 + lengthBytes else { return nil }

        var length: UInt64 = 0
        for index in 2..<(2 + lengthBytes) {
            length = length << 8 | UInt64(bytes[index])
        }
        guard length <= UInt64(Int64.max) else { throw .lengthOutOfRange }
        guard length > (short == 126 ? 125 : 0xFFFF) else { throw .lengthNotMinimal }
        return FrameHeader(opcode: opcode, isFinal: isFinal, payloadBytes: Int(length))
    }
}
