import Testing
import VoiceWebSocket

@Suite("Refused handshakes")
struct RefusalTests {
    func read(_ answer: String, ends: Bool = false) throws -> HandshakeOutcome? {
        try HandshakeTests().read(answer, pieceBytes: 3, ends: ends).outcome
    }

    func refusal(_ answer: String, ends: Bool = false) throws -> HandshakeRefusal {
        guard case .refused(let refusal) = try read(answer, ends: ends) else {
            throw HandshakeViolation.truncated
        }
        return refusal
    }

    @Test(
        "each status has its kind",
        arguments: [
            (401, .unauthorized), (402, .paymentRequired), (403, .forbidden), (429, .tooManyRequests),
            (500, .serverError),
            (503, .serverError), (599, .serverError), (200, .other), (204, .other), (303, .other), (404, .other),
            (426, .other),
        ] as [(Int, HandshakeRefusal.Kind)])
    func kinds(status: Int, kind: HandshakeRefusal.Kind) throws {
        let refusal = try refusal("HTTP/1.1 \(status) Because\r\nContent-Length: 0\r\n\r\n")
        #expect(refusal.status == status)
        #expect(refusal.kind == kind)
        #expect(refusal.reason == "Because")
        #expect(refusal.body.isEmpty)
    }

    @Test(
        "the body comes by length, in chunks, or to the stream's end",
        arguments: [
            ("Content-Length: 11\r\n\r\n{\"e\":\"bad\"}", false),
            ("Transfer-Encoding: chunked\r\n\r\n4\r\n{\"e\"\r\n7;x=y\r\n:\"bad\"}\r\n0\r\n\r\n", false),
            ("Transfer-Encoding: Chunked\r\n\r\nb\r\n{\"e\":\"bad\"}\r\n0\r\n", false),
            ("\r\n{\"e\":\"bad\"}", true),
        ])
    func bodies(rest: String, ends: Bool) throws {
        let refusal = try refusal(
            "HTTP/1.1 402 Payment Required\r\nContent-Type: application/json\r\n" + rest, ends: ends)
        #expect(String(decoding: refusal.body, as: UTF8.self) == "{\"e\":\"bad\"}")
        #expect(refusal.contentType == "application/json")
    }

    @Test("no more than 64 KiB of a body is kept, and no more is waited for")
    func longBody() throws {
        let refusal = try refusal(
            "HTTP/1.1 500 Oops\r\nContent-Length: 99999999\r\n\r\n" + String(repeating: "x", count: 70_000))
        #expect(refusal.body.count == 65_536)
    }

    @Test("HTTP/1.0 can refuse")
    func http10() throws {
        #expect(try refusal("HTTP/1.0 403 No\r\n\r\nbody", ends: true).body == Array("body".utf8))
    }

    @Test(
        "bodies that two readers could cut differently are refused",
        arguments: [
            ("Content-Length: 5\r\nContent-Length: 5\r\n\r\n", .duplicateHeader("content-length")),
            ("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", .duplicateHeader("content-length")),
            ("Content-Length: +5\r\n\r\n", .malformedBody),
            ("Content-Length: 5, 5\r\n\r\n", .malformedBody),
            ("Content-Length: 0x5\r\n\r\n", .malformedBody),
            ("Content-Length: \r\n\r\n", .malformedBody),
            ("Content-Length: 99999999999999999999\r\n\r\n", .malformedBody),
            ("Transfer-Encoding: gzip, chunked\r\n\r\n", .malformedBody),
            ("Transfer-Encoding: xchunked\r\n\r\n", .malformedBody),
            ("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", .malformedBody),
            ("Transfer-Encoding: chunked\r\n\r\nzz\r\n", .malformedBody),
            ("Transfer-Encoding: chunked\r\n\r\n\r\n", .malformedBody),
            ("Transfer-Encoding: chunked\r\n\r\n3\nabc", .malformedBody),
            ("Transfer-Encoding: chunked\r\n\r\n3\r\nabcX\r\n", .malformedBody),
            ("Transfer-Encoding: chunked\r\n\r\n123456789\r\n", .malformedBody),
        ] as [(String, HandshakeViolation)])
    func smuggling(rest: String, violation: HandshakeViolation) {
        #expect(throws: violation) { try read("HTTP/1.1 400 Bad\r\n" + rest) }
    }

