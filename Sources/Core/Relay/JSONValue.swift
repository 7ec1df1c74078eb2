/// A JSON value (RFC 8259), for the relay's few small control messages.
///
/// The engine links no Foundation, hence this small reader and writer. Bounded: text up to
/// ``RelayProtocol/textBytesMax`` and nesting up to ``depthMax``; everything else is refused with `nil`.
package enum JSONValue: Equatable, Sendable {
    case null
    case bool(Bool)
    case number(Double)
    case string(String)
    case array([JSONValue])
    case object([String: JSONValue])

    package static let depthMax = 16

    /// Reads one JSON text; `nil` when it is not well-formed, nested too deep or too long.
    package init?(parsing text: String) {
        var text = text
        let parsed: JSONValue? = text.withUTF8 { bytes in
            guard bytes.count <= RelayProtocol.textBytesMax else { return nil }
            var reader = JSONReader(bytes: bytes)
            return reader.document()
        }
        guard let parsed else { return nil }
        self = parsed
    }

    package subscript(key: String) -> JSONValue? {
        if case .object(let members) = self { members[key] } else { nil }
    }

    package var string: String? {
        if case .string(let value) = self { value } else { nil }
    }

    package var double: Double? {
        if case .number(let value) = self { value } else { nil }
    }

    /// The number when it is a whole one that fits.
    package var integer: Int? {
        double.flatMap { Int(exactly: $0) }
    }

    package var strings: [String]? {
        if case .array(let values) = self { values.compactMap(\.string) } else { nil }
    }

    /// `text` as a JSON string, quotes included (RFC 8259 §7).
    package static func quoted(_ text: String) -> String {
        var quoted = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": quoted += "\\\""
            case "\\": quoted += "\\\\"
            case "\n": quoted += "\\n"
            case "\r": quoted += "\\r"
            case "\t": quoted += "\\t"
            case "\u{0}"..."\u{1F}":
                let hex = String(scalar.value, radix: 16)
                quoted += "\\u" + String(repeating: "0", count: 4 - hex.count) + hex
            default: quoted.unicodeScalars.append(scalar)
            }
        }
        return quoted + "\""
    }
}
