/// One header field as the application gives it.
public struct HeaderField: Equatable, Hashable, Sendable {
    public var name: String
    public var value: String

    public init(_ name: String, _ value: String) {
        self.name = name
        self.value = value
    }
}

/// What keeps a request from being written.
public enum HandshakeMisuse: Error, Hashable, Sendable {
    /// The request target or host holds a character that HTTP forbids there.
    case invalidTarget
    /// A header name that is no token, or a value with a control character.
    case invalidHeader(name: String)
    /// A header that the handshake itself sets.
    case reservedHeader(name: String)
    /// A subprotocol that is no token, or is offered twice (RFC 6455 §4.1, item 10).
    case invalidSubprotocol(String)
}

/// The client's half of the opening handshake (RFC 6455 §4.1).
public struct HandshakeRequest: Equatable, Sendable {
    /// The value of `Sec-WebSocket-Key`.
    public let key: String
    public let subprotocols: [String]
    /// The request as it goes on the wire.
    public let bytes: [UInt8]

    private static let reserved: Set<String> = [
        "host", "connection", "upgrade", "content-length", "transfer-encoding", "te", "trailer", "expect",
    ]

    /// Builds the request.
    ///
    /// `host` is the authority with its port unless that is the scheme's own, `target` the path and query. `nonce` is
    /// 16 random bytes (item 7). `permessage-deflate` and other extensions are not offered.
    public init(
        host: String, target: String, headers: [HeaderField], subprotocols: [String], nonce: [UInt8]
    ) throws(HandshakeMisuse) {
        precondition(nonce.count == 16, "RFC 6455 §4.1: the nonce has 16 bytes")
        let isVisible = { @Sendable (byte: UInt8) in byte > 0x20 && byte < 0x7F }
        guard target.utf8.first == UInt8(ascii: "/"), target.utf8.allSatisfy(isVisible), !target.contains("#"),
            !host.isEmpty, host.utf8.allSatisfy(isVisible)
        else { throw .invalidTarget }
        var seen: Set<String> = []
        for name in subprotocols {
            guard HTTPText.isToken(name), seen.insert(name).inserted else { throw .invalidSubprotocol(name) }
        }
        for field in headers {
            guard HTTPText.isToken(field.name), field.value.utf8.allSatisfy(HTTPText.isFieldValueByte) else {
                throw .invalidHeader(name: field.name)
            }
            let name = HTTPText.lowercased(field.name.utf8)
            guard !Self.reserved.contains(name), !name.hasPrefix("sec-websocket-") else {
                throw .reservedHeader(name: field.name)
            }
        }
        key = Base64.encode(nonce)
        self.subprotocols = subprotocols
        var text = "GET \(target) HTTP/1.1\r\nHost: \(host)\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        text += "Sec-WebSocket-Key: \(key)\r\nSec-WebSocket-Version: 13\r\n"
        if !subprotocols.isEmpty {
            text += "Sec-WebSocket-Protocol: \(subprotocols.joined(separator: ", "))\r\n"
        }
        for field in headers {
            text += "\(field.name): \(field.value)\r\n"
        }
        bytes = Array((text + "\r\n").utf8)
    }

    /// What the server has to answer in `Sec-WebSocket-Accept` (§4.2.2, item 5.4).
    var expectedAccept: String { Self.accept(forKey: key) }

    /// What a server answers to a key: for servers of tests and benchmarks.
    public static func accept(forKey key: String) -> String {
        Base64.encode(SHA1.digest(Array("\(key)258EAFA5-E914-47DA-95CA-C5AB0DC85B11".utf8)))
    }
}
