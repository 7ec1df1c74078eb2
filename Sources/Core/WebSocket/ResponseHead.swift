/// The status line and header fields of an HTTP/1.1 response.
struct ResponseHead: Equatable, Sendable {
    struct Field: Equatable, Sendable {
        /// In lower case.
        var name: String
        var value: String
    }

    var isHTTP11 = true
    var status = 0
    var reason = ""
    var fields: [Field] = []

    /// The values of a field, in order of arrival.
    func values(_ name: String) -> [String] {
        fields.filter { $0.name == name }.map(\.value)
    }

    /// The value of a field that may come once.
    func single(_ name: String) throws(HandshakeViolation) -> String? {
        let all = values(name)
        guard all.count <= 1 else { throw .duplicateHeader(name) }
        return all.first
    }
}

/// Reads a response head byte by byte, without any of the leniency that lets two readers see two messages
/// (RFC 9112 §2.2 to §5).
struct ResponseHeadParser: Sendable {
    static let lineBytesMax = 8192
    static let headBytesMax = 32768
    static let fieldsMax = 100

    private var head = ResponseHead()
    private var line: [UInt8] = []
    private var endsInReturn = false
    private var hasStatusLine = false
    private var totalBytes = 0

    /// Takes one byte; the head once its empty line is complete. A new parser is needed then.
    mutating func accept(_ byte: UInt8) throws(HandshakeViolation) -> ResponseHead? {
        totalBytes += 1
        guard totalBytes <= Self.headBytesMax else { throw .headTooLong(limitBytes: Self.headBytesMax) }
        switch (byte, endsInReturn) {
        case (0x0A, true):
            endsInReturn = false
            return try endLine()
        case (0x0A, false), (_, true):
            throw .bareLineBreak
        case (0x0D, false):
            endsInReturn = true
            return nil
        case (_, false):
            guard HTTPText.isFieldValueByte(byte) else { throw .controlCharacter }
            guard line.count < Self.lineBytesMax else { throw .lineTooLong(limitBytes: Self.lineBytesMax) }
            line.append(byte)
            // What is not HTTP at all is known by its first bytes: no need to wait for a line's end.
            if !hasStatusLine && line.count <= 5 && !Array("HTTP/".utf8).starts(with: line) {
                throw .malformedStatusLine
            }
            return nil
        }
    }

    private mutating func endLine() throws(HandshakeViolation) -> ResponseHead? {
        defer { line.removeAll(keepingCapacity: true) }
        guard hasStatusLine else {
            try readStatusLine()
            hasStatusLine = true
            return nil
        }
        guard let first = line.first else { return head }
        guard first != 0x20 && first != 0x09 else { throw .foldedHeader }
        guard head.fields.count < Self.fieldsMax else { throw .tooManyHeaders(limit: Self.fieldsMax) }
        guard let colon = line.firstIndex(of: UInt8(ascii: ":")), colon > 0,
            line[..<colon].allSatisfy(HTTPText.isTokenByte)
        else { throw .malformedHeader }
        head.fields.append(
            ResponseHead.Field(
                name: HTTPText.lowercased(line[..<colon]),
                value: String(decoding: HTTPText.trimmed(line[(colon + 1)...]), as: UTF8.self)))
        return nil
    }

    /// `HTTP/1.1 101 Switching Protocols`; HTTP/1.0 is read so that a refusal can be told, but can't upgrade.
    private mutating func readStatusLine() throws(HandshakeViolation) {
        let prefix = Array("HTTP/".utf8)
        guard line.count >= 13, line.starts(with: prefix), line[8] == 0x20, line[12] == 0x20 else {
            throw .malformedStatusLine
        }
        switch String(decoding: line[5..<8], as: UTF8.self) {
        case "1.1": head.isHTTP11 = true
        case "1.0": head.isHTTP11 = false
        case _: throw .unsupportedVersion
        }
        guard let status = HTTPText.decimal(line[9..<12]), (100...599).contains(status) else {
            throw .malformedStatusLine
        }
        head.status = status
        head.reason = String(decoding: line[13...], as: UTF8.self)
    }
}
