import VoiceRealtime

/// The life of an open connection: RFC 6455 §5 to §7 for a client, without a socket, a clock or a thread.
///
/// Every transition stands in this file. What comes from outside goes through `handle`, what the application wants
/// through `perform`; bytes for the transport wait in `output()`. Time and mask keys are arguments.
/// Threads: one owner. Memory: one message of at most `messageBytesMax`, and the send queue's bound.
public struct WebSocketMachine: ~Copyable {
    private enum State {
        /// Messages go both ways.
        /// Exits: `closing` (perform close), `ending` (peer's Close, violation), `closed` (transport).
        case open
        /// Our Close is queued or sent, the peer's has not come: messages are checked but no longer delivered.
        /// Exits: `ending` (peer's Close, violation), `closed` (transport, deadline).
        case closing(code: UInt16, reason: String, deadline: MonotonicTime)
        /// Nothing from the peer counts any more; what is queued leaves, and the server ends its stream (§7.1.1).
        /// Exits: `closed` (end of stream, deadline).
        case ending(WebSocketClosure, deadline: MonotonicTime)
        /// No exit.
        case closed(WebSocketClosure)
    }

    private let limits: WebSocketLimits
    private var state = State.open
    private var parser = FrameParser()
    private var queue: SendQueue
    /// The kind of the message that is arriving, between its first frame and its last.
    private var arriving: MessageKind?
    private var arrived: [UInt8] = []
    private var arrivedBytes = 0
    private var text = UTF8Validator()
    private var frame = FrameHeader(opcode: .binary, isFinal: true, payloadBytes: 0)
    private var control: [UInt8] = []
    /// The kind of the message that the application is sending in parts.
    private var sending: MessageKind?
    private var sendingText = UTF8Validator()

    /// A machine in the open state: the handshake has succeeded.
    ///
    /// `nextMaskKey` is called for each frame sent and must come from a CSPRNG (RFC 6455 §5.3).
    public init(limits: WebSocketLimits, nextMaskKey: @escaping () -> UInt32) {
        self.limits = limits
        queue = SendQueue(fragmentBytes: limits.sendFragmentBytes, nextMaskKey: nextMaskKey)
    }

    /// Whether messages can be sent.
    public var isOpen: Bool {
        switch state {
        case .open: true
        case .closing, .ending, .closed: false
        }
    }

    /// How it ended, once `disconnect` was reported.
    public var closure: WebSocketClosure? {
        switch state {
        case .closed(let closure): closure
        case .open, .closing, .ending: nil
        }
    }

    /// When `timer` is due.
    public var nextDeadline: MonotonicTime? {
        switch state {
        case .open, .closed: nil
        case .closing(_, _, let deadline), .ending(_, let deadline): deadline
        }
    }

    /// Bytes that the transport has not taken; zero exactly when nothing waits.
    public var pendingSendBytes: Int { queue.pendingBytes }

    /// Frames of every kind made ready for the transport so far.
    public var framesSent: UInt64 { queue.framesCount }

    /// Frames of every kind whose header came so far.
    public private(set) var framesReceived: UInt64 = 0

    /// Bytes for the transport now, empty when nothing waits. Valid until the next call on the machine.
    public mutating func output() -> UnsafeRawBufferPointer { queue.output() }

    /// The transport took so many bytes of `output()`.
    public mutating func didSend(_ count: Int) { queue.didSend(count) }

    // MARK: - From the application

