import Foundation
import Logging
import ProcessSupport
import Synchronization
import Testing
import VoiceConversion
import VoiceServer

/// A server inside the test, with converters and wallets that fail as real ones may.
@Suite(.boundedCrowd) struct RelayAtScaleTests {
    /// Serves while `body` runs.
    private func serve<Result>(
        ledger: (any RelayLedger)? = nil, _ change: (inout RelayServerConfiguration) -> Void = { _ in },
        _ body: (RelayServer, String) async throws -> Result
    ) async throws -> Result {
        var configuration = RelayServerConfiguration(balances: ["sk-s": 1_000_000_000])
        configuration.latenessMillisecondsMax = nil
        change(&configuration)
        var logger = Logger(label: "test")
        logger.logLevel = .critical
        let server =
            ledger.map { RelayServer(configuration: configuration, logger: logger, ledger: $0) }
            ?? RelayServer(configuration: configuration, logger: logger)
        let (ports, continuation) = AsyncStream.makeStream(of: Int.self)
        let task = Task(executorPreference: TestThreads.shared) { try await server.run { continuation.yield($0) } }
        var port = 0
        for await listening in ports {
            port = listening
            break
        }
        let result: Result
        do {
            result = try await body(server, "ws://127.0.0.1:\(port)")
        } catch {
            task.cancel()
            _ = try? await task.value
            throw error
        }
        task.cancel()
        _ = try? await task.value
        return result
    }

    /// Waits for what the server is to have come to, as long as it may take on a busy machine.
    private func wait(until condition: () -> Bool) async throws {
        let deadline = ContinuousClock.now + .seconds(60)
        while !condition(), ContinuousClock.now < deadline { try await Task.sleep(for: .milliseconds(10)) }
    }

