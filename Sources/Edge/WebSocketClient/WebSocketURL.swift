/// Where a WebSocket is: `ws://` or `wss://`, a host, a port, a path and a query (RFC 6455 §3).
///
/// No user or password (they would end up in logs) and no fragment (§3 forbids it).
public struct WebSocketURL: Sendable, Hashable, CustomStringConvertible {
    /// Whether the connection is encrypted.
    public let isSecure: Bool
    /// A name, an IPv4 address, or an IPv6 address without brackets; in lower case.
    public let host: String
    public let port: Int
    /// The path and query as they go into the request line; begins with `/`.
    public let target: String

    /// Parses an absolute URL; throws `invalidURL` with what is wrong.
    public init(_ string: String) throws(WebSocketError) {
        guard string.utf8.count <= 8000 else { throw .invalidURL("it is longer than 8000 bytes") }
        guard let scheme = Self.scheme(string), scheme == "ws" || scheme == "wss" else {
            throw .invalidURL("it does not begin with ws:// or wss://")
        }
        try self.init(isSecure: scheme == "wss", afterScheme: string.utf8.dropFirst(scheme.utf8.count + 3))
    }

    init(isSecure: Bool, afterScheme rest: Substring.UTF8View.SubSequence) throws(WebSocketError) {
        let authorityEnd = rest.firstIndex { [UInt8(ascii: "/"), UInt8(ascii: "?"), UInt8(ascii: "#")].contains($0) }
        let authority = Substring(rest[..<(authorityEnd ?? rest.endIndex)])
        let tail = Substring(rest[(authorityEnd ?? rest.endIndex)...])
        (host, port) = try Self.hostAndPort(authority, defaultPort: isSecure ? 443 : 80)
        self.isSecure = isSecure
        target = try Self.target(tail)
    }

    init(isSecure: Bool, host: String, port: Int, target: String) {
        self.isSecure = isSecure
        self.host = host
        self.port = port
        self.target = target
    }

    /// The authority of the `Host` header: the port only when it is not the scheme's own (RFC 6455 §4.1, item 4).
    public var authority: String {
        let name = host.contains(":") ? "[\(host)]" : host
        return port == (isSecure ? 443 : 80) ? name : "\(name):\(port)"
    }

    public var description: String { "\(isSecure ? "wss" : "ws")://\(authority)\(target)" }

    /// Whether the host can only be this machine (RFC 6761 §6.3 for `localhost`).
    public var isLoopback: Bool {
        if host == "localhost" || host.hasSuffix(".localhost") || host == "::1" { return true }
        let parts = host.split(separator: ".", omittingEmptySubsequences: false)
        return parts.count == 4 && parts[0] == "127"
            && parts.allSatisfy { part in UInt8(part).map { String($0) == part } ?? false }
    }

    /// The URL that a `Location` names, seen from here (RFC 3986 §5.2); http and https count as ws and wss.
    func resolving(location: String) throws(WebSocketError) -> WebSocketURL {
        let bare = location.prefix { $0 != "#" }
        if let scheme = Self.scheme(String(bare)) {
            let isSecure: Bool
            switch scheme {
            case "ws", "http": isSecure = false
            case "wss", "https": isSecure = true
            case _: throw .invalidURL("the redirect leads to another scheme")
            }
            return try WebSocketURL(isSecure: isSecure, afterScheme: bare.utf8.dropFirst(scheme.utf8.count + 3))
        }
        if bare.hasPrefix("//") {
            return try WebSocketURL(isSecure: isSecure, afterScheme: bare.utf8.dropFirst(2))
        }
        let path = target.prefix { $0 != "?" }
        var merged = String(bare)
        if bare.isEmpty {
            merged = target
        } else if bare.hasPrefix("?") {
            merged = String(path + bare)
        } else if !bare.hasPrefix("/") {
            merged = String(path[...(path.lastIndex(of: "/") ?? path.startIndex)] + bare)
        }
        return WebSocketURL(
            isSecure: isSecure, host: host, port: port, target: try Self.target(Self.withoutDotSegments(merged)[...]))
    }

