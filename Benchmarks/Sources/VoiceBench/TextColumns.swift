import Glibc

/// A number with so many decimals, right-aligned.
func column(_ value: Double, _ decimals: Int, _ width: Int) -> String {
    withVaList([Int32(width), Int32(decimals), value]) { arguments in
        var buffer = [CChar](repeating: 0, count: 64)
        let count = vsnprintf(&buffer, buffer.count, "%*.*f", arguments)
        return String(decoding: buffer.prefix(Int(max(0, count))).map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}

func left(_ text: String, _ width: Int) -> String {
    text + String(repeating: " ", count: max(0, width - text.count))
}

func right(_ text: String, _ width: Int) -> String {
    String(repeating: " ", count: max(0, width - text.count)) + text
}