    @Test(arguments: ["at birth", "in mid-stream", "at the end", "at a change"])
    func aConverterThatFailsEndsItsOwnSessionAlone(_ moment: String) async throws {
        let sound = 16_000
        let transcripts = try await serve {
            $0.makeConverter = { voice in
                if voice.name == "rachel" { return try FailingConverter(moment) }
                return EchoConverter()
            }
        } _: { _, url in
            try await PeerClient.run(
                url,
                sessions: [
                    [
                        .auth("sk-s", ["voice": "rachel"]), .wait("ready"), .audio(sound, speed: 1.3),
                        .text(#"{"type":"voice","voice":"rachel"}"#), .end, .wait("close"),
                    ],
                    [.auth("sk-s"), .wait("ready"), .audio(sound, speed: 1.3), .end, .wait("close")],
                ])
        }
        #expect(transcripts.map(\.closeCode) == [4502, 1000], "\(transcripts.map(\.closeReason))")
        #expect(transcripts.first?.closeReason?.hasPrefix("UPSTREAM_DISCONNECTED") == true)
        #expect(transcripts.first?.events.last?.code == "UPSTREAM_DISCONNECTED")
        #expect(transcripts.last?.differingSamples == 0)
        #expect(transcripts.last?.samplesReceived == sound)
    }

    /// A reservation that is withdrawn while the session runs: a wallet that is closed, a payment taken back.
    @Test func fundsThatGoAwayEndTheSession() async throws {
        let ledger = TestLedger(notesUntilEmpty: 2)
        let session = try await serve(ledger: ledger) { _, url in
            try await PeerClient.run(
                url, [.auth("sk-s"), .wait("ready"), .audio(310_000), .wait("close")])
        }
        #expect(session.closeCode == 4402)
        #expect(session.closeReason?.hasPrefix("BALANCE_EXHAUSTED") == true)
        #expect(session.events.last?.code == "BALANCE_EXHAUSTED")
        #expect(session.events("usage").count == 2)
        #expect(session.samplesSent < 310_000)
        let settled = ledger.settled
        #expect(settled.count == 1, "once, however it ended")
        #expect(settled[0] > 0)
        #expect(settled[0] <= 50_000)
    }

    /// Whoever may not spend is told by name.
    @Test(arguments: [
        ("sk-scope", 4401, "credits.spend"), ("sk-linked", 4401, "X-Quota-User"), ("sk-broken", 1011, "ledger"),
    ])
    func whatTheLedgerRefuses(_ token: String, _ code: Int, _ said: String) async throws {
        let session = try await serve(ledger: TestLedger(notesUntilEmpty: .max)) { _, url in
            try await PeerClient.run(url, [.auth(token), .wait("close")])
        }
        #expect(session.closeCode == code)
        #expect(session.closeReason?.contains(said) == true, "\(session.closeReason ?? "")")
        #expect(session.events.last?.type == "error")
    }

    /// What every ending means for the ledger: one settlement, of what was used.
    @Test(arguments: ["end", "close", "abort", "junk"]) func everySessionSettlesOnce(_ way: String) async throws {
        let ledger = TestLedger(notesUntilEmpty: .max)
        var steps: [PeerClient.Step] = [.auth("sk-s"), .wait("ready"), .audio(8_000, speed: 1.3)]
        steps += PeerClient.Step.counted
        switch way {
        case "end": steps += [.end, .wait("close")]
        case "close": steps += [.close]
        case "abort": steps += [.abort]
        default: steps += [.binary(3), .wait("close")]
        }
        try await serve(ledger: ledger) { server, url in
            _ = try await PeerClient.run(url, steps)
            try await wait { server.load.connections == 0 }
            #expect(server.load.connections == 0)
            #expect(server.load.sessionsTotal == 1)
            #expect(server.load.secondsIn == 0.5)
        }
        #expect(ledger.settled == [1_250])
        #expect(ledger.callers == ["sk-s"])
        let names = ["end": "normal", "close": "abandoned", "abort": "abandoned", "junk": "FORMAT_VIOLATION"]
        #expect(ledger.closeNames == [names[way]])
    }

    @Test func metersShowWhoIsThere() async throws {
        let file = Checkout.fixture("speech-female.wav")
        try await serve { server, url in
            let client = try PeerClient.start(
                url,
                [
                    [
                        .auth("sk-s", ["voice": "adam", "max_duration_seconds": 300]), .wait("ready"),
                        .audio(24_000, speed: 1.3, file: file), .mark("sent"), .sleep(300),
                    ],
                    [
                        .auth("sk-s", ["format": "opus_16k_mono", "max_duration_seconds": 300]), .wait("ready"),
                        .opus(24_000, speed: 1.3, file: file), .mark("sent"), .sleep(300),
                    ],
                ])
            try await client.wait(for: "both") { client.sessions(at: "sent") == 2 }
            try await wait { server.liveSessions.count { $0.secondsIn >= 1.5 } == 2 }
            let sessions = server.liveSessions
            #expect(Set(sessions.map(\.format)) == ["pcm_16le_16k_mono", "opus_16k_mono"])
            #expect(Set(sessions.map(\.voice)) == ["adam", "none"])
            for session in sessions {
                #expect(session.secondsIn >= 1.5)
                #expect(session.secondsOut >= 1.4)
                #expect(session.inputPeak > 0)
                #expect(session.outputRMS > 0)
                #expect(session.delayMilliseconds >= 10)
                #expect(session.workerDelayWorst > 0)
                #expect(session.format == "opus_16k_mono" ? session.bytesIn < 10_000 : session.bytesIn == 48_000)
            }
            let load = server.load
            #expect(load.sessions == 2)
            #expect(load.workers >= 1)
            client.signal(SIGKILL)
            _ = try await client.result()
        }
    }

    /// More work than the workers can do: those who are in stay in, new ones are asked to come again.
    @Test func aServerThatIsLateRefusesNewSessionsAlone() async throws {
        let pace = Pace()
        try await serve {
            $0.workers = 1
            $0.latenessMillisecondsMax = 50
            $0.makeConverter = { _ in PacedConverter(pace) }
        } _: { server, url in
            pace.milliseconds = 40
            let steps: [PeerClient.Step] = [
                .auth("sk-s", ["max_duration_seconds": 300]), .wait("ready"), .mark("in"), .audio(1_600_000),
            ]
            let clients = try PeerClient.start(url, [steps, steps, steps])
            try await clients.wait(for: "all sessions") { clients.sessions(at: "in") == 3 }
            // Three sessions of 50 packets a second with 40 ms each want 6 workers.
            // The last second or two count: what has been seen to be late may not be so a moment later.
            var delay = server.load.workerDelay90
            try await wait {
                delay = max(delay, server.load.workerDelay90)
                return delay > 200
            }
            #expect(delay > 200)
            // What counts is the last second or two; a starved machine may just then have measured too little.
            let attempt: [PeerClient.Step] = [.auth("sk-s"), .wait("ready"), .close]
            var refused = try await PeerClient.run(url, attempt)
            for _ in 0..<60 where refused.closeCode != 1013 { refused = try await PeerClient.run(url, attempt) }
            #expect(refused.closeCode == 1013)
            #expect(refused.closeReason?.contains("try again later") == true)
            #expect(refused.events.last?.code == "overloaded")
            #expect(server.load.refusedLate >= 1)
            #expect(server.load.sessions >= 3, "nobody who was in is out")
            // Once the load is gone, there is room again.
            pace.milliseconds = 0
            var next = try await PeerClient.run(url, attempt)
            for _ in 0..<120 where next.closeCode == 1013 { next = try await PeerClient.run(url, attempt) }
            #expect(next.first("ready") != nil)
            clients.signal(SIGKILL)
            _ = try await clients.result()
        }
    }

    /// A worker that stands still makes the connection stop reading: what the client sends meanwhile waits in the socket
    /// and comes at once, which is no haste of the client's.
    @Test func aWorkerThatStandsStillIsNoHasteOfTheClient() async throws {
        let pause = Pace()
        let session = try await serve {
            $0.makeConverter = { _ in PacedConverter(Pace(), pause: pause) }
        } _: { server, url in
            // 133 packets a second: the 256 that may wait before the worker are full after two seconds.
            let client = try PeerClient.start(
                url,
                [
                    [
                        .auth("sk-s", ["max_duration_seconds": 60]), .wait("ready"),
                        .audio(168_000, frame: 160, speed: 1.33), .end, .wait("close"),
                    ]
                ])
            try await wait { server.load.secondsIn >= 0.5 }
            pause.milliseconds = 5_000
            return try #require(try await PeerClient.transcripts(client).first)
        }
        #expect(pause.milliseconds == 0, "it stood still")
        #expect(session.closeCode == 1000, "\(session.closeReason ?? "")")
        #expect(session.samplesReceived == 168_000)
        #expect(session.differingSamples == 0)
    }

    /// One session that never pauses does not hold up another on the same worker.
    @Test func sessionsTakeTurns() async throws {
        let pace = Pace()
        pace.milliseconds = 2
        let transcripts = try await serve {
            $0.workers = 1
            $0.enforcesCeiling = false
            $0.makeConverter = { _ in PacedConverter(pace) }
        } _: { _, url in
            let greedy: [PeerClient.Step] = [
                .auth("sk-s", ["max_duration_seconds": 600]), .wait("ready"), .audio(960_000, speed: 0), .sleep(60),
            ]
            let modest: [PeerClient.Step] = [
                .auth("sk-s"), .wait("ready"), .audio(16_000, speed: 1), .end, .wait("close", seconds: 30),
                .mark("done"),
            ]
            let clients = try PeerClient.start(url, [greedy, greedy, modest])
            try await clients.wait(for: "the modest one") { clients.errorsSoFar.contains("done") }
            clients.signal(SIGKILL)
            return try await clients.result().errors
        }
        #expect(transcripts.contains("done"))
    }

    /// Another version of the protocol is told which one there is (RFC 6455 §4.4).
    @Test(arguments: [
        "GET|Sec-WebSocket-Version: 8|Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        "GET|Sec-WebSocket-Version: 13",
        "GET|Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    ]) func anUpgradeThatCantBeIsAnswered(_ request: String) async throws {
        let answer = try await serve { _, url in
            let words = request.split(separator: "|").map(String.init)
            let script = """
                import socket, sys
                peer = socket.create_connection(("127.0.0.1", int(sys.argv[1])), timeout=20)
                head = [sys.argv[2] + " /v1/audio/voice-conversion HTTP/1.1", "Host: x", "Upgrade: websocket",
                        "Connection: Upgrade"] + sys.argv[3:]
                peer.sendall("\\r\\n".join(head + ["", ""]).encode())
                answer = b""
                while b"\\r\\n\\r\\n" not in answer:
                    more = peer.recv(4000)
                    if not more: break
                    answer += more
                print(answer.decode())
                """
            return try await Command.run(
                Checkout.python, ["-c", script, String(url.split(separator: ":")[2])] + words
            ).output
        }
        #expect(answer.hasPrefix("HTTP/1.1 426 "), "\(answer)")
        #expect(answer.lowercased().contains("sec-websocket-version: 13"), "\(answer)")
    }

    /// Hundreds of connections that come and go in every way: none is left, and no credit either.
    @Test func whoGoesIsGone() async throws {
        let ledger = TestLedger(notesUntilEmpty: .max)
        try await serve(ledger: ledger) { server, url in
            for _ in 0..<6 {
                let sessions = (0..<50).map { index -> [PeerClient.Step] in
                    let opened: [PeerClient.Step] = [.auth("sk-s"), .wait("ready"), .audio(640, speed: 0)]
                    return switch index % 5 {
                    case 0: opened + [.abort]
                    case 1: opened + [.end, .wait("close")]
                    case 2: opened + [.close]
                    case 3: [.abort]
                    default: [.auth("wrong"), .wait("close")]
                    }
                }
                _ = try await PeerClient.run(url, sessions: sessions)
            }
            // One that broke right after the handshake may come to the server's notice when all others are gone.
            try await wait { server.load.connections == 0 && server.load.connectionsTotal >= 300 }
            let load = server.load
            #expect(load.connections == 0)
            #expect(load.connectionsTotal == 300)
            #expect(load.sessionsTotal == 180)
            #expect(load.closes["INVALID_AUTH"] == 60)
        }
        #expect(ledger.settled.count == 180)
        #expect(ledger.openCount == 0)
    }
}

private struct ConverterBroke: Error {}

/// Fails at one moment of its life.
private final class FailingConverter: SessionConverter {
    private let moment: String
    private var blocks = 0

    init(_ moment: String) throws {
        if moment == "at birth" { throw ConverterBroke() }
        self.moment = moment
    }

    var delaySamples: Int { 0 }

    func setVoice(_ voice: Voice) throws {
        if moment == "at a change" { throw ConverterBroke() }
    }

    func convert(_ input: UnsafeBufferPointer<Float>, _ deliver: (UnsafeBufferPointer<Float>) -> Void) throws {
        blocks += 1
        if moment == "in mid-stream", blocks == 20 { throw ConverterBroke() }
        deliver(input)
    }

    func flush(_ deliver: (UnsafeBufferPointer<Float>) -> Void) throws {
        if moment == "at the end" { throw ConverterBroke() }
    }
}

/// How long each block takes; may change at any time.
private final class Pace: Sendable {
    private let value = Atomic<Int>(0)

    var milliseconds: Int {
        get { value.load(ordering: .relaxed) }
        set { value.store(newValue, ordering: .relaxed) }
    }

    /// What was set, for one block alone.
    func takeOnce() -> Int { value.exchange(0, ordering: .relaxed) }
}

/// Holds its worker for a while with every block, without using the processor.
private final class PacedConverter: SessionConverter {
    private let pace: Pace
    private let pause: Pace?

    /// - Parameter pause: how long the next block takes besides, once.
    init(_ pace: Pace, pause: Pace? = nil) {
        self.pace = pace
        self.pause = pause
    }

    var delaySamples: Int { 0 }
    func setVoice(_ voice: Voice) {}
    func convert(_ input: UnsafeBufferPointer<Float>, _ deliver: (UnsafeBufferPointer<Float>) -> Void) {
        usleep(UInt32((pace.milliseconds + (pause?.takeOnce() ?? 0)) * 1_000))
        deliver(input)
    }
    func flush(_ deliver: (UnsafeBufferPointer<Float>) -> Void) {}
}

/// A ledger for the one key `sk-s` that withdraws its reservations after so many notes.
private final class TestLedger: RelayLedger {
    private struct State {
        var open: Set<String> = []
        var notes: [String: Int] = [:]
        var noted: [String: Int] = [:]
        var settled: [Int] = []
        var closeNames: [String] = []
        var callers: [String] = []
    }

    private let notesUntilEmpty: Int
    private let state = Mutex(State())

    init(notesUntilEmpty: Int) { self.notesUntilEmpty = notesUntilEmpty }

    var settled: [Int] { state.withLock { $0.settled } }
    var closeNames: [String] { state.withLock { $0.closeNames } }
    var callers: [String] { state.withLock { $0.callers } }
    var openCount: Int { state.withLock { $0.open.count } }

    func reserve(_ credits: Int, for caller: RelayCaller) throws(RelayLedgerRefusal) -> RelayReservation {
        switch caller.token {
        case "sk-s": break
        case "sk-scope": throw .insufficientScope
        case "sk-linked" where caller.hostedUser == nil: throw .notLinked
        case "sk-linked": break
        case "sk-broken": throw .unavailable
        default: throw .unknownToken
        }
        let id = UUID().uuidString
        state.withLock {
            $0.open.insert(id)
            $0.callers.append(caller.token)
        }
        return RelayReservation(id: id, credits: credits, owner: "someone")
    }

    /// A note of no new sound is none: a client that is held up makes some.
    func note(_ reservation: RelayReservation, used: Int, samples: Int) -> RelayFunds {
        state.withLock { state in
            if state.noted[reservation.id, default: 0] < samples {
                state.noted[reservation.id] = samples
                state.notes[reservation.id, default: 0] += 1
            }
            return state.notes[reservation.id, default: 0] > notesUntilEmpty ? .gone : .held(besides: 1_000)
        }
    }

    func settle(_ reservation: RelayReservation, used: Int, samples: Int, closeName: String) -> RelaySettlement? {
        state.withLock { state in
            guard state.open.remove(reservation.id) != nil else { return nil }
            state.settled.append(used)
            state.closeNames.append(closeName)
            return RelaySettlement(creditsUsed: used, creditsRefunded: reservation.credits - used)
        }
    }
}
