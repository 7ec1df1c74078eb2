import Logging
import NIOCore
import NIOWebSocket
import VoiceRelay

/// One relay connection: frames in, the session's actions out, heartbeats both ways.
///
/// An actor on its session's place in the worker pool: conversion never runs on an event loop, nor on Swift's own threads.
actor RelayConnection {
    private var session: ServerSession
    private let outbound: NIOAsyncChannelOutboundWriter<WebSocketFrame>
    private let heartbeat: TimeAmount
    private let logger: Logger
    private let executor: SessionExecutor
    private let registry: SessionRegistry
    private var lastFrame = NIODeadline.now()
    private var lastPing = NIODeadline.now()
    private var lastTick = NIODeadline.now()
    private var hasForgivenLateness = false
    /// When our Close left; the peer gets `closeSecondsMax` to answer it.
    private var closeTime: NIODeadline?
    private static let closeSecondsMax: Int64 = 2
    /// Until when the peer itself held us up by not reading: that is no lateness of ours.
    private var heldUntil = NIODeadline.uptimeNanoseconds(0)
    private static let writeMax = TimeAmount.milliseconds(5)

    init(
        session: consuming ServerSession, outbound: NIOAsyncChannelOutboundWriter<WebSocketFrame>,
        heartbeatSeconds: Double, executor: SessionExecutor, logger: Logger, registry: SessionRegistry
    ) {
        self.session = session
        self.outbound = outbound
        heartbeat = .nanoseconds(Int64(heartbeatSeconds * 1_000_000_000))
        self.executor = executor
        self.logger = logger
        self.registry = registry
    }

    nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

    /// Handles one frame; `false` when the connection is to be closed.
    func receive(_ arrival: FrameArrival) async throws -> Bool {
        let frame = arrival.frame
        let now = NIODeadline.now()
        lastFrame = now
        hasForgivenLateness = false
        switch frame.opcode {
        case .text:
            try await perform(session.text(String(buffer: frame.unmaskedData), now: now))
        case .binary:
            let since = max(arrival.time, heldUntil)
            executor.noteLateness(now - min(since, now), now: now)
            let bytes = frame.unmaskedData.readableBytesView
            try await perform(session.audio(bytes, arrived: arrival.time, lateness: arrival.lateness, now: now))
        case .ping:
            try await send(.pong, frame.unmaskedData)
        case .connectionClose:
            session.abandon()
            if closeTime == nil {
                closeTime = now
                try await send(.connectionClose, frame.unmaskedData)
            }
            return false
        default: break
        }
        return true
    }

    /// Heartbeat and deadlines; `false` when the peer is gone.
    func tick() async throws -> Bool {
        let now = NIODeadline.now()
        forgiveLateness(now)
        if let closeTime { return now - closeTime < .seconds(Self.closeSecondsMax) }
        if now - lastFrame > heartbeat * 2 {
            session.abandon()
            try await close(.heartbeatLost, detail: "nothing came for two heartbeats")
            return false
        }
        if now - lastPing >= heartbeat {
            lastPing = now
            try await send(.ping, ByteBuffer())
        }
        try await perform(session.tick(now))
        return true
    }

    /// Where this process stood still, what the peer sent may not have been read yet: once in each silence that is not
    /// held against it, and it has one more heartbeat.
    private func forgiveLateness(_ now: NIODeadline) {
        let pause = now - lastTick
        lastTick = now
        guard pause > .seconds(1), pause * 2 > heartbeat, !hasForgivenLateness else { return }
        hasForgivenLateness = true
        lastFrame = max(lastFrame, now - heartbeat)
    }

    /// The session's converter, elsewhere, has something to say.
    func pump() async throws {
        try await perform(session.pump(.now()))
    }

    func shutDown() async {
        try? await perform(session.shutDown())
    }

    func abandon() {
        session.abandon()
    }

    private func perform(_ actions: [ServerSession.Action]) async throws {
        for action in actions where closeTime == nil {
            switch action {
            case .sendText(let text): try await send(.text, ByteBuffer(string: text))
            case .sendAudio(let bytes): try await send(.binary, ByteBuffer(bytes: bytes))
            case .close(let code, let detail): try await close(code, detail: detail)
            }
        }
    }

    private func close(_ code: RelayCloseCode, detail: String) async throws {
        guard closeTime == nil else { return }
        closeTime = .now()
        registry.noteClose(code)
        logger.info("session closes", metadata: ["code": "\(code.number)", "reason": "\(detail)"])
        var payload = ByteBuffer()
        payload.write(webSocketErrorCode: WebSocketErrorCode(codeNumber: Int(code.number)))
        // A control frame holds 125 bytes (RFC 6455 §5.5), two of them the number.
        payload.writeString(Self.reason(code, detail))
        try await send(.connectionClose, payload)
    }

    /// The profile's names lead the reason, so that a client knows them whatever the number.
    private static func reason(_ code: RelayCloseCode, _ detail: String) -> String {
        let full: String
        switch code {
        case .normal: full = ""
        case .webSocket, .other: full = detail
        case .invalidAuth, .balanceExhausted, .sessionTimeout, .formatViolation, .upstreamDisconnected, .heartbeatLost:
            full = detail.isEmpty ? code.name : "\(code.name): \(detail)"
        }
        var reason = full
        while reason.utf8.count > 123 { reason.removeLast() }
        return reason
    }

    private func send(_ opcode: WebSocketOpcode, _ data: ByteBuffer) async throws {
        let start = NIODeadline.now()
        try await outbound.write(WebSocketFrame(fin: true, opcode: opcode, data: data))
        let end = NIODeadline.now()
        if end - start > Self.writeMax { heldUntil = end }
    }
}
