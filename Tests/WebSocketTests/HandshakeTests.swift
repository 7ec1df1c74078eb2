import Testing
import VoiceWebSocket

@Suite("Opening handshake")
struct HandshakeTests {
    // The key and the answer of RFC 6455 §1.3.
    static let nonce = Array("the sample nonce".utf8)
    static let accept = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="

    func request(subprotocols: [String] = [], headers: [HeaderField] = []) throws -> HandshakeRequest {
        try HandshakeRequest(
            host: "example.org:8080", target: "/a?b=c", headers: headers, subprotocols: subprotocols,
            nonce: Self.nonce)
    }

    /// The outcome of an answer in pieces, and how many bytes were not used.
    func read(
        _ answer: String, subprotocols: [String] = [], pieceBytes: Int = 1 << 20, ends: Bool = false
    ) throws -> (outcome: HandshakeOutcome?, unused: Int) {
        var handshake = ClientHandshake(request: try request(subprotocols: subprotocols))
        let bytes = Array(answer.utf8)
        for start in stride(from: 0, to: bytes.count, by: pieceBytes) {
            let end = min(bytes.count, start + pieceBytes)
            var used = 0
            let outcome = try bytes[start..<end].withUnsafeBytes { piece in
                try handshake.receive(piece, at: &used)
            }
            if let outcome { return (outcome, bytes.count - start - used) }
        }
        return (ends ? try handshake.endOfStream() : nil, 0)
    }

    static func upgrade(
        status: String = "HTTP/1.1 101 Switching Protocols", upgrade: String = "Upgrade: websocket",
        connection: String = "Connection: Upgrade", accept: String = "Sec-WebSocket-Accept: \(accept)",
        more: String = ""
    ) -> String {
        [status, upgrade, connection, accept, more].filter { !$0.isEmpty }.joined(separator: "\r\n") + "\r\n\r\n"
    }

