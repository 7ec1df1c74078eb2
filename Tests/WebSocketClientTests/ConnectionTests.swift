import Glibc
import Synchronization
import Testing
import VoiceRealtime
import VoiceSecureStream
import VoiceWebSocket
import VoiceWebSocketClient

/// A task may stand still for long where other tests keep the few threads of its pool busy: no server here gives up on
/// its client, and each time limit is either what a test is about or far away.
@Suite("Connection for tasks", .timeLimit(.minutes(10)))
struct ConnectionTests {
    func connect(
        _ server: ScriptServer, _ change: (inout WebSocketOptions) -> Void = { _ in }
    ) async throws -> WebSocketConnection {
        var options = WebSocketOptions()
        options.handshakeTimeoutNanoseconds = .seconds(600)
        options.limits.closeNanoseconds = .seconds(600)
        change(&options)
        return try await WebSocketConnection.connect(to: WebSocketURL(server.url), options: options)
    }

    let echoServer = ScriptServer { connection, _ in
        connection.upgrade()
        connection.echo()
    }

    /// Upgrades, then reads and says nothing until the client is gone.
    let silentServer = ScriptServer { connection, _ in
        connection.upgrade()
        while connection.readMore() {}
    }

    /// Upgrades, then does not even read.
    let deafServer = ScriptServer { connection, _ in
        connection.shrinkReceiveBuffer()
        connection.upgrade()
        connection.hold()
    }

    @Test("messages go and come while other tasks run")
    func echo() async throws {
        let socket = try await connect(echoServer)
        async let sending: Void = {
            for number in 0..<500 { try await socket.send("message \(number)") }
            try await socket.send([1, 2, 3])
        }()
        var received: [WebSocketMessage] = []
        for try await message in socket.messages {
            received.append(message)
            if message == .binary([1, 2, 3]) { break }
        }
        try await sending
        #expect(received.count == 501)
        #expect(received[499] == .text("message 499"))
        let closure = try await socket.close(reason: "done")
        #expect(closure == .init(code: 1000, reason: "done", wasClean: true, cause: .local))
        #expect(socket.metrics.messagesReceived == 501)
        #expect(try await socket.close() == closure)
    }

    @Test("a ping gives its round trip")
    func ping() async throws {
        let socket = try await connect(echoServer)
        #expect(try await socket.ping() > .zero)
        #expect(try await socket.ping() > .zero)
        #expect(socket.metrics.pongsReceived == 2)
    }

    @Test("the sequence ends after a normal Close and throws after any other end")
    func ends() async throws {
        for (code, isNormal) in [(1000, true), (1001, true), (4402, false), (1011, false)] as [(UInt16, Bool)] {
            let server = ScriptServer { connection, _ in
                connection.upgrade()
                connection.frame(1, Array("only".utf8))
                connection.frame(8, [UInt8(code >> 8), UInt8(code & 255)])
                _ = connection.readFrame()
            }
            let socket = try await connect(server)
            var count = 0
            do throws(WebSocketError) {
                for try await _ in socket.messages { count += 1 }
                #expect(isNormal)
            } catch {
                #expect(!isNormal)
                #expect(error == .closed(.init(code: code, reason: "", wasClean: true, cause: .peer)))
            }
            #expect(count == 1)
            #expect(try await socket.closure().code == code)
            await #expect(throws: WebSocketError.self) { try await socket.send("late") }
            await #expect(throws: WebSocketError.self) { try await socket.ping() }
        }
    }

    @Test("a failed connect throws its error")
    func failedConnect() async {
        let server = ScriptServer { connection, _ in
            connection.readRequest()
            connection.write("HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n")
        }
        do {
            _ = try await connect(server)
            Issue.record("connected")
        } catch {
            guard case .refused(let refusal) = error as? WebSocketError else {
                Issue.record("\(error)")
                return
            }
            #expect(refusal.kind == .unauthorized)
        }
    }

