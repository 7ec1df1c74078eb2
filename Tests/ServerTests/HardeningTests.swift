import Foundation
import ProcessSupport
import Testing
import VoiceServer

/// Requests that no honest client sends: each is answered, and the server goes on.
@Suite(.boundedCrowd) struct HardeningTests {
    private static let relay = Task { try await ServedRelay(keys: ["sk-h": 1_000_000]) }
    private var quota: ServedQuota { get async throws { ServedQuota(try await Self.relay.value) } }

    @Test(arguments: [
        ("PUT", "/v1/balance", "GET, HEAD"), ("DELETE", "/v1/models", "GET, HEAD"), ("GET", "/auth/login", "POST"),
        ("PATCH", "/v1/users/a%2Fb", "GET, HEAD"), ("POST", "/developers/keys/x", "DELETE"),
        ("GET", "/oauth/token", "POST"), ("TRACE", "/healthz", "GET, HEAD"),
    ]) func anotherMethodIsToldWhichThereAre(_ method: String, _ path: String, _ allowed: String) async throws {
        let answer = try await quota.ask(method, path, "sk-h")
        #expect(answer.status == 405)
        #expect(answer.string("error.code") == "method_not_allowed")
        #expect(answer.headers["allow"] == allowed)
    }

    @Test func whatCanBeReadHasAHead() async throws {
        let base = try await quota.base
        for path in ["/login", "/healthz", "/v1/packages"] {
            let head = try await Command.tool(["curl", "-sS", "-I", "-m", "20", base + path])
            #expect(head.hasPrefix("HTTP/1.1 200"), "\(head)")
        }
    }

    /// By a socket, as no HTTP library would send them.
    @Test func requestsThatAreNone() async throws {
        let process = try await ServedRelay(keys: ["sk-h": 1])
        let script = #"""
            import socket, sys
            json = b"Content-Type: application/json\r\n"
            login = b"POST /auth/login HTTP/1.1\r\nHost: a\r\n" + json
            requests = {
                "no host": b"GET /healthz HTTP/1.1\r\n\r\n",
                "two lengths": login + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
                "negative": login + b"Content-Length: -5\r\n\r\n",
                "overflow": login + b"Content-Length: 99999999999999999999\r\n\r\n{}",
                "too much": login + b"Content-Length: 9223372036854775807\r\n\r\n{}",
                "bad chunk": login + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n",
                "bad chunk of a form": b"POST /oauth/token HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n"
                    b"Content-Type: application/x-www-form-urlencoded\r\n\r\nzz\r\n",
                "null": b"GET /log\0in HTTP/1.1\r\nHost: a\r\n\r\n",
                "not UTF-8": b"GET /v1/users/\xff\xfe HTTP/1.1\r\nHost: a\r\nX-API-Key: sk-h\r\n\r\n",
                "not a key": b"GET /v1/balance HTTP/1.1\r\nHost: a\r\nX-API-Key: \xff\xfe\r\n\r\n",
                "folded": b"GET /healthz HTTP/1.1\r\nHost: a\r\nX-A: b\r\n c\r\n\r\n",
                "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
                "long": b"GET /healthz HTTP/1.1\r\nHost: a\r\nX-A: " + b"a" * 200_000 + b"\r\n\r\n",
                "up": b"GET /../../etc/passwd HTTP/1.1\r\nHost: a\r\n\r\n",
                "elsewhere": b"GET //evil.example/ HTTP/1.1\r\nHost: a\r\n\r\n",
                "large form": b"POST /oauth/token HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n"
                    b"Content-Type: application/x-www-form-urlencoded\r\n\r\n" + b"a" * 1000000,
            }
            for name, request in requests.items():
                peer = socket.create_connection(("127.0.0.1", int(sys.argv[1])), timeout=20)
                answer = b""
                try:
                    peer.sendall(request)
                except OSError: pass
                try:
                    while b"\r\n" not in answer:
                        more = peer.recv(1000)
                        if not more: break
                        answer += more
                except OSError: pass
                print(name, answer[9:12].decode())
                peer.close()
            """#
        let result = try await Command.run(Checkout.python, ["-c", script, "\(process.port)"], within: 300)
        var statuses: [String: Int] = [:]
        for line in result.outputLines {
            let words = line.split(separator: " ")
            statuses[words.dropLast().joined(separator: " ")] = words.last.flatMap { Int($0) }
        }
        #expect(statuses.count == 16, "\(result.output)\(result.errors)")
        #expect(statuses.values.allSatisfy { (400..<500).contains($0) }, "\(statuses)")
        #expect(statuses["too much"] == 413)
        #expect(statuses["not a key"] == 401)
        #expect(try await ServedQuota(process).ask("GET", "/healthz").status == 200)
        // What a stranger sends is no fault of the server's.
        #expect(!process.process.errorsSoFar.contains("a request failed"), "\(process.process.errorsSoFar)")
    }

    @Test(arguments: ["9223372036854775807", "-1", "1000000000000001", "1e3"])
    func creditsThatTheLedgerCanNotHold(_ credits: String) async throws {
        let keys = try Scratch()
        let result = try await Command.quotaVoice(
            ["serve", "--port", "0", "--token-file", keys.write("keys", "sk-quota-rich \(credits)\n")])
        #expect(result.status == 64)
        #expect(!result.errors.contains("rich"))
    }

    @Test func jsonIsWrittenAsItIs() throws {
        let text = String(String.UnicodeScalarView((0...0x2FF).compactMap(UnicodeScalar.init))) + "👩‍👩‍👧 \u{2028} \"\\/"
        let tree: JSONTree = [
            "camelCase": .string(text), "snake_case": [1, .number(0.0025), .number(1e300), .number(-0.5), .null],
            "\"": .bool(false), "empty": [:], "big": .integer(.max), "whole": .number(3),
        ]
        let read = try JSONSerialization.jsonObject(with: Data(tree.text.utf8)) as? [String: Any]
        #expect(read?["camelCase"] as? String == text)
        #expect((read?["snake_case"] as? [Any])?.count == 5)
        #expect((read?["snake_case"] as? [Any])?[2] as? Double == 1e300)
        #expect(read?["big"] as? Int == .max)
        #expect(read?.keys.sorted() == ["\"", "big", "camelCase", "empty", "snake_case", "whole"])
        #expect(JSONTree(text: tree.text)?["camelCase"] == .string(text))
        #expect(tree.text.contains(#""whole":3"#))
    }
}
