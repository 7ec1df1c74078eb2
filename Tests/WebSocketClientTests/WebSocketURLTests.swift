import Testing
import VoiceWebSocketClient

@Suite("WebSocket URL")
struct WebSocketURLTests {
    @Test(
        "parses what RFC 6455 §3 allows",
        arguments: [
            ("ws://example.org", "ws://example.org/"),
            ("wss://example.org:443/a", "wss://example.org/a"),
            ("WSS://EXAMPLE.org:8443/A?b=C", "wss://example.org:8443/A?b=C"),
            ("ws://127.0.0.1:80?x", "ws://127.0.0.1/?x"),
            ("ws://[::1]:9000/p", "ws://[::1]:9000/p"),
            ("wss://[2001:DB8::1]", "wss://[2001:db8::1]/"),
            ("ws://h:/", "ws://h/"),
            ("ws://h/é?ü", "ws://h/%C3%A9?%C3%BC"),
            ("ws://h/%20", "ws://h/%20"),
        ])
    func good(text: String, normal: String) throws {
        #expect(try WebSocketURL(text).description == normal)
    }

    @Test(
        "refuses the rest",
        arguments: [
            "", "example.org", "http://h/", "wss:/h", "wss//h", "wss://", "wss://:80/", "wss:///x", "ws://h:0",
            "ws://h:65536",
            "ws://h:8x", "ws://h:-1", "ws://user@h/", "ws://user:secret@h/", "ws://h/#f", "ws://h/a b",
            "ws://h/\r\nX: y",
            "ws://h\r\n/", "ws://h ost/", "ws://[::1", "ws://[::1]x/", "ws://[zz]/", "ws://[1]/", "ws://münchen.de/",
            "ws://h/\u{7F}",
            "ws://h%00/", "ws://" + String(repeating: "a", count: 254) + "/",
            "ws://h/" + String(repeating: "a", count: 8000),
        ])
    func bad(text: String) {
        #expect(throws: WebSocketError.self) { try WebSocketURL(text) }
    }

    @Test("an error never repeats the URL, which could hold a secret")
    func secrets() {
        do {
            _ = try WebSocketURL("ws://user:secret@h/")
            Issue.record("accepted")
        } catch {
            #expect(!error.description.contains("secret"))
        }
    }

    @Test(
        "knows loopback by its name and addresses, and nothing that looks like it",
        arguments: [
            ("ws://localhost/", true), ("ws://a.localhost/", true), ("ws://127.0.0.1/", true),
            ("ws://127.255.1.2/", true),
            ("ws://[::1]/", true), ("ws://localhost.example/", false), ("ws://127.0.0.1.example/", false),
            ("ws://127.1/", false), ("ws://127.0.0.0x1/", false), ("ws://128.0.0.1/", false), ("ws://[::2]/", false),
            ("ws://0.0.0.0/", false), ("ws://notlocalhost/", false),
        ])
    func loopback(text: String, isLoopback: Bool) throws {
        #expect(try WebSocketURL(text).isLoopback == isLoopback)
    }
}
