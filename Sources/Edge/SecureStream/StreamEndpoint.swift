import Glibc

/// Where a stream leads: a host and port, with or without TLS, or a Unix socket.
public struct StreamEndpoint: Sendable, Hashable, CustomStringConvertible {
    enum Place: Sendable, Hashable {
        case network(host: String, port: Int, isTLS: Bool)
        case unix(path: String)
    }

    let place: Place

    /// A TCP endpoint. `host` is a name (ASCII, "xn--" for the rest) or an address; IPv6 with or without brackets.
    public init(host: String, port: Int, isTLS: Bool) {
        var bare = host[...]
        if bare.first == "[", bare.last == "]" {
            bare = bare.dropFirst().dropLast()
        }
        place = .network(host: String(bare), port: port, isTLS: isTLS)
    }

    /// A Unix stream socket, without TLS: whoever may open the path may talk.
    public init(unixPath: String) {
        place = .unix(path: unixPath)
    }

    /// `host:port`, with brackets around an IPv6 address, or `unix:path`. Control characters are replaced.
    public var description: String {
        switch place {
        case .network(let host, let port, _):
            hostAndPort(host, port)
        case .unix(let path):
            "unix:" + printable(path)
        }
    }
}

/// `host:port` for people and for a CONNECT line.
func hostAndPort(_ host: String, _ port: Int) -> String {
    let name = printable(host)
    return name.contains(":") ? "[\(name)]:\(port)" : "\(name):\(port)"
}

/// The text without what could forge a terminal's or a log's line.
func printable(_ text: String) -> String {
    String(String.UnicodeScalarView(text.unicodeScalars.map { $0.value < 0x20 || $0.value == 0x7F ? "?" : $0 }))
}

/// Whether the text can be a host name or address: what passes can't end a C string early or break an HTTP line.
func isValidHost(_ host: String) -> Bool {
    guard !host.isEmpty, host.utf8.count <= 253 else { return false }
    return host.utf8.allSatisfy { byte in
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "-"), UInt8(ascii: "_"),
            UInt8(ascii: ":"), UInt8(ascii: "%"):
            true
        default:
            false
        }
    }
}

/// The bytes of a literal IPv4 or IPv6 address (4 or 16, a zone such as `%eth0` ignored), nil for a name.
func addressBytes(_ host: String) -> [UInt8]? {
    let bare = String(host.prefix { $0 != "%" })
    var four = in_addr()
    if inet_pton(AF_INET, bare, &four) == 1 {
        return withUnsafeBytes(of: &four) { Array($0) }
    }
    var sixteen = in6_addr()
    if inet_pton(AF_INET6, bare, &sixteen) == 1 {
        return withUnsafeBytes(of: &sixteen) { Array($0) }
    }
    return nil
}

/// Whether the name is loopback without asking a name server (RFC 6761 §6.3).
func isLoopbackName(_ host: String) -> Bool {
    var name = host.lowercased()[...]
    if name.last == "." { name.removeLast() }
    return name == "localhost" || name.hasSuffix(".localhost")
}
