import Foundation

/// Any JSON value: for what has nulls, or no fixed shape.
package indirect enum JSONTree: Sendable, Hashable, Codable, ExpressibleByStringLiteral, ExpressibleByIntegerLiteral,
    ExpressibleByBooleanLiteral, ExpressibleByDictionaryLiteral, ExpressibleByArrayLiteral
{
    case null
    case bool(Bool)
    case integer(Int)
    case number(Double)
    case string(String)
    case array([JSONTree])
    case object([String: JSONTree])

    private struct Name: CodingKey {
        let stringValue: String
        var intValue: Int? { nil }
        init(stringValue: String) { self.stringValue = stringValue }
        init?(intValue: Int) { nil }
    }

    package init(from decoder: any Decoder) throws {
        if let fields = try? decoder.container(keyedBy: Name.self) {
            var object: [String: JSONTree] = [:]
            for key in fields.allKeys { object[key.stringValue] = try fields.decode(JSONTree.self, forKey: key) }
            self = .object(object)
            return
        }
        if var items = try? decoder.unkeyedContainer() {
            var array: [JSONTree] = []
            while !items.isAtEnd { array.append(try items.decode(JSONTree.self)) }
            self = .array(array)
            return
        }
        let value = try decoder.singleValueContainer()
        if value.decodeNil() {
            self = .null
        } else if let bool = try? value.decode(Bool.self) {
            self = .bool(bool)
        } else if let integer = try? value.decode(Int.self) {
            self = .integer(integer)
        } else if let number = try? value.decode(Double.self) {
            self = .number(number)
        } else {
            self = .string(try value.decode(String.self))
        }
    }

    package func encode(to encoder: any Encoder) throws {
        switch self {
        case .object(let object):
            var fields = encoder.container(keyedBy: Name.self)
            for (name, value) in object { try fields.encode(value, forKey: Name(stringValue: name)) }
        case .array(let array):
            var items = encoder.unkeyedContainer()
            for value in array { try items.encode(value) }
        case .null:
            var value = encoder.singleValueContainer()
            try value.encodeNil()
        case .bool(let bool): try Self.put(bool, encoder)
        case .integer(let integer): try Self.put(integer, encoder)
        case .number(let number): try Self.put(number, encoder)
        case .string(let string): try Self.put(string, encoder)
        }
    }

    private static func put(_ value: some Encodable, _ encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(value)
    }

    package init(stringLiteral value: String) { self = .string(value) }
    package init(integerLiteral value: Int) { self = .integer(value) }
    package init(booleanLiteral value: Bool) { self = .bool(value) }
    package init(arrayLiteral elements: JSONTree...) { self = .array(elements) }
    package init(dictionaryLiteral elements: (String, JSONTree)...) {
        self = .object(Dictionary(elements) { $1 })
    }

    /// `null` for nothing.
    package init(_ string: String?) { self = string.map { .string($0) } ?? .null }
    package init(_ integer: Int?) { self = integer.map { .integer($0) } ?? .null }
    package init(_ time: WallTime?) { self = time.map { .string($0.description) } ?? .null }

    package subscript(_ name: String) -> JSONTree? {
        if case .object(let object) = self { object[name] } else { nil }
    }

    package var string: String? { if case .string(let string) = self { string } else { nil } }
    package var bool: Bool? { if case .bool(let bool) = self { bool } else { nil } }
    package var array: [JSONTree]? { if case .array(let array) = self { array } else { nil } }

    package var integer: Int? {
        switch self {
        case .integer(let integer): integer
        case .number(let number): Int(exactly: number)
        default: nil
        }
    }

    package var number: Double? {
        switch self {
        case .integer(let integer): Double(integer)
        case .number(let number): number
        default: nil
        }
    }

    /// Compact text, names in order.
    package var text: String { String(decoding: JSONText(self).bytes, as: UTF8.self) }

    package init?(text: String) {
        guard let value = try? JSONDecoder().decode(JSONTree.self, from: Data(text.utf8)) else { return nil }
        self = value
    }
}
