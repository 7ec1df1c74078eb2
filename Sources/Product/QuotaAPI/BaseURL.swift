import Foundation

/// A server's address, checked once: absolute, `https` (or `http` on this machine), no query, no password.
package struct BaseURL: Sendable, Hashable, CustomStringConvertible {
    /// Without a slash at its end.
    package let text: String
    /// `host:port`, for messages.
    package let name: String
    package let host: String
    package let port: Int
    package let isTLS: Bool

    package init(_ text: String, allowsInsecure: Bool = false) throws(QuotaConfigurationError) {
        var trimmed = text
        while trimmed.hasSuffix("/") { trimmed.removeLast() }
        guard let parts = URLComponents(string: trimmed), let scheme = parts.scheme?.lowercased(),
            let host = parts.host, !host.isEmpty, parts.user == nil, parts.password == nil, parts.query == nil,
            parts.fragment == nil, (1...65_535).contains(parts.port ?? 443)
        else { throw .baseURL(text) }
        guard scheme == "https" || (scheme == "http" && (allowsInsecure || Self.isLoopback(host))) else {
            throw .baseURL(text)
        }
        self.text = trimmed
        self.host = host.trimmingCharacters(in: CharacterSet(charactersIn: "[]"))
        isTLS = scheme == "https"
        port = parts.port ?? (isTLS ? 443 : 80)
        name = host + (parts.port.map { ":\($0)" } ?? "")
    }

    package static func isLoopback(_ host: String) -> Bool {
        let host = host.trimmingCharacters(in: CharacterSet(charactersIn: "[]")).lowercased()
        if host == "localhost" || host == "::1" { return true }
        let parts = host.split(separator: ".", omittingEmptySubsequences: false)
        return parts.count == 4 && parts[0] == "127" && parts.allSatisfy { UInt8($0) != nil }
    }

    package var description: String { text }
}

/// Percent-encoding of one path segment, and of forms (WHATWG URL §5.2).
enum URLText {
    private static let unreserved = Set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~".utf8)

    static func encode(_ text: String) -> String {
        var result = ""
        for byte in text.utf8 {
            if unreserved.contains(byte) {
                result.unicodeScalars.append(Unicode.Scalar(byte))
            } else {
                result += "%" + (byte < 16 ? "0" : "") + String(byte, radix: 16, uppercase: true)
            }
        }
        // "." and ".." would walk up the path.
        return result.allSatisfy { $0 == "." } ? result.replacing(".", with: "%2E") : result
    }

    static func form(_ fields: [(String, String?)]) -> String {
        fields.compactMap { name, value in value.map { encode(name) + "=" + encode($0) } }.joined(separator: "&")
    }

    /// The fields of a query or form. `nil` for broken percent-encoding; a name that comes twice keeps both.
    static func fields(_ text: some StringProtocol) -> [(name: String, value: String)]? {
        var result: [(String, String)] = []
        for part in text.split(separator: "&") {
            let pair = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            let decoded = pair.map { String($0).replacing("+", with: " ").removingPercentEncoding }
            guard let name = decoded[0] else { return nil }
            guard pair.count == 2 else {
                result.append((name, ""))
                continue
            }
            guard let value = decoded[1] else { return nil }
            result.append((name, value))
        }
        return result
    }
}

/// RFC 4648 §5 without padding, as JOSE and PKCE have it.
enum Base64URL {
    static func encode(_ bytes: some Sequence<UInt8>) -> String {
        Data(bytes).base64EncodedString().replacing("+", with: "-").replacing("/", with: "_").replacing("=", with: "")
    }

    static func decode(_ text: some StringProtocol) -> Data? {
        guard text.utf8.allSatisfy({ isDigit($0) }), text.utf8.count % 4 != 1 else { return nil }
        let standard = String(text).replacing("-", with: "+").replacing("_", with: "/")
        return Data(base64Encoded: standard + String(repeating: "=", count: (4 - text.utf8.count % 4) % 4))
    }

    private static func isDigit(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"):
            true
        default: false
        }
    }
}
