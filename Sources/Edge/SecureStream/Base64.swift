private let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

/// Base64 with padding (RFC 4648 §4).
func encodeBase64(_ bytes: [UInt8]) -> String {
    var text: [UInt8] = []
    var index = 0
    while index < bytes.count {
        let count = min(3, bytes.count - index)
        var group: UInt32 = 0
        for offset in 0..<3 {
            group = group << 8 | (offset < count ? UInt32(bytes[index + offset]) : 0)
        }
        for digit in 0..<4 {
            text.append(digit <= count ? alphabet[Int(group >> UInt32(18 - 6 * digit) & 63)] : UInt8(ascii: "="))
        }
        index += 3
    }
    return String(decoding: text, as: UTF8.self)
}

/// The bytes of canonical, padded base64 (RFC 4648 §4); nil for anything else.
func decodeBase64(_ text: Substring) -> [UInt8]? {
    let input = Array(text.utf8)
    guard input.count % 4 == 0 else { return nil }
    let padding = input.reversed().prefix { $0 == UInt8(ascii: "=") }.count
    guard padding <= 2 else { return nil }
    var bytes: [UInt8] = []
    var bits: UInt32 = 0
    var count: UInt32 = 0
    for byte in input.dropLast(padding) {
        guard let value = alphabet.firstIndex(of: byte) else { return nil }
        bits = bits << 6 | UInt32(value)
        count += 6
        if count >= 8 {
            count -= 8
            bytes.append(UInt8(truncatingIfNeeded: bits >> count))
        }
    }
    // Bits that say nothing must be zero (RFC 4648 §3.5), or one digest would have several spellings.
    return bits & ((1 << count) - 1) == 0 ? bytes : nil
}
