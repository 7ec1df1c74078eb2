import VoiceKit
import VoiceRealtime
import VoiceRelay
import VoiceSecureStream
import VoiceWebSocket
import VoiceWebSocketClient

/// Why no connection came about, and whether another try may fare better.
struct VoiceRefusal: Error {
    var error: ConversionError
    var kind: ReconnectPolicy.Failure

    /// Another try would end the same.
    init(_ error: ConversionError) {
        self.error = error
        kind = .terminal
    }

    /// The way to the relay failed.
    init(_ error: WebSocketError, _ endpoint: RelayEndpoint) {
        self.error = ConversionError(error, endpoint: endpoint)
        kind = error.reconnectFailure
    }

    /// The relay was there and did not take the session.
    init(_ failure: RelayFailure, _ endpoint: RelayEndpoint, _ shortfall: RelayShortfall?) {
        error = .session(failure, relay: endpoint.name, hiding: endpoint.token, shortfall: shortfall)
        kind = failure.isWorthAnother ? .transient(retryAfterSeconds: nil) : .terminal
    }

    /// Whether the credential is what was refused.
    var isOfCredential: Bool {
        if case .session(.closed(.invalidAuth, _)) = error.cause { return true }
        return error.cause == .refused
    }
}

extension VoiceLink {
    /// A connection's thread, from the first packet to the last. Tells `connected` exactly once; what came to be a
    /// session tells its end to `ended`.
    func run(_ endpoint: RelayEndpoint, connected: CheckedContinuation<RelayReady, any Error>) {
        var options = endpoint.webSocketOptions
        options.redirects = .refuse
        if let externalUserID { options.headers = [HeaderField(RelayProtocol.hostedUserHeader, externalUserID)] }
        do throws(WebSocketError) {
            let driver = try WebSocketDriver(url: WebSocketURL(endpoint.url), options: options)
            if channel.attach(driver.waker) { driver.waker.signal() }
            try driver.connect()
            VoiceWire(link: self, endpoint: endpoint, driver: driver, connected: connected).run()
        } catch {
            _ = channel.attach(nil)
            let refusal = VoiceRefusal(error, endpoint)
            connected.resume(throwing: refusal.error.cause == .cancelled ? CancellationError() : refusal as any Error)
        }
    }
}

/// The loop of a voice session: packets out at the relay's pace, sound in, every turn of the protocol by `RelaySession`.
/// Lives on the thread that runs it.
private final class VoiceWire {
    private static let packetBytes = PacketPacker.Duration.milliseconds20.samples * RelayProtocol.bytesPerSample
    private static let closeNanosecondsMax: Int64 = .seconds(2)

    private let link: VoiceLink
    private let channel: VoiceChannel
    private let endpoint: RelayEndpoint
    private let driver: WebSocketDriver
    private var connected: CheckedContinuation<RelayReady, any Error>?
    private var session: RelaySession
    private var ceiling = RateCeiling()
    private var isStreaming = false
    private var paddingSamples = 0
    private var ending: RelayEnding?
    private var closeCode = RelayCloseCode.normal

    init(
        link: VoiceLink, endpoint: RelayEndpoint, driver: WebSocketDriver,
        connected: CheckedContinuation<RelayReady, any Error>
    ) {
        self.link = link
        channel = link.channel
        self.endpoint = endpoint
        self.driver = driver
        self.connected = connected
        session = RelaySession(
            auth: RelayAuth(
                token: endpoint.token, model: channel.voice.model, voice: channel.voice.voice,
                maxDurationSeconds: channel.voice.maxDurationSeconds))
    }

    func run() {
        do {
            try loop()
        } catch {
            // The driver throws for a connection that is gone: its closing event came, or this was its end.
            ending = ending ?? .failed(.closed(.webSocket(number: 1006, reason: ""), detail: nil))
        }
        driver.isReceivingPaused = false
        let ending = ending ?? .cancelled
        close()
        _ = channel.attach(nil)
        guard let connected else { return link.ended(ending) }
        switch ending {
        case .failed(let failure): connected.resume(throwing: VoiceRefusal(failure, endpoint, session.shortfall))
        case .cancelled, .finished: connected.resume(throwing: CancellationError())
        }
    }

