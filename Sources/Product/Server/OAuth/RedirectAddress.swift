/// Where a browser may be sent with an answer: an absolute address without a fragment, `https`, or `http` on this
/// machine.
///
/// Parsed by hand and strictly. What two parsers could read differently (a backslash, a user name, an escape in the
/// host) is refused at registration, and what was registered is later compared as text (OAuth 2.1 §2.3.1).
package struct RedirectAddress: Sendable, Hashable {
    static let bytesMax = 2_048

    let text: String
    let scheme: String
    let host: String
    /// `nil` where the address names none.
    let port: Int?
    /// From the path on.
    let rest: String

    /// - Returns: `nil` for whatever may not be registered.
    package init?(_ text: String) {
        guard text.utf8.count <= Self.bytesMax,
            text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F && !Self.forbidden.contains($0) })
        else { return nil }
        let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2, parts[0] == "https" || parts[0] == "http", parts[1].hasPrefix("//") else { return nil }
        let body = parts[1].dropFirst(2)
        let authority = body.prefix { $0 != "/" && $0 != "?" }
        guard !authority.contains("@"), !authority.contains("%") else { return nil }
        let end = authority.hasPrefix("[") ? authority.firstIndex(of: "]").map(authority.index(after:)) : nil
        let host = end.map { authority[..<$0] } ?? authority.prefix { $0 != ":" }
        let tail = authority[host.endIndex...]
        guard !host.isEmpty, host.utf8.allSatisfy(Self.isHostByte), tail.isEmpty || tail.hasPrefix(":") else {
            return nil
        }
        if tail.isEmpty {
            port = nil
        } else {
            let digits = tail.dropFirst()
            guard digits.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }),
                let number = Int(digits), (1...65_535).contains(number)
            else { return nil }
            port = number
        }
        self.text = text
        scheme = String(parts[0])
        self.host = String(host)
        rest = String(body[authority.endIndex...])
        guard scheme == "https" || isOnThisMachine else { return nil }
    }

    /// `http` is for these two names alone.
    private var isOnThisMachine: Bool { host == "localhost" || host == "127.0.0.1" }

    /// For a policy that names where a form may lead to (CSP `form-action`).
    var origin: String { scheme + "://" + host + (port.map { ":\($0)" } ?? "") }

    /// Whether `asked` is this registered address.
    ///
    /// - Parameter isProgram: the app is a program that people install (a public client). One that registered
    ///   `http://127.0.0.1/…` without a port takes a free one for each sign-in (RFC 8252 §7.3); all else must still be
    ///   the same.
    package func matches(_ asked: String, isProgram: Bool) -> Bool {
        if asked == text { return true }
        guard isProgram, scheme == "http", host == "127.0.0.1", port == nil, let other = RedirectAddress(asked) else {
            return false
        }
        return other.scheme == scheme && other.host == host && other.rest == rest
    }

    /// This address with the fields of an answer.
    func adding(_ fields: FormFields) -> String {
        text + (rest.contains("?") ? "&" : "?") + fields.query
    }

    /// A fragment, a wildcard, what browsers read as a slash, and what no address holds unescaped (RFC 3986 §2).
    private static let forbidden = Set("#*\\\"<>^`{|}".utf8)

    private static func isHostByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: ":"),
            UInt8(ascii: "["), UInt8(ascii: "]"):
            true
        default: false
        }
    }
}

/// A path of this server to go on with after signing in. Never another server: a redirect must not be steerable.
package struct LocalPath: Sendable, Hashable {
    let text: String

    static let home = LocalPath(known: "/")

    init(known text: String) { self.text = text }

    /// - Returns: `nil` for whatever a browser could take to another host: `//host`, `/\host`, a scheme, a control
    ///   character.
    package init?(_ text: String) {
        let bytes = Array(text.utf8)
        guard bytes.count <= 8_192, bytes.first == UInt8(ascii: "/"), bytes.dropFirst().first != UInt8(ascii: "/"),
            bytes.allSatisfy({ $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "\\") })
        else { return nil }
        self.text = text
    }
}
