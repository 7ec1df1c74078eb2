import CRealtime
import Glibc
import Synchronization
import Testing
import VoiceRealtime
import VoiceSecureStream
import VoiceWebSocket
import VoiceWebSocketClient

@Suite("Driver")
struct DriverTests {
    func connect(
        _ server: ScriptServer, _ change: (inout WebSocketOptions) -> Void = { _ in }
    ) throws -> WebSocketDriver {
        var options = WebSocketOptions()
        // Far away: what a time limit is about, sets it.
        options.handshakeTimeoutNanoseconds = .seconds(60)
        options.limits.closeNanoseconds = .seconds(60)
        change(&options)
        let driver = try WebSocketDriver(url: WebSocketURL(server.url), options: options)
        try driver.connect()
        return driver
    }

    let echoServer = ScriptServer { connection, _ in
        connection.upgrade()
        connection.echo()
    }

    @Test("messages of every size come back as they went", arguments: [0, 1, 125, 126, 640, 65_535, 65_536, 3_000_000])
    func echo(count: Int) throws {
        let driver = try connect(echoServer)
        let payload = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8) }
        try driver.sendBinary(payload)
        #expect(try driver.oneEvent() == .binary(payload))
        try payload.withUnsafeBytes { bytes in try driver.sendBinary(bytes) }
        #expect(try driver.oneEvent() == .binary(payload))
        try driver.sendText(String(repeating: "é", count: count))
        #expect(try driver.oneEvent() == .text(String(repeating: "é", count: count)))
        driver.abort()
        #expect(try driver.lastEvents() == [.closed(.init(code: 1006, reason: "", wasClean: false, cause: .aborted))])
        #expect(driver.pendingSendBytes == 0)
    }

    @Test("a companion ends each wait once, and no message is missed beside it")
    func companions() throws {
        let driver = try connect(echoServer)
        let companion = crt_eventfd_create()
        defer { close(companion) }
        driver.companions = (-1, companion, -1)
        var answered = 0
        for round in 0..<200 {
            crt_eventfd_signal(companion)
            if round % 3 == 0 { try driver.sendBinary([UInt8(round)]) }
            let start = monotonicNow()
            try driver.wait(until: start.advanced(byNanoseconds: .seconds(60)))
            #expect(monotonicNow().nanoseconds(since: start) < .seconds(30))
            while let event = driver.nextEvent() {
                #expect(event == .binary([UInt8(answered * 3)]))
                answered += 1
            }
        }
        while answered < 67 {
            #expect(try driver.oneEvent() == .binary([UInt8(answered * 3)]))
            answered += 1
        }
        // A message may have ended the last wait before the companion was looked at. Now nothing else can end one, and
        // one wait takes all that was signalled.
        crt_eventfd_signal(companion)
        try driver.wait(until: monotonicNow().advanced(byNanoseconds: .seconds(60)))
        var count: UInt64 = 0
        let got = read(companion, &count, 8)
        let code = errno
        #expect(got == -1 && code == EAGAIN)
        driver.abort()
    }

    @Test("who never waits gets the messages, too")
    func looksWithoutWaiting() throws {
        let driver = try connect(echoServer)
        // Nothing is there to be read, and the driver has seen it.
        try driver.wait(until: monotonicNow().advanced(byNanoseconds: .milliseconds(20)))
        try driver.sendBinary([7])
        let end = monotonicNow().advanced(byNanoseconds: .seconds(60))
        var event: WebSocketEvent?
        while event == nil, monotonicNow() < end {
            try driver.wait(until: MonotonicTime(nanoseconds: 0))
            event = driver.nextEvent()
        }
        #expect(event == .binary([7]))
        driver.abort()
    }

    @Test("a large message arrives whole, however the stream cuts it")
    func largeMessage() throws {
        let payload = (0..<5_000_000).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ $0 >> 9) }
        let server = ScriptServer { connection, _ in
            connection.upgrade()
            let bytes = ScriptConnection.frameBytes(2, payload)
            for start in stride(from: 0, to: bytes.count, by: 100_001) {
                connection.write(Array(bytes[start..<min(bytes.count, start + 100_001)]))
            }
            connection.frame(8, [3, 232])
            _ = connection.readFrame()
        }
        let events = try connect(server).lastEvents()
        #expect(events.first == .binary(payload))
        #expect(events.last == .closed(.init(code: 1000, reason: "", wasClean: true, cause: .peer)))
    }

    @Test("a dribbled stream and a coalesced one give the same messages", arguments: [1, 3, 1000])
    func dribble(pieceBytes: Int) throws {
        let server = ScriptServer { connection, _ in
            connection.upgrade()
            let bytes =
                ScriptConnection.frameBytes(1, Array("ab".utf8), isFinal: false) + ScriptConnection.frameBytes(9, [1])
                + ScriptConnection.frameBytes(0, Array("cé".utf8)) + ScriptConnection.frameBytes(2, [9, 8, 7])
            for start in stride(from: 0, to: bytes.count, by: pieceBytes) {
                connection.write(Array(bytes[start..<min(bytes.count, start + pieceBytes)]))
                usleep(200)
            }
            let pong = connection.readFrame()
            connection.frame(1, Array("pong \(pong?.opcode ?? 0)".utf8))
            connection.echo()
        }
        let driver = try connect(server)
        #expect(try driver.oneEvent() == .text("abcé"))
        #expect(try driver.oneEvent() == .binary([9, 8, 7]))
        #expect(try driver.oneEvent() == .text("pong 10"))
    }

    @Test("pings are answered while the application waits for something else")
    func answersPings() throws {
        let server = ScriptServer { connection, _ in
            connection.upgrade()
            connection.frame(9, Array("are you there".utf8))
            let answer = connection.readFrame()
            connection.frame(2, answer?.payload ?? [])
            connection.echo()
        }
        let driver = try connect(server)
        #expect(try driver.oneEvent() == .binary(Array("are you there".utf8)))
        #expect(driver.metrics.framesReceived == 2)
        #expect(driver.metrics.framesSent == 1)
    }

    @Test("round trips are measured by pings and by heartbeats")
    func roundTrips() throws {
        let driver = try connect(echoServer)
        let number = try driver.ping()
        #expect(number == 1)
        let end = monotonicNow().advanced(byNanoseconds: .seconds(60))
        for heartbeat: UInt64 in 1...3 {
            // One look at the clock each, and no more of them once the ping has left: it is not judged here how soon the
            // server's thread gets to its answer.
            driver.heartbeatSeconds = 0.02
            while driver.metrics.pingsSent <= heartbeat, monotonicNow() < end {
                usleep(1000)
                try driver.wait(until: MonotonicTime(nanoseconds: 0))
            }
            driver.heartbeatSeconds = nil
            while driver.lastAnsweredPing <= heartbeat, monotonicNow() < end { try driver.wait(until: end) }
        }
        #expect(driver.lastAnsweredPing == 4)
        #expect(driver.metrics.pongsReceived >= 4)
        #expect((driver.metrics.roundTripNanoseconds ?? 0) > 0)
        #expect((driver.metrics.roundTripShortestNanoseconds ?? .max) <= (driver.metrics.roundTripNanoseconds ?? 0))
    }

    @Test("a silent server is lost by heartbeat, also when it takes no bytes", arguments: [true, false])
    func heartbeatLost(isFull: Bool) throws {
        let server = ScriptServer { connection, _ in
            connection.shrinkReceiveBuffer()
            connection.upgrade()
            connection.hold()
        }
        let driver = try connect(server) { $0.heartbeatSeconds = 0.2 }
        if isFull { try driver.sendBinary([UInt8](repeating: 1, count: 8 << 20)) }
        let events = try driver.lastEvents()
        #expect(events == [.closed(.init(code: 1006, reason: "", wasClean: false, cause: .heartbeatLost))])
    }

    @Test("a server that says nothing for the idle time is told 1001")
    func idle() throws {
        let server = ScriptServer { connection, _ in
            connection.upgrade()
            while let frame = connection.readFrame() {
                if frame.opcode == 8 { return connection.frame(8, frame.payload) }
            }
        }
        let driver = try connect(server) { $0.idleTimeoutNanoseconds = .milliseconds(100) }
        let events = try driver.lastEvents()
        #expect(events == [.closed(.init(code: 1001, reason: "idle", wasClean: true, cause: .local))])
    }

    /// Twice the heartbeat and more without a Pong. No pause between two frames comes near what is taken for the end.
    @Test("a server that talks but never pings is alive")
    func trafficIsLife() throws {
        let server = ScriptServer { connection, _ in
            connection.upgrade()
            for number in 0..<20 {
                connection.frame(2, [UInt8(number)])
                usleep(400_000)
            }
            connection.frame(8, [3, 232])
            while connection.readFrame() != nil {}
        }
        let driver = try connect(server) { $0.heartbeatSeconds = 3 }
        let events = try driver.lastEvents()
        #expect(events.count == 21)
        #expect(events.last == .closed(.init(code: 1000, reason: "", wasClean: true, cause: .peer)))
    }

    @Test("each way that a stream ends has its cause", arguments: ["end", "reset", "cut"])
    func ends(way: String) throws {
        let server = ScriptServer { connection, _ in
            connection.upgrade()
            connection.frame(1, Array("last".utf8))
            _ = connection.readFrame()
            if way == "cut" { connection.write([0x82, 0x7E, 0xFF]) }
            if way == "reset" { connection.reset() }
        }
        let driver = try connect(server)
        #expect(try driver.oneEvent() == .text("last"))
        try driver.sendText("go")
        guard case .closed(let closure) = try driver.oneEvent() else {
            Issue.record("no end")
            return
        }
        #expect(closure.code == 1006)
        #expect(!closure.wasClean)
        switch closure.cause {
        case .endOfStream: #expect(way != "reset")
        case .transportFailed: #expect(way == "reset")
        case let other: Issue.record("\(other)")
        }
    }

    @Test("what came before a Close and a reset is delivered before the end")
    func dataBeforeReset() throws {
        let server = ScriptServer { connection, _ in
            connection.upgrade()
            for number in 0..<50 { connection.frame(2, [UInt8](repeating: UInt8(number), count: 5000)) }
            connection.frame(8, [0x11, 0x32])
            _ = connection.readFrame()
            connection.reset()
        }
        let driver = try connect(server)
        let events = try driver.lastEvents()
        #expect(events.count == 51)
        guard case .closed(let closure) = events.last else { return }
        #expect(closure.code == 4402)
        #expect(closure.wasClean)
    }

    @Test("a server that says Close and ends its half at once still gets the answer", arguments: [0, 4 << 20])
    func closeAndEnd(pendingBytes: Int) throws {
        let answer = Mutex<[UInt8]?>(nil)
        let server = ScriptServer { connection, _ in
            connection.upgrade()
            connection.write(ScriptConnection.frameBytes(1, [0x61]) + ScriptConnection.frameBytes(8, [0x0F, 0xA0]))
            connection.endSending()
            usleep(20_000)
            while let frame = connection.readFrame() {
                if frame.opcode == 8 { answer.withLock { $0 = frame.payload } }
            }
        }
        let driver = try connect(server) { $0.limits.lingerNanoseconds = .seconds(60) }
        try driver.sendBinary([UInt8](repeating: 3, count: pendingBytes))
        let events = try driver.lastEvents()
        #expect(
            events == [.text("a"), .closed(.init(code: 4000, reason: "", wasClean: true, cause: .peer))])
        for _ in 0..<6000 where answer.withLock({ $0 }) == nil { usleep(10_000) }
        #expect(answer.withLock { $0 } == [0x0F, 0xA0])
    }

    @Test("an application that does not take events holds the server back")
    func backPressure() throws {
        let written = Atomic<Int>(0)
        let server = ScriptServer { connection, _ in
            connection.upgrade()
            for _ in 0..<400 {
                connection.frame(2, [UInt8](repeating: 7, count: 100_000))
                written.add(1, ordering: .relaxed)
            }
            connection.frame(8, [3, 232])
            while connection.readFrame() != nil {}
        }
        let driver = try connect(server) { $0.heartbeatSeconds = 0.2 }
        driver.isReceivingPaused = true
        let until = monotonicNow().advanced(byNanoseconds: .milliseconds(500))
        while monotonicNow() < until { try driver.wait(until: until) }
        #expect(driver.isOpen, "a pause of our own is not held against the server")
        #expect(written.load(ordering: .relaxed) < 300)
        #expect(driver.nextEvent() == nil)
        // With something to be read the pause ends without harm. After that, how steadily the server's thread gets to
        // write is not judged.
        for _ in 0..<60_000 where written.load(ordering: .relaxed) == 0 { usleep(1000) }
        driver.isReceivingPaused = false
        let first = try driver.oneEvent()
        #expect(first == .binary([UInt8](repeating: 7, count: 100_000)))
        driver.heartbeatSeconds = nil
        let events = try driver.lastEvents()
        #expect(events.count == 400)
    }

    @Test("what the kernel does not take waits, is counted and bounded, and arrives in order")
    func sendQueue() throws {
        let release = Atomic<Bool>(false)
        let received = Mutex<[UInt8]>([])
        let server = ScriptServer { connection, _ in
            connection.upgrade()
            while !release.load(ordering: .acquiring) { usleep(1000) }
            while let frame = connection.readFrame() {
                if frame.opcode == 8 { return connection.frame(8, frame.payload) }
                received.withLock { $0.append(frame.payload.first ?? 0) }
            }
        }
        let driver = try connect(server) {
            $0.limits.sendQueueBytesMax = 1 << 20
            $0.limits.closeNanoseconds = .seconds(60)
        }
        var sent = 0
        do {
            while sent < 200_000 {
                try driver.sendBinary([UInt8](repeating: UInt8(sent & 255), count: 20_000))
                sent += 1
            }
        } catch {
            #expect(error == .misuse(.sendQueueFull(limitBytes: 1 << 20)))
        }
        #expect(driver.pendingSendBytes > 900_000)
        #expect(driver.pendingSendBytes <= 1 << 20 + 1000)
        driver.close(code: 1000, reason: "done")
        #expect(throws: WebSocketError.misuse(.notOpen)) { try driver.sendText("late") }
        release.store(true, ordering: .releasing)
        #expect(
            try driver.lastEvents().last == .closed(.init(code: 1000, reason: "done", wasClean: true, cause: .local)))
        #expect(received.withLock { $0 } == (0..<sent).map { UInt8($0 & 255) })
    }

    @Test("an event that nobody took yet comes before the end")
    func untakenEvent() throws {
        let server = ScriptServer { connection, _ in
            connection.upgrade(thenFrames: ScriptConnection.frameBytes(1, [0x61]))
            connection.readMore()
        }
        let driver = try connect(server)
        try driver.wait(until: monotonicNow().advanced(byNanoseconds: .seconds(60)))
        driver.abort()
        let events = try driver.lastEvents()
        #expect(
            events == [.text("a"), .closed(.init(code: 1006, reason: "", wasClean: false, cause: .aborted))])
        #expect(driver.nextEvent() == nil)
    }

    @Test("a signal ends the wait at once, also one that came before")
    func waking() throws {
        let driver = try connect(echoServer)
        driver.waker.signal()
        let start = monotonicNow()
        try driver.wait(until: start.advanced(byNanoseconds: .seconds(1000)))
        #expect(driver.nextEvent() == nil)
        try driver.wait(until: monotonicNow())
    }

    @Test("a server that floods pings does not keep the thread from its deadline")
    func pingFlood() throws {
        let server = ScriptServer { connection, _ in
            connection.upgrade()
            let flood = (0..<2000).flatMap { _ in ScriptConnection.frameBytes(9, [UInt8](repeating: 1, count: 100)) }
            for _ in 0..<40 { connection.write(flood) }
        }
        let driver = try connect(server)
        try driver.wait(until: monotonicNow().advanced(byNanoseconds: .milliseconds(20)))
        #expect(driver.pendingSendBytes < 500_000)
        driver.abort()
    }

    @Test(
        "close is safe with any argument",
        arguments: [
            (1006, ""), (0, "x"), (65_535, ""), (1000, String(repeating: "\u{1F600}", count: 100)),
        ] as [(UInt16, String)])
    func closeArguments(code: UInt16, reason: String) throws {
        let driver = try connect(echoServer)
        driver.close(code: code, reason: reason)
        driver.close(code: 4000, reason: "second")
        guard case .closed(let closure) = try driver.lastEvents().last else {
            Issue.record("no end")
            return
        }
        #expect(closure.code == 1000)
        #expect(closure.wasClean)
        #expect(closure.reason.utf8.count <= 123)
        #expect(throws: WebSocketError.notConnected) { try driver.wait(until: monotonicNow()) }
    }
}
