/// Text that is HTML already. Whatever is put into it by interpolation is escaped, unless it is HTML itself: markup can
/// only come from a literal in the source.
package struct HTML: Sendable, Equatable, ExpressibleByStringInterpolation {
    package let text: String

    package init(stringLiteral value: String) { text = value }

    package init(stringInterpolation: Interpolation) { text = stringInterpolation.text }

    private init(joining parts: [HTML]) { text = parts.map(\.text).joined(separator: "\n") }

    package struct Interpolation: StringInterpolationProtocol {
        fileprivate var text: String

        package init(literalCapacity: Int, interpolationCount: Int) {
            text = ""
            text.reserveCapacity(literalCapacity + interpolationCount * 16)
        }

        package mutating func appendLiteral(_ literal: String) { text += literal }

        package mutating func appendInterpolation(_ value: String) { text += HTML.escape(value) }

        /// For values that nobody sees and that must come back as they are.
        package mutating func appendInterpolation(exact value: String) { text += HTML.escape(value, isShown: false) }

        package mutating func appendInterpolation(_ value: Int) { text += "\(value)" }

        package mutating func appendInterpolation(_ value: HTML) { text += value.text }

        package mutating func appendInterpolation(_ values: [HTML]) { text += HTML(joining: values).text }

        /// Nothing where there is nothing.
        package mutating func appendInterpolation(_ value: HTML?) { text += value?.text ?? "" }
    }

    /// For element content and for quoted attributes (WHATWG HTML §13.3).
    private static func escape(_ value: String, isShown: Bool = true) -> String {
        var result = ""
        result.reserveCapacity(value.utf8.count)
        for scalar in value.unicodeScalars {
            switch scalar {
            case "&": result += "&amp;"
            case "<": result += "&lt;"
            case ">": result += "&gt;"
            case "\"": result += "&quot;"
            case "'": result += "&#39;"
            case _ where !isShown: result.unicodeScalars.append(scalar)
            // Controls are no HTML, and marks that turn the direction of writing would let a name spoil the sentence
            // around it (Unicode TR36 §2.9).
            case "\n": result += "\n"
            case "\u{0}"..."\u{1F}", "\u{7F}"..."\u{9F}", "\u{202A}"..."\u{202E}", "\u{2066}"..."\u{2069}",
                "\u{200E}", "\u{200F}":
                result += " "
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }
}
