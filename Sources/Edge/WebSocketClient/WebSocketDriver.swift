import Glibc
import VoiceRealtime
import VoiceSecureStream
import VoiceWebSocket

/// A WebSocket connection that its own thread drives: send, `wait`, take events, again.
///
/// Threads: one at a time owns it; only `waker` may be used from others. Blocking: `connect` and `wait`, both bounded
/// and both ended by `waker`. Memory: one received message, the send queue and 64 KiB buffers; the socket is not read
/// while an event waits to be taken, so a fast peer is held back by TCP.
public final class WebSocketDriver {
    /// Wakes `wait` and cancels `connect` from any thread.
    public nonisolated let waker: Waker
    /// The URL that was asked for.
    public let url: WebSocketURL
    /// Where `connect` ended after redirects.
    public private(set) var connectedURL: WebSocketURL?
    /// The subprotocol that the server chose.
    public private(set) var subprotocol: String?
    /// While true nothing is read from the peer and Pings are not answered: for an application that has no room.
    public var isReceivingPaused = false

    /// While true `wait` also returns when there is room: for an application that holds its bytes back until then.
    public var waitsForRoom = false
    /// Other eventfds that end `wait` once they are signalled, and are drained by it; -1 for none.
    public typealias Companions = (Int32, Int32, Int32)
    /// For a thread that does more than this connection.
    public var companions: Companions = (-1, -1, -1)

    private enum Phase {
        case idle
        case connected(SecureStream)
        /// The stream is gone; what the closure says is delivered, or waits in `lastEvent`.
        case ended
    }

    private let options: WebSocketOptions
    private let random: RandomPool
    private var phase = Phase.idle
    private var machine: WebSocketMachine
    private var life: LifeSigns
    private var meter = RoundTripMeter()
    private var counts = WebSocketMetrics()
    private var input: ReceiveBuffer
    private var event: WebSocketEvent?
    /// `closed`, which comes behind an event that nobody took yet.
    private var lastEvent: WebSocketEvent?
    /// How the peer's stream ended, while our answer to its Close has not left.
    private var inputEnd: WebSocketMachine.Input?
    /// The stream takes no more bytes: told once what the peer still sent has been read.
    private var writeError: StreamError?
    /// False when the last poll found nothing to read, so that a thread that is woken by others saves the system call.
    private var mayHaveInput = true

    /// Prepares a connection; nothing is sent before `connect`.
    public init(url: WebSocketURL, options: WebSocketOptions) throws(WebSocketError) {
        let random = RandomPool()
        self.url = url
        self.options = options
        self.random = random
        waker = try Waker()
        machine = WebSocketMachine(limits: options.limits, nextMaskKey: { random.next() })
        input = ReceiveBuffer()
        life = LifeSigns(idleNanoseconds: options.idleTimeoutNanoseconds)
        heartbeatSeconds = options.heartbeatSeconds
    }

    deinit {
        if case .connected(let stream) = phase { stream.close() }
    }

    /// The ping interval in seconds, nil for none. A change counts from now.
    public var heartbeatSeconds: Double? {
        didSet { life.start(heartbeatSeconds: heartbeatSeconds, now: monotonicNow()) }
    }

    /// Connects, once. Throws `cancelled` when `waker` is signalled, also before the call.
    public func connect() throws(WebSocketError) {
        guard case .idle = phase else { throw .alreadyConnected }
        let opener = Opener(options: options, waker: waker, random: random)
        do throws(WebSocketError) {
            let opened = try opener.open(url, &input)
            connectedURL = opened.url
            subprotocol = opened.subprotocol
            counts.bytesReceived += UInt64(input.bytes.count)
            phase = .connected(opened.stream)
            life.start(heartbeatSeconds: heartbeatSeconds, now: monotonicNow())
        } catch {
            phase = .ended
            if error == .cancelled { waker.drain() }
            throw error
        }
    }

    /// Whether messages can be sent: connected, and no side has said Close.
    public var isOpen: Bool {
        guard case .connected = phase else { return false }
        return machine.isOpen
    }

    /// Bytes that the kernel has not taken; 0 when all that was sent is on its way.
    public var pendingSendBytes: Int {
        guard case .connected(let stream) = phase else { return 0 }
        // With TLS one encrypted record may wait inside the stream.
        return machine.pendingSendBytes + (stream.pollEvents & Int16(POLLOUT) != 0 ? 1 : 0)
    }

    /// Whether what is sent now leaves at once: nothing waits here, and the kernel takes more. With
    /// `StreamOptions.sendsNothingAhead` the kernel then has nothing unsent either.
    public var hasRoom: Bool {
        guard case .connected(let stream) = phase else { return false }
        return machine.pendingSendBytes == 0 && stream.hasRoom
    }