    @Test("the request is RFC 6455's own example")
    func requestBytes() throws {
        let request = try request(subprotocols: ["chat", "superchat"], headers: [HeaderField("X-Quota-User", "u 1")])
        #expect(request.key == "dGhlIHNhbXBsZSBub25jZQ==")
        let text = String(decoding: request.bytes, as: UTF8.self)
        #expect(
            text == """
                GET /a?b=c HTTP/1.1\r
                Host: example.org:8080\r
                Upgrade: websocket\r
                Connection: Upgrade\r
                Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r
                Sec-WebSocket-Version: 13\r
                Sec-WebSocket-Protocol: chat, superchat\r
                X-Quota-User: u 1\r
                \r

                """)
        #expect(HandshakeRequest.accept(forKey: request.key) == Self.accept)
    }

    @Test(
        "what could smuggle a line into the request is refused",
        arguments: [
            ("X\r\nY", "v"), ("X", "v\r\nEvil: 1"), ("X", "v\nEvil: 1"), ("X", "v\0"), ("", "v"), ("X Y", "v"),
            ("X:", "v"),
        ])
    func headerInjection(name: String, value: String) {
        #expect(throws: HandshakeMisuse.invalidHeader(name: name)) {
            try request(headers: [HeaderField(name, value)])
        }
    }

    @Test(
        "headers of the handshake are not the caller's",
        arguments: [
            "Host", "connection", "UPGRADE", "Sec-WebSocket-Key", "sec-websocket-extensions", "Content-Length",
            "Transfer-Encoding",
        ])
    func reserved(name: String) {
        #expect(throws: HandshakeMisuse.reservedHeader(name: name)) { try request(headers: [HeaderField(name, "x")]) }
    }

    @Test("bad targets, hosts and subprotocols are refused")
    func badTargets() {
        for target in ["", "a", "/a b", "/a\r\nEvil: 1", "/a#b", "/é"] {
            #expect(throws: HandshakeMisuse.invalidTarget) {
                try HandshakeRequest(host: "h", target: target, headers: [], subprotocols: [], nonce: Self.nonce)
            }
        }
        #expect(throws: HandshakeMisuse.invalidTarget) {
            try HandshakeRequest(host: "h\r\n", target: "/", headers: [], subprotocols: [], nonce: Self.nonce)
        }
        #expect(throws: HandshakeMisuse.invalidSubprotocol("a b")) { try request(subprotocols: ["a b"]) }
        #expect(throws: HandshakeMisuse.invalidSubprotocol("a")) { try request(subprotocols: ["a", "a"]) }
    }

    @Test(
        "a good answer is taken wherever it is split, and what follows is the frames'", arguments: [1, 2, 7, 1 << 20])
    func accepted(pieceBytes: Int) throws {
        let frames = "\u{1}\u{0}\u{2}"
        let (outcome, unused) = try read(Self.upgrade() + frames, pieceBytes: pieceBytes)
        #expect(outcome == .accepted(subprotocol: nil))
        #expect(unused == 3)
    }

    @Test(
        "variations that RFC 6455 and 9112 allow are taken",
        arguments: [
            upgrade(upgrade: "UPGRADE: WebSocket"),
            upgrade(connection: "Connection: keep-alive, upgrade"),
            upgrade(connection: "Connection: keep-alive\r\nConnection: Upgrade"),
            upgrade(accept: "Sec-WebSocket-Accept:\(accept)  \t"),
            upgrade(status: "HTTP/1.1 101 "),
            upgrade(more: "Content-Length: 0"),
            upgrade(more: "Sec-WebSocket-Extensions:"),
            upgrade(more: "X-Bytes: \u{e9}\u{fc}"),
            "HTTP/1.1 100 Continue\r\n\r\n" + upgrade(),
            "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n" + upgrade(),
        ])
    func allowed(answer: String) throws {
        for pieceBytes in [1, 1 << 20] {
            #expect(try read(answer, pieceBytes: pieceBytes).outcome == .accepted(subprotocol: nil))
        }
    }

    @Test("the server chooses among the offered subprotocols")
    func subprotocol() throws {
        let answer = Self.upgrade(more: "Sec-WebSocket-Protocol: b")
        #expect(try read(answer, subprotocols: ["a", "b"]).outcome == .accepted(subprotocol: "b"))
        #expect(throws: HandshakeViolation.unexpectedSubprotocol) { try read(answer, subprotocols: ["a"]) }
        #expect(throws: HandshakeViolation.unexpectedSubprotocol) { try read(answer) }
        #expect(throws: HandshakeViolation.duplicateHeader("sec-websocket-protocol")) {
            try read(
                Self.upgrade(more: "Sec-WebSocket-Protocol: a\r\nSec-WebSocket-Protocol: b"), subprotocols: ["a", "b"])
        }
    }

    @Test(
        "each check of RFC 6455 §4.1 and RFC 9112 refuses",
        arguments: [
            (upgrade(upgrade: ""), .missingUpgrade),
            (upgrade(upgrade: "Upgrade: h2c"), .missingUpgrade),
            (upgrade(upgrade: "Upgrade: websocket, h2c"), .missingUpgrade),
            (upgrade(upgrade: "Upgrade: websocket\r\nUpgrade: websocket"), .duplicateHeader("upgrade")),
            (upgrade(connection: ""), .missingConnection),
            (upgrade(connection: "Connection: keep-alive"), .missingConnection),
            (upgrade(connection: "Connection: upgraded"), .missingConnection),
            (upgrade(accept: ""), .missingAccept),
            (upgrade(accept: "Sec-WebSocket-Accept: "), .wrongAccept),
            (upgrade(accept: "Sec-WebSocket-Accept: S3pPLMBiTxaQ9kYGzzhZRbK+xOo="), .wrongAccept),
            (
                upgrade(accept: "Sec-WebSocket-Accept: \(accept)\r\nSec-WebSocket-Accept: \(accept)"),
                .duplicateHeader("sec-websocket-accept")
            ),
            (upgrade(more: "Sec-WebSocket-Extensions: permessage-deflate"), .unexpectedExtension),
            (upgrade(more: "Content-Length: 5"), .bodyInUpgrade),
            (upgrade(more: "Transfer-Encoding: chunked"), .bodyInUpgrade),
            (upgrade(status: "HTTP/1.0 101 Switching Protocols"), .unsupportedVersion),
            (upgrade(status: "HTTP/2.0 101 Switching Protocols"), .unsupportedVersion),
            (upgrade(status: "HTTP/1.1 101"), .malformedStatusLine),
            (upgrade(status: "HTTP/1.1  101 OK"), .malformedStatusLine),
            (upgrade(status: "HTTP/1.1 1O1 OK"), .malformedStatusLine),
            (upgrade(status: "HTTP/1.1 099 OK"), .malformedStatusLine),
            (upgrade(status: "HTTP/1.1 1010 OK"), .malformedStatusLine),
            (upgrade(status: "ICY 200 OK"), .malformedStatusLine),
            ("\r\n" + upgrade(), .malformedStatusLine),
            ("SSH-2.0-OpenSSH_9.2\r\n", .malformedStatusLine),
            (upgrade(more: "X: a\r\n b"), .foldedHeader),
            (upgrade(more: "X: a\r\n\tb"), .foldedHeader),
            ("HTTP/1.1 101 OK\r\n Upgrade: websocket\r\n", .foldedHeader),
            (upgrade(more: "X : a"), .malformedHeader),
            (upgrade(more: ": a"), .malformedHeader),
            (upgrade(more: "X"), .malformedHeader),
            (upgrade(more: "X(: a"), .malformedHeader),
            (upgrade(more: "X: a\u{0}b"), .controlCharacter),
            (upgrade(more: "X: a\u{7F}"), .controlCharacter),
            (upgrade(more: "X: a\u{1B}[1m"), .controlCharacter),
            (upgrade(more: "X: a\nY: b"), .bareLineBreak),
            (upgrade(more: "X: a\rY: b"), .bareLineBreak),
            (upgrade().replacing("\r\n", with: "\n"), .bareLineBreak),
        ] as [(String, HandshakeViolation)])
    func refused(answer: String, violation: HandshakeViolation) {
        for pieceBytes in [1, 5, 1 << 20] {
            #expect(throws: violation) { try read(answer, pieceBytes: pieceBytes) }
        }
    }

    @Test("lines, fields, heads and interim answers are bounded")
    func bounds() {
        #expect(throws: HandshakeViolation.lineTooLong(limitBytes: 8192)) {
            try read("HTTP/1.1 101 " + String(repeating: "a", count: 9000))
        }
        #expect(throws: HandshakeViolation.tooManyHeaders(limit: 100)) {
            try read(Self.upgrade(more: String(repeating: "X: a\r\n", count: 101)))
        }
        #expect(throws: HandshakeViolation.headTooLong(limitBytes: 32768)) {
            try read(Self.upgrade(more: String(repeating: "X: \(String(repeating: "a", count: 8000))\r\n", count: 5)))
        }
        #expect(throws: HandshakeViolation.tooManyInterimResponses(limit: 8)) {
            try read(String(repeating: "HTTP/1.1 100 Continue\r\n\r\n", count: 9))
        }
    }

    @Test(
        "an answer that is cut off is told as such",
        arguments: ["", "HTTP/1.1 101 Switching", "HTTP/1.1 101 OK\r\nUpgrade: websocket\r\n"])
    func truncated(answer: String) {
        #expect(throws: HandshakeViolation.truncated) { try read(answer, ends: true) }
    }
}
