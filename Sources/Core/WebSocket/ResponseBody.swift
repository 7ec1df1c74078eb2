/// Reads the body of a refusal, at most so many bytes of it (RFC 9112 §6 and §7.1).
struct ResponseBody: Sendable {
    static let bytesMax = 65_536
    private static let chunkLineBytesMax = 256

    private enum State {
        /// So many bytes to come. Exits: `done`.
        case counted(Int)
        /// The body ends with the stream. Exits: `done`.
        case untilEnd
        /// A chunk's size line so far. Exits: `chunk`, `done` (the last chunk: trailers are not read).
        case chunkLine([UInt8])
        /// So many bytes of a chunk to come. Exits: `chunkEnd`.
        case chunk(Int)
        /// The CR LF behind a chunk, so many bytes of it seen. Exits: `chunkLine`.
        case chunkEnd(Int)
        case done
    }

    private var state: State
    private(set) var bytes: [UInt8] = []

    /// The body that the head announces.
    init(_ head: ResponseHead) throws(HandshakeViolation) {
        let codings = head.values("transfer-encoding")
        let lengths = head.values("content-length")
        if !codings.isEmpty {
            guard lengths.isEmpty else { throw .duplicateHeader("content-length") }
            guard codings.count == 1, HTTPText.listMembers(codings[0]) == ["chunked"], head.isHTTP11 else {
                throw .malformedBody
            }
            state = .chunkLine([])
        } else if let text = lengths.first {
            guard lengths.count == 1 else { throw .duplicateHeader("content-length") }
            guard let length = HTTPText.decimal(text.utf8) else { throw .malformedBody }
            state = length == 0 ? .done : .counted(length)
        } else {
            state = head.status == 204 || head.status == 304 ? .done : .untilEnd
        }
    }

    /// Whether the body is complete, or as much of it as is kept.
    var isDone: Bool {
        switch state {
        case .done: true
        case .counted, .untilEnd, .chunkLine, .chunk, .chunkEnd: bytes.count >= Self.bytesMax
        }
    }

    mutating func accept(_ byte: UInt8) throws(HandshakeViolation) {
        switch state {
        case .done:
            break
        case .untilEnd:
            bytes.append(byte)
        case .counted(let left):
            bytes.append(byte)
            state = left == 1 ? .done : .counted(left - 1)
        case .chunk(let left):
            bytes.append(byte)
            state = left == 1 ? .chunkEnd(0) : .chunk(left - 1)
        case .chunkEnd(let seen):
            guard byte == (seen == 0 ? 0x0D : 0x0A) else { throw .malformedBody }
            state = seen == 0 ? .chunkEnd(1) : .chunkLine([])
        case .chunkLine(var line):
            line.append(byte)
            guard line.count <= Self.chunkLineBytesMax else { throw .malformedBody }
            state = byte == 0x0A ? try Self.chunk(announcedBy: line) : .chunkLine(line)
        }
    }

    /// `1a;extension CR LF`.
    private static func chunk(announcedBy line: [UInt8]) throws(HandshakeViolation) -> State {
        guard line.count >= 3, line[line.count - 2] == 0x0D else { throw .malformedBody }
        let digits = line.dropLast(2).prefix { $0 != UInt8(ascii: ";") }
        guard (1...8).contains(digits.count) else { throw .malformedBody }
        var size = 0
        for digit in digits {
            guard let value = Character(UnicodeScalar(digit)).hexDigitValue else { throw .malformedBody }
            size = size << 4 | value
        }
        return size == 0 ? .done : .chunk(size)
    }
}
