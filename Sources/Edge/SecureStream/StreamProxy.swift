import Glibc

/// Whether a stream goes through a proxy. Unix sockets never do.
public enum StreamProxySetting: Sendable, Hashable {
    case none
    /// `HTTPS_PROXY` for TLS, then `ALL_PROXY` for everything, lower case first; hosts in `NO_PROXY` go direct, and so
    /// does what is for this machine without TLS.
    case environment
    case explicit(StreamProxy)
}

/// An HTTP proxy that tunnels by CONNECT (RFC 9110 §9.3.6), perhaps with Basic credentials (RFC 7617).
///
/// Its descriptions name host and port alone; the credentials don't leave it but for the request.
public struct StreamProxy: Sendable, Hashable, CustomStringConvertible, CustomDebugStringConvertible,
    CustomReflectable
{
    public let host: String
    public let port: Int
    /// The value of Proxy-Authorization, nil for none.
    package let authorization: String?

    /// A proxy at `host` and `port`; `user` nil for no credentials. nil for what can't be an address or a user.
    public init?(host: String, port: Int, user: String? = nil, password: String = "") {
        guard isValidHost(host), (1...65535).contains(port) else { return nil }
        self.host = host
        self.port = port
        guard let user else {
            authorization = nil
            return
        }
        // RFC 7617 §2: the first colon ends the user; control characters are not allowed.
        let isSafe = (user + password).utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7F }
        guard !user.contains(":"), isSafe else { return nil }
        authorization = "Basic " + encodeBase64(Array("\(user):\(password)".utf8))
    }

    /// A proxy from `[http://][user[:password]@]host[:port]`, user and password percent-encoded; the port is 80 when
    /// it isn't given. nil for other forms and schemes: see `unsupportedScheme`.
    public init?(url: String) {
        var rest = url[...]
        if let scheme = Self.scheme(of: url) {
            guard scheme == "http" else { return nil }
            rest = rest.dropFirst(scheme.count + 3)
        }
        if let slash = rest.firstIndex(where: { $0 == "/" || $0 == "?" || $0 == "#" }) {
            rest = rest[..<slash]
        }
        var user: String?
        var password = ""
        if let at = rest.lastIndex(of: "@") {
            let parts = rest[..<at].split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
            guard let name = Self.decodePercent(parts[0]) else { return nil }
            user = name
            if parts.count == 2 {
                guard let secret = Self.decodePercent(parts[1]) else { return nil }
                password = secret
            }
            rest = rest[rest.index(after: at)...]
        }
        guard let (host, port) = splitHostAndPort(rest) else { return nil }
        self.init(host: host, port: port ?? 80, user: user, password: password)
    }

    /// The scheme of a proxy setting in lower case, nil when it has none.
    static func scheme(of url: String) -> String? {
        var name = ""
        for (index, character) in url.enumerated() {
            if character == ":" {
                return url.dropFirst(index).hasPrefix("://") && !name.isEmpty ? name.lowercased() : nil
            }
            guard character.isASCII, character.isLetter || character.isNumber || character == "+" else { return nil }
            name.append(character)
        }
        return nil
    }

    private static func decodePercent(_ text: Substring) -> String? {
        var bytes: [UInt8] = []
        var input = Array(text.utf8)[...]
        while let byte = input.popFirst() {
            guard byte == UInt8(ascii: "%") else {
                bytes.append(byte)
                continue
            }
            guard input.count >= 2, let value = UInt8(String(decoding: input.prefix(2), as: UTF8.self), radix: 16)
            else { return nil }
            bytes.append(value)
            input = input.dropFirst(2)
        }
        return String(validating: bytes, as: UTF8.self)
    }

    public var description: String { hostAndPort(host, port) }
    public var debugDescription: String { description }
    public var customMirror: Mirror { Mirror(self, children: ["host": host, "port": port]) }
}

/// Splits `host`, `host:port`, `[v6]` or `[v6]:port`; a bare IPv6 address is a host. nil for a bad form or port.
func splitHostAndPort(_ text: Substring) -> (host: String, port: Int?)? {
    var host = text
    var portText: Substring?
    if text.first == "[" {
        guard let end = text.firstIndex(of: "]") else { return nil }
        host = text[text.index(after: text.startIndex)..<end]
        let rest = text[text.index(after: end)...]
        guard rest.isEmpty || rest.first == ":" else { return nil }
        portText = rest.isEmpty ? nil : rest.dropFirst()
    } else if let colon = text.firstIndex(of: ":"), text.lastIndex(of: ":") == colon {
        host = text[..<colon]
        portText = text[text.index(after: colon)...]
    }
    guard let portText else { return (String(host), nil) }
    guard let port = Int(portText), portText.utf8.count <= 5, (1...65535).contains(port) else { return nil }
    return (String(host), port)
}