    /// What went over the connection so far.
    public var metrics: WebSocketMetrics {
        var metrics = counts
        metrics.framesSent = machine.framesSent
        metrics.framesReceived = machine.framesReceived
        metrics.roundTripNanoseconds = meter.lastNanoseconds
        metrics.roundTripShortestNanoseconds = meter.shortestNanoseconds
        metrics.roundTripSmoothedNanoseconds = meter.smoothedNanoseconds
        return metrics
    }

    /// What was agreed on below the WebSocket, for logs.
    public var streamSummary: SecureStream.Summary? {
        guard case .connected(let stream) = phase else { return nil }
        return stream.summary
    }

    // MARK: - Sending

    /// Sends a text message, or queues what the kernel does not take.
    public func sendText(_ text: String) throws(WebSocketError) {
        try perform(.send(.text(text)))
    }

    /// Sends a binary message; its bytes are copied once, masked.
    public func sendBinary(_ bytes: UnsafeRawBufferPointer) throws(WebSocketError) {
        try perform(.sendBytes(bytes))
    }

    /// Sends a binary message; the array is kept, not copied, until its bytes are masked.
    public func sendBinary(_ bytes: [UInt8]) throws(WebSocketError) {
        try perform(.send(.binary(bytes)))
    }

    /// Sends one part of a message; the last has `endsMessage`. Control frames go between, other messages can't.
    public func sendPart(_ kind: MessageKind, _ bytes: [UInt8], endsMessage: Bool) throws(WebSocketError) {
        try perform(.sendPart(kind, bytes, endsMessage: endsMessage))
    }

    /// Sends a Ping whose Pong becomes a round trip in `metrics`. Returns its number, for `lastAnsweredPing`.
    @discardableResult
    public func ping() throws(WebSocketError) -> UInt64 {
        try perform(.ping(meter.pingPayload(now: monotonicNow())))
        counts.pingsSent += 1
        return meter.lastPing
    }

    /// The number of the last Ping that was answered, heartbeats included: they count from 1. A Pong also answers all
    /// earlier Pings (RFC 6455 §5.5.3).
    public var lastAnsweredPing: UInt64 { meter.lastAnswered }

    /// Says Close behind all that was sent; `closed` follows as the last event. Later calls do nothing.
    ///
    /// The reason is cut to 123 bytes, and a code that may not travel (RFC 6455 §7.4) is sent as 1000.
    public func close(code: UInt16, reason: String) {
        var cut = reason
        while cut.utf8.count > CloseCode.reasonBytesMax { cut.removeLast() }
        let sent = CloseCode.mayTravel(code) ? code : CloseCode.normal
        // With such arguments a close is never misuse; before `connect` there is nothing to close.
        try? perform(.close(code: sent, reason: cut))
    }

    /// Drops the connection without a Close handshake; `closed` follows.
    public func abort() {
        guard case .connected = phase else { return }
        try? machine.perform(.abort, now: monotonicNow())
        if let closure = machine.closure { end(closure) }
    }

    private func perform(_ command: WebSocketMachine.Command) throws(WebSocketError) {
        guard case .connected(let stream) = phase else { throw .notConnected }
        do throws(WebSocketMisuse) {
            try machine.perform(command, now: monotonicNow())
        } catch {
            throw .misuse(error)
        }
        flush(stream)
    }

    // MARK: - Receiving

    /// The next event, if one is there. Never blocks; takes no new bytes from the socket.
    public func nextEvent() -> WebSocketEvent? {
        if event == nil, case .connected = phase { parse(now: monotonicNow()) }
        if let event {
            self.event = nil
            return event
        }
        defer { lastEvent = nil }
        return lastEvent
    }

    /// Whether `nextEvent` has something that the application wants now.
    private var hasEvent: Bool { (event != nil && !isReceivingPaused) || lastEvent != nil }

    /// Moves bytes both ways and keeps the connection alive, until an event can be taken, all that waited to be sent
    /// has left, a Pong came, there is room that was waited for, `waker` was signalled, a companion is readable, or
    /// `deadline` has come; at least once in any case.
    ///
    /// Throws `notConnected` alone: whatever happens to the connection becomes the event `closed`.
    public func wait(until deadline: MonotonicTime) throws(WebSocketError) {
        if hasEvent { return }
        guard case .connected(let stream) = phase else { throw .notConnected }
        // Without time for a poll the socket itself is asked.
        if monotonicNow() >= deadline { mayHaveInput = true }
        let hadPending = pendingSendBytes > 0
        let pongsBefore = counts.pongsReceived
        while true {
            flush(stream)
            if inputEnd != nil {
                endInput(stream)
            } else if mayHaveInput || writeError != nil {
                read(stream)
            }
            guard case .connected = phase else { return }
            let now = monotonicNow()
            keepTime(now: now)
            guard case .connected = phase else { return }
            flush(stream)
            if hasEvent { return }
            if hadPending && pendingSendBytes == 0 { return }
            if counts.pongsReceived != pongsBefore { return }
            if waitsForRoom && hasRoom { return }
            if now >= deadline { return }
            let outcome = poll(stream, until: deadline)
            mayHaveInput = outcome.contains(.stream)
            if outcome.contains(.waker) { waker.drain() }
            if !outcome.isDisjoint(with: [.waker, .companion]) { return }
        }
    }