    /// Does what the application wants, or throws and does nothing.
    public mutating func perform(_ command: Command, now: MonotonicTime) throws(WebSocketMisuse) {
        switch (state, command) {
        case (.open, .send(.text(let text))):
            try admitMessage(text.utf8.count)
            queue.add(.text, endsMessage: true, Array(text.utf8))
        case (.open, .send(.binary(let bytes))):
            try admitMessage(bytes.count)
            queue.add(.binary, endsMessage: true, bytes)
        case (.open, .sendBytes(let bytes)):
            try admitMessage(bytes.count)
            queue.add(.binary, endsMessage: true, bytes)
        case (.open, .sendPart(let kind, let bytes, let endsMessage)):
            let opcode = try admitPart(kind, bytes, endsMessage)
            queue.add(opcode, endsMessage: endsMessage, bytes)
        case (.open, .ping(let payload)):
            guard payload.count <= 125 else { throw .controlPayloadTooLong }
            guard queue.addPing(payload) else { throw .tooManyPings }
        case (.open, .close(let code, let reason)):
            let payload = try Self.closePayload(code, reason)
            queue.seal(closePayload: payload)
            arrived = []
            state = .closing(
                code: code ?? CloseCode.noStatus, reason: reason,
                deadline: now.advanced(byNanoseconds: limits.closeNanoseconds))
        case (.open, .abort), (.closing, .abort), (.ending, .abort):
            finish(
                WebSocketClosure(code: CloseCode.abnormal, reason: "", wasClean: false, cause: .aborted))
        case (.closing, .close), (.ending, .close), (.closed, .close), (.closed, .abort):
            // Closing twice is no misuse: two parts of an application may both want the end.
            break
        case (.closing, .send), (.closing, .sendBytes), (.closing, .sendPart), (.closing, .ping),
            (.ending, .send), (.ending, .sendBytes), (.ending, .sendPart), (.ending, .ping),
            (.closed, .send), (.closed, .sendBytes), (.closed, .sendPart), (.closed, .ping):
            throw .notOpen
        }
    }

    /// Whether a whole message may be sent now: none is unfinished, and the queue has room.
    private func admitMessage(_ count: Int) throws(WebSocketMisuse) {
        guard sending == nil else { throw .messageUnfinished }
        try checkRoom(count)
    }

    /// The opcode of the next part of a message, if order, queue and UTF-8 allow it (RFC 6455 §5.4, §5.6).
    private mutating func admitPart(
        _ kind: MessageKind, _ bytes: [UInt8], _ endsMessage: Bool
    ) throws(WebSocketMisuse) -> Opcode {
        let opcode: Opcode
        switch (sending, kind) {
        case (nil, _): opcode = kind.opcode
        case (.text, .text), (.binary, .binary): opcode = .continuation
        case (.text, .binary), (.binary, .text): throw .messageUnfinished
        }
        try checkRoom(bytes.count)
        if case .text = kind {
            var validator = sending == nil ? UTF8Validator() : sendingText
            let isText = bytes.withUnsafeBytes { bytes in validator.accept(bytes) }
            guard isText, validator.isComplete || !endsMessage else { throw .invalidUTF8 }
            sendingText = validator
        }
        sending = endsMessage ? nil : kind
        return opcode
    }

    private func checkRoom(_ count: Int) throws(WebSocketMisuse) {
        let pending = queue.pendingBytes
        guard count <= limits.sendQueueBytesMax, pending == 0 || count <= limits.sendQueueBytesMax - pending else {
            throw .sendQueueFull(limitBytes: limits.sendQueueBytesMax)
        }
    }

    /// The payload of a Close frame (RFC 6455 §5.5.1): empty, or two bytes of code and the reason.
    private static func closePayload(_ code: UInt16?, _ reason: String) throws(WebSocketMisuse) -> [UInt8] {
        guard let code else {
            guard reason.isEmpty else { throw .invalidCloseCode(CloseCode.noStatus) }
            return []
        }
        guard CloseCode.mayTravel(code) else { throw .invalidCloseCode(code) }
        guard reason.utf8.count <= CloseCode.reasonBytesMax else { throw .closeReasonTooLong }
        return [UInt8(code >> 8), UInt8(code & 0xFF)] + Array(reason.utf8)
    }

    // MARK: - From the transport and the clock

