import Synchronization
import Testing
import VoiceRealtime
import VoiceSecureStream
import VoiceWebSocket
import VoiceWebSocketClient

@Suite("Opening a connection")
struct OpeningTests {
    func connect(
        _ url: String, _ change: (inout WebSocketOptions) -> Void = { _ in }
    ) throws -> WebSocketDriver {
        var options = WebSocketOptions()
        // Far away: what a time limit is about, sets it.
        options.handshakeTimeoutNanoseconds = .seconds(60)
        options.limits.closeNanoseconds = .seconds(60)
        change(&options)
        let driver = try WebSocketDriver(url: WebSocketURL(url), options: options)
        try driver.connect()
        return driver
    }

    func refusal(_ body: () throws -> WebSocketDriver) -> WebSocketError? {
        do {
            _ = try body()
            return nil
        } catch {
            return error as? WebSocketError
        }
    }

    @Test("sends the caller's headers and takes the server's subprotocol and first frames")
    func opens() throws {
        let seen = Mutex("")
        let server = ScriptServer { connection, _ in
            connection.upgrade(
                more: "Sec-WebSocket-Protocol: voice\r\n",
                thenFrames: ScriptConnection.frameBytes(1, Array("hello".utf8)))
            seen.withLock { $0 = connection.header("X-Quota-User") ?? "" }
            connection.echo()
        }
        let driver = try connect(server.url) {
            $0.headers = [HeaderField("X-Quota-User", "u-1")]
            $0.subprotocols = ["other", "voice"]
        }
        #expect(driver.subprotocol == "voice")
        #expect(driver.nextEvent() == .text("hello"))
        #expect(throws: WebSocketError.alreadyConnected) { try driver.connect() }
        driver.close(code: 1000, reason: "")
        #expect(try driver.lastEvents().last == .closed(.init(code: 1000, reason: "", wasClean: true, cause: .local)))
        #expect(seen.withLock { $0 } == "u-1")
    }

    @Test("refuses ws:// beyond loopback unless it is allowed", .timeLimit(.minutes(1)))
    func insecure() {
        let error = refusal { try connect("ws://192.0.2.1:9/") }
        #expect(error == .insecureURL(host: "192.0.2.1"))
        let allowed = refusal {
            try connect("ws://192.0.2.1:9/") {
                $0.allowInsecure = true
                $0.stream.connectTimeoutNanoseconds = .milliseconds(50)
            }
        }
        guard case .stream = allowed else {
            Issue.record("\(String(describing: allowed))")
            return
        }
    }

    @Test("tells a refusal with its body and Retry-After")
    func refused() {
        let server = ScriptServer { connection, _ in
            connection.readRequest()
            connection.write("HTTP/1.1 429 Slow\r\nRetry-After: 7\r\nContent-Length: 15\r\n\r\n{\"error\":\"slow\"}")
        }
        guard case .refused(let refusal) = refusal({ try connect(server.url) }) else {
            Issue.record("not refused")
            return
        }
        #expect(refusal.kind == .tooManyRequests)
        #expect(refusal.retryAfterSeconds == 7)
        #expect(refusal.body == Array("{\"error\":\"slow\"".utf8))
        #expect(WebSocketError.refused(refusal).reconnectFailure == .transient(retryAfterSeconds: 7))
    }

    @Test(
        "a server that does not speak HTTP, lies or hangs up is told apart",
        arguments: [
            ("SSH-2.0-x\r\n", .handshake(.malformedStatusLine)),
            (
                "HTTP/1.1 101 OK\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: x\r\n\r\n",
                .handshake(.wrongAccept)
            ),
            ("HTTP/1.1 101 OK\r\nUpgr", .handshake(.truncated)),
            ("", .handshake(.truncated)),
        ] as [(String, WebSocketError)])
    func lies(answer: String, expected: WebSocketError) {
        let server = ScriptServer { connection, _ in
            connection.readRequest()
            connection.write(answer)
        }
        #expect(refusal { try connect(server.url) } == expected)
    }

    @Test("a server that drips or never answers is left after the handshake timeout", arguments: [true, false])
    func handshakeTimeout(drips: Bool) {
        let server = ScriptServer { connection, _ in
            connection.readRequest()
            while drips {
                connection.write("HTTP/1.1 100 Continue\r\n\r\n".prefix(1).description)
                if !connection.readMore() { return }
            }
            connection.readMore()
        }
        let error = refusal { try connect(server.url) { $0.handshakeTimeoutNanoseconds = .milliseconds(100) } }
        #expect(error == .handshakeTimedOut)
    }