    @Test("misuse of close throws")
    func misuse() async throws {
        let socket = try await connect(echoServer)
        await #expect(throws: WebSocketError.misuse(.invalidCloseCode(1005))) { try await socket.close(code: 1005) }
        await #expect(throws: WebSocketError.misuse(.closeReasonTooLong)) {
            try await socket.close(reason: String(repeating: "x", count: 124))
        }
        try await socket.send("still open")
    }

    /// Starts `body`, cancels it after a moment, and wants it to end with `cancelled`.
    func expectCancellation(_ body: @escaping @Sendable () async throws -> Void) async {
        for delay: UInt64 in [0, 30_000_000] {
            let task = Task { try await body() }
            try? await Task.sleep(nanoseconds: delay)
            task.cancel()
            let result = await task.result
            #expect(throws: WebSocketError.cancelled) { try result.get() }
        }
    }

    @Test("cancellation ends every await, and the connection stays")
    func cancellation() async throws {
        let socket = try await connect(silentServer)
        await expectCancellation { for try await _ in socket.messages {} }
        await expectCancellation { _ = try await socket.ping() }
        await expectCancellation { _ = try await socket.closure() }
        try await socket.send("still open")

        let silentHandshake = ScriptServer { connection, _ in
            connection.readRequest()
            connection.readMore()
        }
        await expectCancellation { _ = try await self.connect(silentHandshake) }
    }

    /// More than the connection and the kernel take in advance: behind one that was taken, the next has to wait.
    static let muchBytes = [UInt8](repeating: 0, count: 1 << 20)

    @Test("cancellation ends a send that waits for room, and a Close that is not answered")
    func cancelledSend() async throws {
        let socket = try await connect(deafServer)
        try await socket.send(Self.muchBytes)
        let filled = Task {
            while true { try await socket.send(Self.muchBytes) }
        }
        await expectCancellation { try await socket.send(Self.muchBytes) }
        filled.cancel()
        await #expect(throws: WebSocketError.cancelled) { try await filled.value }
        await expectCancellation { _ = try await socket.close() }
    }

    @Test("close refuses the sends that wait, and ends by its timer when the server is deaf")
    func closeWhileFull() async throws {
        let socket = try await connect(deafServer) { $0.limits.closeNanoseconds = .milliseconds(200) }
        try await socket.send(Self.muchBytes)
        // Runs here up to where it waits, so that the Close comes after it.
        let filled = Task.immediate {
            while true { try await socket.send(Self.muchBytes) }
        }
        let closure = try await socket.close()
        #expect(closure.cause == .closeTimeout)
        await #expect(throws: WebSocketError.misuse(.notOpen)) { try await filled.value }
    }

    @Test("a reader that stops holds the server back, and close still works")
    func slowReader() async throws {
        let written = Mutex(0)
        let server = ScriptServer { connection, _ in
            connection.upgrade()
            for _ in 0..<300 {
                connection.frame(2, [UInt8](repeating: 1, count: 100_000))
                written.withLock { $0 += 1 }
            }
            connection.echo()
        }
        let socket = try await connect(server)
        try await Task.sleep(nanoseconds: 300_000_000)
        #expect(written.withLock { $0 } < 300)
        var iterator = socket.messages.makeAsyncIterator()
        for _ in 0..<50 { _ = try await iterator.next() }
        let closure = try await socket.close()
        #expect(closure.wasClean)
    }

    @Test("many tasks may use one connection")
    func manyTasks() async throws {
        let socket = try await connect(echoServer)
        let total = try await withThrowingTaskGroup(of: Int.self) { group in
            for number in 0..<20 {
                group.addTask {
                    for part in 0..<20 { try await socket.send([UInt8(number), UInt8(part)]) }
                    return 0
                }
                group.addTask {
                    var iterator = socket.messages.makeAsyncIterator()
                    var count = 0
                    for _ in 0..<20 where try await iterator.next() != nil { count += 1 }
                    return count
                }
            }
            return try await group.reduce(0, +)
        }
        #expect(total == 400)
        try await socket.close()
    }

    @Test("a connection that nobody holds is dropped")
    func abandoned() async throws {
        let ended = Mutex(false)
        let server = ScriptServer { connection, _ in
            connection.upgrade()
            while connection.readMore() {}
            ended.withLock { $0 = true }
        }
        do {
            let socket = try await connect(server)
            try await socket.send("and gone")
        }
        for _ in 0..<6000 where !ended.withLock({ $0 }) { try await Task.sleep(nanoseconds: 10_000_000) }
        #expect(ended.withLock { $0 })
    }

    @Test("a heartbeat can be set later")
    func laterHeartbeat() async throws {
        let socket = try await connect(silentServer)
        socket.setHeartbeat(seconds: 0.1)
        #expect(try await socket.closure().cause == .heartbeatLost)
    }
}
