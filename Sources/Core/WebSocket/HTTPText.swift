/// The character classes of HTTP's grammar (RFC 9110 §5.6), on bytes.
package enum HTTPText {
    /// A `token`: names of header fields, of subprotocols, of list members.
    package static func isToken(_ text: String) -> Bool {
        !text.isEmpty && text.utf8.allSatisfy(isTokenByte)
    }

    static func isTokenByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"):
            true
        case UInt8(ascii: "!"), UInt8(ascii: "#"), UInt8(ascii: "$"), UInt8(ascii: "%"), UInt8(ascii: "&"),
            UInt8(ascii: "'"), UInt8(ascii: "*"), UInt8(ascii: "+"), UInt8(ascii: "-"), UInt8(ascii: "."),
            UInt8(ascii: "^"), UInt8(ascii: "_"), UInt8(ascii: "`"), UInt8(ascii: "|"), UInt8(ascii: "~"):
            true
        case _: false
        }
    }

    /// What a field's value or a reason phrase may hold: visible characters, space, tab, and bytes beyond ASCII.
    package static func isFieldValueByte(_ byte: UInt8) -> Bool {
        byte == 0x09 || (byte >= 0x20 && byte != 0x7F)
    }

    static func lowercased(_ text: some Sequence<UInt8>) -> String {
        String(decoding: text.map { (0x41...0x5A).contains($0) ? $0 | 0x20 : $0 }, as: UTF8.self)
    }

    /// Without the spaces and tabs at both ends (OWS).
    static func trimmed(_ bytes: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        var bytes = bytes
        while let first = bytes.first, first == 0x20 || first == 0x09 { bytes.removeFirst() }
        while let last = bytes.last, last == 0x20 || last == 0x09 { bytes.removeLast() }
        return bytes
    }

    /// The members of a comma-separated list, trimmed and in lower case, empty ones left out (RFC 9110 §5.6.1).
    static func listMembers(_ value: String) -> [String] {
        Array(value.utf8).split(separator: UInt8(ascii: ",")).map { lowercased(trimmed($0)) }.filter { !$0.isEmpty }
    }

    /// A decimal number of 1 to 15 digits and nothing else.
    static func decimal(_ text: some Sequence<UInt8>) -> Int? {
        var number = 0
        var digits = 0
        for byte in text {
            guard (0x30...0x39).contains(byte), digits < 15 else { return nil }
            number = number * 10 + Int(byte - 0x30)
            digits += 1
        }
        return digits == 0 ? nil : number
    }

    /// Seconds since 1970 of an IMF-fixdate, `Sun, 06 Nov 1994 08:49:37 GMT` (RFC 9110 §5.6.7).
    static func date(_ text: String) -> Int? {
        let bytes = Array(text.utf8)
        guard bytes.count == 29, text.hasSuffix(" GMT"), bytes[3] == UInt8(ascii: ",") else { return nil }
        guard bytes[4] == 0x20, bytes[7] == 0x20, bytes[11] == 0x20, bytes[16] == 0x20 else { return nil }
        guard bytes[19] == UInt8(ascii: ":"), bytes[22] == UInt8(ascii: ":") else { return nil }
        let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
        guard let day = decimal(bytes[5..<7]), let year = decimal(bytes[12..<16]),
            let month = months.firstIndex(of: String(decoding: bytes[8..<11], as: UTF8.self)),
            let hour = decimal(bytes[17..<19]), let minute = decimal(bytes[20..<22]),
            let second = decimal(bytes[23..<25])
        else { return nil }
        guard (1...31).contains(day), hour < 24, minute < 60, second < 61, year >= 1970 else { return nil }
        // Days since 1970 of a proleptic Gregorian date, counted in years that begin in March.
        let marchMonth = (month + 10) % 12
        let marchYear = year - (month < 2 ? 1 : 0)
        let yearDays = marchYear * 365 + marchYear / 4 - marchYear / 100 + marchYear / 400
        let days = yearDays + (marchMonth * 153 + 2) / 5 + day - 1 - 719_468
        return ((days * 24 + hour) * 60 + minute) * 60 + second
    }
}
