/// Server-sent events from bytes that come in any pieces (WHATWG HTML §9.2.6). Pure: no I/O.
package struct EventStreamParser: Sendable {
    package struct Event: Equatable, Sendable {
        package var type: String
        package var data: String

        package init(type: String, data: String) {
            self.type = type
            self.data = data
        }
    }

    package enum Failure: Error, Equatable {
        /// A line or an event of more than ``EventStreamParser/bytesMax``.
        case tooLarge
    }

    package static let bytesMax = 1 << 20

    private var line: [UInt8] = []
    private var data: [UInt8] = []
    private var hasData = false
    private var type = ""
    /// The last byte was CR: an LF that follows ends no further line.
    private var afterReturn = false
    /// Bytes of a byte order mark seen so far; `nil` once the start of the stream is past.
    private var markBytes: Int? = 0

    package init() {}

    /// Takes more of the stream and gives the events it completes. What an unfinished event holds at the end of the
    /// stream is dropped, as the specification asks.
    package mutating func push(_ bytes: some Sequence<UInt8>) throws(Failure) -> [Event] {
        var events: [Event] = []
        for byte in bytes {
            if isMark(byte) { continue }
            if afterReturn {
                afterReturn = false
                if byte == 0x0A { continue }
            }
            switch byte {
            case 0x0A, 0x0D:
                afterReturn = byte == 0x0D
                if let event = try endLine() { events.append(event) }
            default:
                guard line.count < Self.bytesMax else { throw .tooLarge }
                line.append(byte)
            }
        }
        return events
    }

    private mutating func isMark(_ byte: UInt8) -> Bool {
        guard let seen = markBytes else { return false }
        let mark: [UInt8] = [0xEF, 0xBB, 0xBF]
        guard byte == mark[seen] else {
            // Not a mark after all: what looked like one belongs to the first line.
            line.append(contentsOf: mark[..<seen])
            markBytes = nil
            return false
        }
        markBytes = seen == 2 ? nil : seen + 1
        return true
    }

    private mutating func endLine() throws(Failure) -> Event? {
        defer { line.removeAll(keepingCapacity: true) }
        guard !line.isEmpty else { return endEvent() }
        let colon = line.firstIndex(of: UInt8(ascii: ":"))
        // A comment.
        if colon == 0 { return nil }
        var value = colon.map { line[($0 + 1)...] } ?? []
        if value.first == 0x20 { value = value.dropFirst() }
        switch String(decoding: line[..<(colon ?? line.count)], as: UTF8.self) {
        case "data":
            guard data.count + value.count < Self.bytesMax else { throw .tooLarge }
            if hasData { data.append(0x0A) }
            data.append(contentsOf: value)
            hasData = true
        case "event": type = String(decoding: value, as: UTF8.self)
        // `id` and `retry` are for reconnecting, which a paid stream never does.
        default: break
        }
        return nil
    }

    private mutating func endEvent() -> Event? {
        defer {
            data.removeAll(keepingCapacity: true)
            hasData = false
            type = ""
        }
        guard hasData else { return nil }
        return Event(type: type, data: String(decoding: data, as: UTF8.self))
    }
}