    @Test("a refusal whose body never ends, or breaks off, is a refusal", arguments: [true, false])
    func endlessBody(breaks: Bool) {
        let server = ScriptServer { connection, _ in
            connection.readRequest()
            connection.write("HTTP/1.1 402 Pay\r\nContent-Length: 500\r\n\r\n{}")
            if breaks { connection.reset() } else { connection.readMore() }
        }
        // Long enough for the head to come however late the server's thread gets to it; the body must not be waited for.
        let error = refusal { try connect(server.url) { $0.handshakeTimeoutNanoseconds = .seconds(breaks ? 60 : 6) } }
        guard case .refused(let refusal) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(refusal.kind == .paymentRequired)
    }

    @Test("nobody listens: a stream error")
    func nobody() {
        let error = refusal { try connect("ws://127.0.0.1:1/") }
        #expect(error.map { if case .stream = $0 { true } else { false } } == true)
    }

    @Test("a signal before or during connect cancels it", arguments: [true, false])
    func cancelled(before: Bool) throws {
        let reached = Mutex<Waker?>(nil)
        let server = ScriptServer { connection, _ in
            connection.readRequest()
            reached.withLock { $0 }?.signal()
            connection.readMore()
        }
        let driver = try WebSocketDriver(url: WebSocketURL(server.url), options: WebSocketOptions())
        reached.withLock { $0 = driver.waker }
        if before { driver.waker.signal() }
        #expect(throws: WebSocketError.cancelled) { try driver.connect() }
        #expect(throws: WebSocketError.notConnected) { try driver.sendText("x") }
        #expect(throws: WebSocketError.notConnected) { try driver.wait(until: monotonicNow()) }
    }

    @Test("redirects are followed on the same host, with the headers only to the same port")
    func redirects() throws {
        let tokens = Mutex<[String?]>([])
        let target = ScriptServer { connection, _ in
            connection.upgrade()
            tokens.withLock { $0.append(connection.header("Authorization")) }
            connection.frame(1)
            connection.echo()
        }
        let server = ScriptServer { connection, number in
            connection.readRequest()
            tokens.withLock { $0.append(connection.header("Authorization")) }
            let location = number == 0 ? "/second?x" : "ws://127.0.0.1:\(target.port)/third"
            connection.write("HTTP/1.1 307 Moved\r\nLocation: \(location)\r\n\r\n")
        }
        let driver = try connect(server.url) { $0.headers = [HeaderField("Authorization", "Bearer secret")] }
        #expect(driver.connectedURL?.target == "/third")
        #expect(driver.connectedURL?.port == target.port)
        #expect(try driver.oneEvent() == .text(""))
        driver.abort()
        #expect(tokens.withLock { $0 } == ["Bearer secret", "Bearer secret", nil])
    }

    @Test(
        "redirects never leave the host, TLS or the limit",
        arguments: [
            ("ws://localhost:1/", WebSocketOptions.Redirects.sameHost), ("ws://example.org/", .sameHost),
            ("/", .refuse),
            ("//example.org/", .sameHost),
        ])
    func refusedRedirects(location: String, redirects: WebSocketOptions.Redirects) {
        let server = ScriptServer { connection, _ in
            connection.readRequest()
            connection.write("HTTP/1.1 302 Found\r\nLocation: \(location)\r\n\r\n")
        }
        #expect(
            refusal { try connect(server.url) { $0.redirects = redirects } } == .redirectRefused(location: location))
    }

    @Test("a redirect loop ends")
    func loop() {
        let count = Mutex(0)
        let server = ScriptServer { connection, _ in
            connection.readRequest()
            count.withLock { $0 += 1 }
            connection.write("HTTP/1.1 301 Moved\r\nLocation: x/../x\r\n\r\n")
        }
        #expect(refusal { try connect(server.url) } == .tooManyRedirects(limit: 5))
        #expect(count.withLock { $0 } == 6)
    }

    @Test("a redirect to another scheme or a bad URL is refused", arguments: ["ftp://127.0.0.1/", "ws://a@127.0.0.1/"])
    func badRedirects(location: String) {
        let server = ScriptServer { connection, _ in
            connection.readRequest()
            connection.write("HTTP/1.1 302 Found\r\nLocation: \(location)\r\n\r\n")
        }
        let error = refusal { try connect(server.url) }
        #expect(error.map { if case .invalidURL = $0 { true } else { false } } == true)
    }
}

extension WebSocketDriver {
    /// All events up to the last; gives up after 60 s.
    func lastEvents() throws -> [WebSocketEvent] {
        var events: [WebSocketEvent] = []
        let end = monotonicNow().advanced(byNanoseconds: .seconds(60))
        while monotonicNow() < end {
            while let event = nextEvent() {
                events.append(event)
                if case .closed = event { return events }
            }
            try wait(until: end)
        }
        return events
    }

    /// The next event; gives up after 60 s.
    func oneEvent() throws -> WebSocketEvent? {
        let end = monotonicNow().advanced(byNanoseconds: .seconds(60))
        while monotonicNow() < end {
            if let event = nextEvent() { return event }
            try wait(until: end)
        }
        return nil
    }
}