    /// The part before `://` in lower case, if there is one and it is made of letters.
    private static func scheme(_ string: String) -> String? {
        guard let colon = string.utf8.firstIndex(of: UInt8(ascii: ":")), string[colon...].hasPrefix("://") else {
            return nil
        }
        let scheme = string[..<colon].lowercased()
        return !scheme.isEmpty && scheme.utf8.allSatisfy { (0x61...0x7A).contains($0) } ? scheme : nil
    }

    private static func hostAndPort(
        _ authority: Substring, defaultPort: Int
    ) throws(WebSocketError) -> (String, Int) {
        guard !authority.contains("@") else { throw .invalidURL("it holds a user or password") }
        var host = Substring(authority)
        var portText: Substring?
        if authority.first == "[" {
            guard let end = authority.firstIndex(of: "]") else { throw .invalidURL("its [ has no ]") }
            host = authority[authority.index(after: authority.startIndex)..<end]
            let rest = authority[authority.index(after: end)...]
            guard rest.isEmpty || rest.first == ":" else { throw .invalidURL("there is more behind the ]") }
            guard host.contains(":"), host.utf8.allSatisfy(isIPv6Byte) else {
                throw .invalidURL("what stands in [ ] is no IPv6 address")
            }
            portText = rest.isEmpty ? nil : rest.dropFirst()
        } else if let colon = authority.firstIndex(of: ":") {
            host = authority[..<colon]
            portText = authority[authority.index(after: colon)...]
        }
        guard !host.isEmpty, host.utf8.count <= 253 else { throw .invalidURL("it has no host") }
        guard authority.first == "[" || host.utf8.allSatisfy(isNameByte) else {
            throw .invalidURL("its host is not ASCII letters, digits, dots and hyphens (write IDNs as xn--)")
        }
        guard let portText, !portText.isEmpty else { return (host.lowercased(), defaultPort) }
        guard portText.utf8.count <= 5, portText.utf8.allSatisfy({ (0x30...0x39).contains($0) }),
            let port = Int(portText), (1...65535).contains(port)
        else { throw .invalidURL("its port is not 1 to 65535") }
        return (host.lowercased(), port)
    }

    private static func isNameByte(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x61...0x7A, 0x41...0x5A, 0x30...0x39, UInt8(ascii: "."), UInt8(ascii: "-"), UInt8(ascii: "_"): true
        case _: false
        }
    }

    private static func isIPv6Byte(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x61...0x66, 0x41...0x46, 0x30...0x39, UInt8(ascii: "."), UInt8(ascii: ":"): true
        case _: false
        }
    }

    /// A path and query for the request line: characters beyond ASCII are percent-encoded, spaces and controls refused.
    private static func target(_ tail: Substring) throws(WebSocketError) -> String {
        guard !tail.contains("#") else { throw .invalidURL("it has a fragment") }
        var text = tail.first == "/" ? "" : "/"
        let digits = Array("0123456789ABCDEF")
        for byte in tail.utf8 {
            guard byte > 0x20 && byte != 0x7F else { throw .invalidURL("it holds a space or control character") }
            if byte < 0x80 {
                text.unicodeScalars.append(UnicodeScalar(byte))
            } else {
                text += "%\(digits[Int(byte >> 4)])\(digits[Int(byte & 15)])"
            }
        }
        return text
    }

    /// RFC 3986 §5.2.4 on the path in front of a query.
    private static func withoutDotSegments(_ target: String) -> String {
        let path = target.prefix { $0 != "?" }
        let segments = path.split(separator: "/", omittingEmptySubsequences: false)
        var kept: [Substring] = []
        for (index, segment) in segments.enumerated() {
            let isLast = index == segments.count - 1
            switch segment {
            case ".":
                if isLast { kept.append("") }
            case "..":
                if kept.count > 1 { kept.removeLast() }
                if isLast { kept.append("") }
            case _:
                kept.append(segment)
            }
        }
        return kept.joined(separator: "/") + target[path.endIndex...]
    }
}