    /// Takes one input as far as its first action. Call again with what is left of `received` until it is used up.
    public mutating func handle(_ input: Input, now: MonotonicTime) -> Step {
        switch (state, input) {
        case (.open, .received(let bytes)), (.closing, .received(let bytes)):
            return receive(bytes, now)
        case (.ending, .received(let bytes)), (.closed, .received(let bytes)):
            return Step(usedBytes: bytes.count, action: .none)

        case (.open, .endOfStream):
            return disconnect(.endOfStream)
        case (.closing, .endOfStream):
            return disconnect(.endOfStream)
        case (.open, .transportFailed(let text)), (.closing, .transportFailed(let text)):
            return disconnect(.transportFailed(text))
        case (.open, .heartbeatLost), (.closing, .heartbeatLost):
            return disconnect(.heartbeatLost)

        case (.ending(let closure, _), .endOfStream), (.ending(let closure, _), .transportFailed),
            (.ending(let closure, _), .heartbeatLost):
            return disconnect(closure)
        case (.ending(let closure, let deadline), .timer):
            return now < deadline ? Step(usedBytes: 0, action: .none) : disconnect(closure)
        case (.closing(_, _, let deadline), .timer):
            return now < deadline ? Step(usedBytes: 0, action: .none) : disconnect(.closeTimeout)

        case (.open, .timer), (.closed, .endOfStream), (.closed, .transportFailed), (.closed, .heartbeatLost),
            (.closed, .timer):
            return Step(usedBytes: 0, action: .none)
        }
    }

    private mutating func receive(_ bytes: UnsafeRawBufferPointer, _ now: MonotonicTime) -> Step {
        var offset = 0
        do throws(ProtocolViolation) {
            while true {
                let action: Action
                switch try parser.next(in: bytes, at: &offset) {
                case .needsInput:
                    return Step(usedBytes: offset, action: .none)
                case .header(let header):
                    try begin(header)
                    action = header.payloadBytes == 0 ? try endFrame(now) : .none
                case .payload(let run, let endsFrame):
                    try take(UnsafeRawBufferPointer(rebasing: bytes[run]))
                    action = endsFrame ? try endFrame(now) : .none
                }
                if case .none = action, isReading { continue }
                return Step(usedBytes: isReading ? offset : bytes.count, action: action)
            }
        } catch {
            fail(error, now)
            return Step(usedBytes: bytes.count, action: .none)
        }
    }

    /// Whether what the peer sends still counts.
    private var isReading: Bool {
        switch state {
        case .open, .closing: true
        case .ending, .closed: false
        }
    }

    /// A header came: the rules between frames (RFC 6455 §5.4) and the limits, before any payload is taken.
    private mutating func begin(_ header: FrameHeader) throws(ProtocolViolation) {
        frame = header
        framesReceived &+= 1
        switch header.opcode {
        case .close, .ping, .pong:
            control.removeAll(keepingCapacity: true)
            return
        case .text: try beginMessage(.text, limits.acceptsText)
        case .binary: try beginMessage(.binary, limits.acceptsBinary)
        case .continuation:
            guard arriving != nil else { throw .unexpectedContinuation }
        }
        guard header.payloadBytes <= limits.frameBytesMax else {
            throw .frameTooLarge(limitBytes: limits.frameBytesMax)
        }
        guard header.payloadBytes <= limits.messageBytesMax - arrivedBytes else {
            throw .messageTooLarge(limitBytes: limits.messageBytesMax)
        }
        if isOpen && arrivedBytes == 0 { arrived.reserveCapacity(header.payloadBytes) }
    }

    private mutating func beginMessage(_ kind: MessageKind, _ isAccepted: Bool) throws(ProtocolViolation) {
        guard arriving == nil else { throw .interleavedMessage }
        guard isAccepted else { throw .unacceptableKind }
        arriving = kind
        arrivedBytes = 0
        text = UTF8Validator()
    }

