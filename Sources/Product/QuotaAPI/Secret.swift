/// A string that must never be seen: what prints, dumps or interpolates it gets dots.
struct Secret: Hashable, Sendable, CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// The characters, for the one place that sends them.
    let exposed: String

    init(_ text: String) {
        exposed = text
    }

    var description: String { "•••" }
    var debugDescription: String { "•••" }
    var customMirror: Mirror { Mirror(self, children: []) }

    /// Whether an HTTP header can carry it: visible ASCII, no space (RFC 6750 §2.1).
    var isSendable: Bool {
        !exposed.isEmpty && exposed.utf8.count <= 16_384 && exposed.utf8.allSatisfy { (0x21...0x7E).contains($0) }
    }
}

/// Makes text of others fit to be shown: no secrets, no control characters, no more than a screenful.
enum Redaction {
    private static let lengthMax = 600
    private static let prefixes = [
        "sk-quota-", "quota_token_", "quota_refresh_", "quota_secret_", "whsec_", "sess_",
    ]

    /// - Parameter secrets: what this request sent; removed wherever a server echoes it.
    static func clean(_ text: String, hiding secrets: [Secret] = []) -> String {
        var text = String(text.prefix(4 * lengthMax))
        for secret in secrets where secret.exposed.utf8.count >= 4 {
            text = text.replacing(secret.exposed, with: "•••")
        }
        for prefix in prefixes {
            text = hidingWords(startingWith: prefix, in: text)
        }
        // Control characters could repaint the terminal or forge a log line.
        let visible = text.unicodeScalars.map { scalar in
            switch scalar.properties.generalCategory {
            case .control, .format, .lineSeparator, .paragraphSeparator, .privateUse, .surrogate: Character(" ")
            default: Character(scalar)
            }
        }
        return visible.count > lengthMax ? String(visible.prefix(lengthMax)) + "…" : String(visible)
    }

    private static func hidingWords(startingWith prefix: String, in text: String) -> String {
        var rest = text[...]
        var result = ""
        while let found = rest.firstRange(of: prefix) {
            result += rest[..<found.lowerBound] + prefix + "•••"
            rest = rest[found.upperBound...].drop { $0.isLetter || $0.isNumber || "-_.~+/=".contains($0) }
        }
        return result + rest
    }
}