    private func poll(_ stream: SecureStream, until deadline: MonotonicTime) -> Poller.Outcome {
        let timer = min(deadline, machine.nextDeadline ?? deadline)
        return Poller.wait(
            stream, reading: !isReceivingPaused && inputEnd == nil,
            writing: writeError == nil && (waitsForRoom || machine.pendingSendBytes > 0), waker: waker,
            until: life.nextDeadline(limit: timer), companions: companions)
    }

    /// Reads and handles what has come, until an event waits or the socket has no more.
    private func read(_ stream: SecureStream) {
        parse(now: monotonicNow())
        // A peer that never stops must not keep the thread from its clock.
        for _ in 0..<64 {
            guard event == nil, !isReceivingPaused, inputEnd == nil, case .connected = phase else { return }
            do throws(StreamError) {
                switch try input.read(from: stream) {
                case .bytes(let count):
                    counts.bytesReceived += UInt64(count)
                    let now = monotonicNow()
                    life.heard(now: now)
                    parse(now: now)
                case .wouldBlock:
                    if let writeError { return streamFailed(writeError) }
                    return
                case .endOfStream(let isClean):
                    inputEnd = isClean ? .endOfStream : .transportFailed("the TLS stream was cut")
                    return endInput(stream)
                }
            } catch {
                return streamFailed(writeError ?? error)
            }
        }
    }

    /// The peer's stream has ended. A peer that said Close and only then ended its half still gets our answer.
    private func endInput(_ stream: SecureStream) {
        guard let inputEnd else { return }
        flush(stream)
        let mustAnswer = !machine.isOpen && machine.nextDeadline != nil && machine.pendingSendBytes > 0
        if mustAnswer && writeError == nil { return }
        if let writeError { streamFailed(writeError) } else { handle(inputEnd) }
    }

    /// Handles buffered bytes up to the first event.
    private func parse(now: MonotonicTime) {
        while event == nil, !isReceivingPaused, !input.isEmpty {
            let step = machine.handle(.received(input.bytes), now: now)
            input.consume(step.usedBytes)
            act(step.action, now: now)
        }
    }

    private func handle(_ input: WebSocketMachine.Input) {
        let now = monotonicNow()
        act(machine.handle(input, now: now).action, now: now)
    }

    private func streamFailed(_ error: StreamError) {
        handle(.transportFailed(error.description))
    }

    private func act(_ action: WebSocketMachine.Action, now: MonotonicTime) {
        switch action {
        case .none:
            break
        case .message(.text(let text)):
            counts.messagesReceived += 1
            event = .text(text)
        case .message(.binary(let bytes)):
            counts.messagesReceived += 1
            event = .binary(bytes)
        case .pong(let payload):
            counts.pongsReceived += 1
            meter.pong(payload, now: now)
        case .disconnect(let closure):
            end(closure)
        }
    }

    private func end(_ closure: WebSocketClosure) {
        if case .connected(let stream) = phase {
            // Tells a TLS peer that nothing was cut off. A server has ended its own stream by now (RFC 6455 §7.1.1).
            if closure.wasClean { stream.shutdownSend() }
            stream.close()
        }
        phase = .ended
        lastEvent = .closed(closure)
    }

    // MARK: - Time and writing

    private func keepTime(now: MonotonicTime) {
        if let deadline = machine.nextDeadline, now >= deadline { handle(.timer) }
        guard case .connected = phase else { return }
        if event != nil || isReceivingPaused {
            life.pause(now: now)
            return
        }
        switch life.judge(now: now) {
        case .fine:
            break
        case .sendPing:
            // A queue that is full of pings, or closing, needs no other.
            if (try? machine.perform(.ping(meter.pingPayload(now: now)), now: now)) != nil { counts.pingsSent += 1 }
        case .lost:
            handle(.heartbeatLost)
        case .idle:
            close(code: CloseCode.goingAway, reason: "idle")
        }
    }

    /// Gives the kernel what it takes.
    private func flush(_ stream: SecureStream) {
        guard writeError == nil else { return }
        do throws(StreamError) {
            while true {
                let bytes = machine.output()
                if bytes.isEmpty { break }
                let count = try stream.write(bytes)
                if count == 0 { return }
                counts.bytesSent += UInt64(count)
                machine.didSend(count)
            }
        } catch {
            writeError = error
        }
    }
}