    /// A run of payload came.
    private mutating func take(_ run: UnsafeRawBufferPointer) throws(ProtocolViolation) {
        switch frame.opcode {
        case .close, .ping, .pong:
            control.append(contentsOf: run)
        case .text, .binary, .continuation:
            if case .text = arriving, !text.accept(run) { throw .invalidUTF8 }
            arrivedBytes += run.count
            if isOpen { arrived.append(contentsOf: run) }
        }
    }

    /// A frame's last byte came.
    private mutating func endFrame(_ now: MonotonicTime) throws(ProtocolViolation) -> Action {
        switch frame.opcode {
        case .ping:
            queue.addPong(control)
            return .none
        case .pong:
            return isOpen ? .pong(control) : .none
        case .close:
            try receivedClose(now)
            return .none
        case .text, .binary, .continuation:
            guard frame.isFinal, let kind = arriving else { return .none }
            if case .text = kind, !text.isComplete { throw .invalidUTF8 }
            arriving = nil
            arrivedBytes = 0
            guard isOpen else { return .none }
            var bytes: [UInt8] = []
            swap(&bytes, &arrived)
            switch kind {
            case .text: return .message(.text(String(decoding: bytes, as: UTF8.self)))
            case .binary: return .message(.binary(bytes))
            }
        }
    }

    /// The peer's Close (RFC 6455 §5.5.1): answered with its own code when it came first.
    private mutating func receivedClose(_ now: MonotonicTime) throws(ProtocolViolation) {
        guard control.count != 1 else { throw .closePayloadOfOneByte }
        var code = CloseCode.noStatus
        if control.count >= 2 {
            code = UInt16(control[0]) << 8 | UInt16(control[1])
            guard CloseCode.mayTravel(code) else { throw .invalidCloseCode(code) }
        }
        let reasonBytes = control.dropFirst(2)
        var validator = UTF8Validator()
        let isText = reasonBytes.withUnsafeBytes { bytes in validator.accept(bytes) }
        guard isText && validator.isComplete else { throw .invalidUTF8 }

        switch state {
        case .open:
            queue.seal(closePayload: Array(control.prefix(2)))
            let reason = String(decoding: reasonBytes, as: UTF8.self)
            end(WebSocketClosure(code: code, reason: reason, wasClean: true, cause: .peer), now)
        case .closing(let ownCode, let ownReason, _):
            end(WebSocketClosure(code: ownCode, reason: ownReason, wasClean: true, cause: .local), now)
        case .ending, .closed:
            break
        }
    }

    /// The peer broke the protocol: it is told the code, and nothing of it counts any more (RFC 6455 §7.1.7).
    private mutating func fail(_ violation: ProtocolViolation, _ now: MonotonicTime) {
        let code = violation.closeCode
        queue.seal(closePayload: [UInt8(code >> 8), UInt8(code & 0xFF)] + Array(violation.reason.utf8))
        end(WebSocketClosure(code: code, reason: violation.reason, wasClean: false, cause: .violation(violation)), now)
    }

    /// Waits for the queue to drain and the server to end its stream.
    private mutating func end(_ closure: WebSocketClosure, _ now: MonotonicTime) {
        arrived = []
        state = .ending(closure, deadline: now.advanced(byNanoseconds: limits.lingerNanoseconds))
    }

    private mutating func disconnect(_ cause: WebSocketClosure.Cause) -> Step {
        disconnect(WebSocketClosure(code: CloseCode.abnormal, reason: "", wasClean: false, cause: cause))
    }

    private mutating func disconnect(_ closure: WebSocketClosure) -> Step {
        var closure = closure
        // Our own Close never left: that is no handshake.
        closure.wasClean = closure.wasClean && queue.pendingBytes == 0
        finish(closure)
        return Step(usedBytes: 0, action: .disconnect(closure))
    }

    private mutating func finish(_ closure: WebSocketClosure) {
        queue.discard()
        arrived = []
        state = .closed(closure)
    }
}
