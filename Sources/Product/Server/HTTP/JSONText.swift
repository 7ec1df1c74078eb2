/// Writes JSON (RFC 8259): compact, an object's names in order, nothing escaped that need not be.
struct JSONText {
    private(set) var bytes: [UInt8] = []

    init(_ value: JSONTree) {
        bytes.reserveCapacity(256)
        write(value)
    }

    private mutating func write(_ value: JSONTree) {
        switch value {
        case .null: put("null")
        case .bool(let bool): put(bool ? "true" : "false")
        case .integer(let integer): put(String(integer))
        case .number(let number): write(number)
        case .string(let string): write(string)
        case .array(let items):
            bytes.append(UInt8(ascii: "["))
            for (index, item) in items.enumerated() {
                if index > 0 { bytes.append(UInt8(ascii: ",")) }
                write(item)
            }
            bytes.append(UInt8(ascii: "]"))
        case .object(let fields):
            bytes.append(UInt8(ascii: "{"))
            for (index, field) in fields.sorted(by: { $0.key < $1.key }).enumerated() {
                if index > 0 { bytes.append(UInt8(ascii: ",")) }
                write(field.key)
                bytes.append(UInt8(ascii: ":"))
                write(field.value)
            }
            bytes.append(UInt8(ascii: "}"))
        }
    }

    private mutating func write(_ number: Double) {
        // JSON has no other numbers than finite ones (§6).
        guard number.isFinite else { return put("null") }
        if let whole = Int64(exactly: number), abs(number) < 9_007_199_254_740_992 {
            put(String(whole))
        } else {
            put(number.description)
        }
    }

    private mutating func write(_ string: String) {
        bytes.append(UInt8(ascii: "\""))
        for byte in string.utf8 {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"): bytes += [UInt8(ascii: "\\"), byte]
            case UInt8(ascii: "\n"): put("\\n")
            case UInt8(ascii: "\r"): put("\\r")
            case UInt8(ascii: "\t"): put("\\t")
            case 0..<0x20: put(byte < 0x10 ? "\\u000" : "\\u001", then: byte & 15)
            default: bytes.append(byte)
            }
        }
        bytes.append(UInt8(ascii: "\""))
    }

    private mutating func put(_ text: String) { bytes += text.utf8 }

    private mutating func put(_ text: String, then digit: UInt8) {
        put(text)
        bytes.append(Array("0123456789abcdef".utf8)[Int(digit)])
    }
}
