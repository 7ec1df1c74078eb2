import Foundation

/// Whether an object says something twice. Of two claims of one name, one reader would take the first and another the
/// last: RFC 7515 §4 and RFC 7519 §4 want them unique.
enum JSONNames {
    /// - Parameter json: an object that a JSON decoder takes; its top level is looked at. False for anything else.
    static func areUnique(in json: Data) -> Bool {
        let bytes = [UInt8](json)
        var names: Set<String> = []
        var depth = 0
        var position = 0
        // Whether the next string of the top level is a name.
        var expectsName = false
        while position < bytes.count {
            switch bytes[position] {
            case UInt8(ascii: "{"), UInt8(ascii: "["):
                depth += 1
                expectsName = depth == 1
            case UInt8(ascii: "}"), UInt8(ascii: "]"): depth -= 1
            case UInt8(ascii: ",") where depth == 1: expectsName = true
            case UInt8(ascii: "\""):
                let start = position
                position += 1
                while position < bytes.count, bytes[position] != UInt8(ascii: "\"") {
                    position += bytes[position] == UInt8(ascii: "\\") ? 2 : 1
                }
                guard position < bytes.count else { return false }
                guard depth == 1, expectsName else { break }
                expectsName = false
                // Decoded, so that "aud" and "\u0061ud" are one name.
                let text = Data("[".utf8) + Data(bytes[start...position]) + Data("]".utf8)
                guard let name = try? JSONDecoder().decode([String].self, from: text).first else { return false }
                guard names.insert(name).inserted else { return false }
            default: break
            }
            position += 1
        }
        return depth == 0
    }
}