    @Test("a body that is cut off does not hide the refusal")
    func truncatedBody() throws {
        let refusal = try refusal("HTTP/1.1 401 No\r\nContent-Length: 5\r\n\r\nabc", ends: true)
        #expect(refusal.kind == .unauthorized)
        #expect(refusal.body == Array("abc".utf8))
    }

    @Test(
        "Retry-After in seconds and as a date beside the server's own clock",
        arguments: [
            ("Retry-After: 120\r\n", 120),
            ("Date: Sun, 06 Nov 1994 08:49:37 GMT\r\nRetry-After: Sun, 06 Nov 1994 08:50:07 GMT\r\n", 30),
            ("Date: Sun, 06 Nov 1994 08:49:37 GMT\r\nRetry-After: Sun, 06 Nov 1994 08:49:07 GMT\r\n", 0),
            ("Date: Sat, 31 Dec 2022 23:59:50 GMT\r\nRetry-After: Sun, 01 Jan 2023 00:00:10 GMT\r\n", 20),
            ("Retry-After: Sun, 06 Nov 1994 08:49:37 GMT\r\n", nil),
            ("Retry-After: soon\r\n", nil),
            ("Retry-After: -5\r\n", nil),
            ("", nil),
        ] as [(String, Int?)])
    func retryAfter(headers: String, seconds: Int?) throws {
        let refusal = try refusal("HTTP/1.1 429 Slow down\r\n\(headers)Content-Length: 0\r\n\r\n")
        #expect(refusal.retryAfterSeconds == seconds)
    }

    @Test("redirects carry their location", arguments: [301, 302, 307, 308])
    func redirects(status: Int) throws {
        #expect(
            try read("HTTP/1.1 \(status) Moved\r\nLocation: wss://b.example/x\r\n\r\n")
                == .redirect(status: status, location: "wss://b.example/x"))
        #expect(try refusal("HTTP/1.1 \(status) Moved\r\nContent-Length: 0\r\n\r\n").kind == .other)
        #expect(throws: HandshakeViolation.duplicateHeader("location")) {
            try read("HTTP/1.1 \(status) Moved\r\nLocation: /a\r\nLocation: /b\r\n\r\n")
        }
    }
}

@Suite("Small encodings")
struct EncodingTests {
    @Test(
        "SHA-1 gives FIPS 180's and other known digests",
        arguments: [
            ("", "da39a3ee5e6b4b0d3255bfef95601890afd80709"),
            ("abc", "a9993e364706816aba3e25717850c26c9cd0d89d"),
            ("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", "84983e441c3bd26ebaae4aa1f95129e5e54670f1"),
        ])
    func sha1(text: String, digest: String) {
        let hex = SHA1.digest(Array(text.utf8)).map { byte in
            (byte < 16 ? "0" : "") + String(byte, radix: 16)
        }
        #expect(hex.joined() == digest)
    }

    @Test(
        "Base64 gives the vectors of RFC 4648 §10",
        arguments: [
            ("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("fooba", "Zm9vYmE="),
            ("foobar", "Zm9vYmFy"),
        ])
    func base64(text: String, code: String) {
        #expect(Base64.encode(Array(text.utf8)) == code)
    }

    @Test(
        "dates are seconds since 1970",
        arguments: [
            ("Thu, 01 Jan 1970 00:00:00 GMT", 0), ("Sun, 06 Nov 1994 08:49:37 GMT", 784_111_777),
            ("Thu, 29 Feb 2024 12:00:00 GMT", 1_709_208_000), ("Fri, 31 Dec 9999 23:59:59 GMT", 253_402_300_799),
            ("Sun, 06 Nov 1994 08:49:37 UTC", nil), ("Sunday, 06-Nov-94 08:49:37 GMT", nil),
            ("Sun, 06 Xxx 1994 08:49:37 GMT", nil), ("Sun, 06 Nov 1994 25:49:37 GMT", nil),
        ] as [(String, Int?)])
    func dates(text: String, seconds: Int?) {
        #expect(HTTPText.date(text) == seconds)
    }
}