    private func loop() throws {
        try perform(session.handle(.opened, now: monotonicNow()))
        while ending == nil {
            let now = monotonicNow()
            if channel.isUnwanted { try perform(session.handle(.cancelled, now: now)) }
            let nextSend = try feed(now)
            driver.isReceivingPaused = channel.isFull
            // A relay that is held back owes nothing.
            if !driver.isReceivingPaused { try perform(session.handle(.tick, now: monotonicNow())) }
            guard ending == nil else { return }
            let inOneSecond = now.advanced(byNanoseconds: .seconds(1))
            let deadline = driver.isReceivingPaused ? nil : session.nextDeadline
            try driver.wait(until: [nextSend, deadline].compactMap(\.self).reduce(inOneSecond, min))
            while ending == nil, !driver.isReceivingPaused, let event = driver.nextEvent() { try take(event) }
        }
    }

    /// Sends what may leave now and says when more may; `nil` when that depends on others.
    private func feed(_ now: MonotonicTime) throws -> MonotonicTime? {
        driver.waitsForRoom = false
        while isStreaming || paddingSamples > 0 {
            // What the line has not taken would leave in one piece later, and the ceiling not know.
            driver.waitsForRoom = driver.isOpen && !driver.hasRoom
            guard driver.isOpen, !driver.waitsForRoom else { return nil }
            let earliest = ceiling.earliestDeparture(of: Self.packetBytes, now: now) ?? .distantFuture
            guard earliest <= now else { return earliest }
            var packet = [UInt8](repeating: 0, count: Self.packetBytes)
            if isStreaming {
                guard let taken = channel.takePacket(Self.packetBytes) else {
                    isStreaming = false
                    try perform(session.handle(.sourceEnded, now: now))
                    continue
                }
                guard !taken.isEmpty else { return nil }
                packet = taken
            } else {
                paddingSamples -= min(paddingSamples, Self.packetBytes / RelayProtocol.bytesPerSample)
            }
            try driver.sendBinary(packet)
            // The time after the write: a thread held up in between must not make the window end too early.
            ceiling.depart(packet.count, now: monotonicNow())
            try perform(session.handle(.sent(samples: packet.count / RelayProtocol.bytesPerSample), now: now))
        }
        return nil
    }

    private func take(_ event: WebSocketEvent) throws {
        let now = monotonicNow()
        switch event {
        case .text(let text): try perform(session.handle(.text(text), now: now))
        case .binary(let bytes):
            for action in session.handle(.audio(bytes: bytes.count), now: now) {
                guard case .deliver = action else {
                    try perform([action])
                    continue
                }
                channel.deliver(bytes)
            }
        case .closed(let closure):
            try perform(session.handle(.closed(closure.relayCode, reason: closure.reason), now: now))
        }
    }

    private func perform(_ actions: [RelaySession.Action]) throws {
        for action in actions {
            switch action {
            case .sendText(let text): try driver.sendText(text)
            case .startStreaming(let ready):
                driver.heartbeatSeconds = ready.heartbeatSeconds
                isStreaming = true
                link.began(ready)
                connected?.resume(returning: ready)
                connected = nil
            case .sendPadding(let samples): paddingSamples = samples
            case .report(let usage): channel.report(usage)
            case .close(let code): closeCode = code
            case .finish(let ending): self.ending = ending
            case .deliver, .voice: break
            }
        }
    }

    /// The close handshake, for two seconds at the most.
    private func close() {
        let deadline = monotonicNow().advanced(byNanoseconds: Self.closeNanosecondsMax)
        driver.close(code: closeCode.number, reason: "")
        while monotonicNow() < deadline {
            while let event = driver.nextEvent() {
                if case .closed = event { return }
            }
            guard (try? driver.wait(until: deadline)) != nil else { return }
        }
    }
}
