import VoiceLivePath
import VoiceRealtime
import VoiceRelay
import VoiceSecureStream
import VoiceSignal
import VoiceWebSocket
import VoiceWebSocketClient

/// The relay over a WebSocket, and the way back to it when it was lost.
///
/// Every end of a connection goes through `RelayComeback`, which decides: again with backoff, again at once, or the end.
package final class RelayBackend: LiveBackend {
    private enum State {
        /// Nothing until this time.
        case waiting(until: MonotonicTime)
        case connecting(RelayConnector)
        case open(WebSocketDriver)
        /// `failure` says why, or the user stopped.
        case ended
    }

    private static let closeNanosecondsMax: Int64 = .seconds(2)
    /// 10 ms: the weak beginning of most consonants.
    private static let lookAheadSamples = RelayProtocol.sampleRate / 100

    private let endpoint: RelayEndpoint
    private let playsOwnVoice: Bool
    private let waker: LiveWaker
    private var state: State
    private var session: RelaySession
    private var token: String
    private var voice: RelayVoice
    private var comeback: RelayComeback
    private var ready: RelayReady?
    private var creditsBefore = 0
    /// Samples that had come back when the relay stopped to answer; nil while it answers.
    private var stalledAt: Int?
    private var wire: LiveWire
    private var gate: LookAheadGate
    private let gated: UnsafeMutableBufferPointer<Float>
    package private(set) var failure: ConversionError?

    /// - Parameters:
    ///   - end: when the user wants no more, if ever: the relay is not asked for more than that.
    ///   - waker: signalled when a connection is there.
    package init(
        _ endpoint: RelayEndpoint, voice: String, options: LiveOptions, end: MonotonicTime?, waker: LiveWaker
    ) throws(ConversionError) {
        wire = try LiveWire(options.wire)
        // Delay for those alone who asked for a gate.
        gate = LookAheadGate(
            sampleRate: RelayProtocol.sampleRate,
            lookAheadFrames: options.gateDecibels == nil ? 0 : Self.lookAheadSamples)
        gated = .allocate(capacity: RelayProtocol.sampleRate / 25)
        gated.initialize(repeating: 0)
        self.endpoint = endpoint
        self.voice = RelayVoice(voice)
        self.waker = waker
        token = endpoint.token
        comeback = RelayComeback(
            relay: endpoint.name, secondsMax: options.maxDurationSeconds, renews: options.renews, end: end,
            refreshes: endpoint.tokens != nil)
        playsOwnVoice = options.playsOwnVoiceOnLoss
        session = RelaySession(auth: RelayAuth(token: "", voice: "", maxDurationSeconds: 0))
        state = .waiting(until: MonotonicTime(nanoseconds: 0))
    }

    deinit {
        gated.deallocate()
    }

    // MARK: - One round

    package func turn(_ path: inout LivePath, now: MonotonicTime) -> [LiveEvent] {
        switch state {
        case .ended: return []
        case .waiting(let until):
            if now >= until { connect() }
            return []
        case .connecting(let connector):
            switch connector.takeResult() {
            case nil: return []
            case .success(let opened): return begin(opened, &path, now)
            case .failure(let failure): return lost(&path, now, .unconnected(failure.error, failure.kind))
            }
        case .open(let driver): return stream(driver, &path, now)
        }
    }

    private func connect() {
        let connector = RelayConnector(endpoint, refusedToken: comeback.refusedToken, waker: waker)
        state = .connecting(connector)
        connector.start()
    }

    private func begin(
        _ opened: RelayConnector.Opened, _ path: inout LivePath, _ now: MonotonicTime
    ) -> [LiveEvent] {
        state = .open(opened.driver)
        token = opened.token
        session = RelaySession(
            auth: RelayAuth(
                token: token, voice: voice.forAuth, format: wire.wire.format,
                maxDurationSeconds: comeback.seconds(now: now)))
        return perform(session.handle(.opened, now: now), opened.driver, &path, now)
    }

    private func stream(_ driver: WebSocketDriver, _ path: inout LivePath, _ now: MonotonicTime) -> [LiveEvent] {
        var events: [LiveEvent] = []
        while case .open = state, let event = driver.nextEvent() { events += take(event, driver, &path, now) }
        guard case .open = state else { return events }
        events += perform(session.handle(.tick, now: now), driver, &path, now)
        guard case .open = state, ready != nil else { return events }
        if path.isIdle || (path.isBypassed && path.source == .ownVoice) {
            _ = session.handle(.sourcePaused, now: now)
        }
        events += watch(&path, now)
        // Nothing is sent behind what the line has not taken: it would leave in one piece later, and the ceiling not know.
        while driver.isOpen, case .now(let count) = path.departure(now: now), driver.hasRoom {
            path.depart(samples: count, clock: monotonicNow, send: { send($0, driver) })
            _ = session.handle(.sent(samples: count), now: now)
        }
        return events
    }

    /// A relay may stand still while its connection lives.
    private func watch(_ path: inout LivePath, _ now: MonotonicTime) -> [LiveEvent] {
        let isStalled = path.watchAnswers(ownVoice: playsOwnVoice, now: now)
        guard isStalled != (stalledAt != nil) else { return [] }
        if isStalled {
            stalledAt = path.counts.received
            return [.relayStalled]
        }
        defer { stalledAt = nil }
        // Where nothing is sent any more, nothing is known of it.
        return path.counts.received == stalledAt ? [] : [.relayAnswers]
    }

    private func send(_ block: UnsafeBufferPointer<Float>, _ driver: WebSocketDriver) {
        let part = UnsafeMutableBufferPointer(rebasing: gated[..<min(block.count, gated.count)])
        for index in 0..<part.count { part[index] = block[index] }
        gate.apply(to: part)
        // A connection that ends here says so by its last event.
        try? driver.sendBinary(wire.encode(UnsafeBufferPointer(part)))
    }

    private func take(
        _ event: WebSocketEvent, _ driver: WebSocketDriver, _ path: inout LivePath, _ now: MonotonicTime
    ) -> [LiveEvent] {
        switch event {
        case .text(let text): return perform(session.handle(.text(text), now: now), driver, &path, now)
        case .binary(let bytes):
            var events: [LiveEvent] = []
            for action in session.handle(bytes.withUnsafeBytes { wire.input($0) }, now: now) {
                guard case .deliver = action else {
                    events += perform([action], driver, &path, now)
                    continue
                }
                bytes.withUnsafeBytes { path.receive(wire.decode($0), now: now) }
            }
            return events
        case .closed(let closure):
            return perform(
                session.handle(.closed(closure.relayCode, reason: closure.reason), now: now), driver, &path, now)
        }
    }

    private func perform(
        _ actions: [RelaySession.Action], _ driver: WebSocketDriver, _ path: inout LivePath, _ now: MonotonicTime
    ) -> [LiveEvent] {
        var events: [LiveEvent] = []
        for action in actions {
            switch action {
            case .sendText(let text): try? driver.sendText(text)
            case .startStreaming(let ready):
                self.ready = ready
                driver.heartbeatSeconds = ready.heartbeatSeconds
                comeback.ready(now: now)
                // At the speaking pace the ceiling costs nothing; a stalled microphone that catches up must keep it.
                path.setPacket(wire.packet)
                path.converterReady(delaySamples: ready.delaySamples + ownDelaySamples, isPaced: true)
                wire.reset()
                gate.clear()
                events.append(.ready(sessionID: ready.sessionID))
                events += voice.ready()
            case .voice(let answer): events += voice.answered(answer)
            case .close(let code):
                driver.close(code: code.number, reason: "")
                try? driver.wait(until: now)
            case .finish(let ending): events += finished(ending, &path, now)
            case .report, .deliver, .sendPadding: break
            }
        }
        return events
    }

    // MARK: - Ends

    private func finished(_ ending: RelayEnding, _ path: inout LivePath, _ now: MonotonicTime) -> [LiveEvent] {
        guard case .failed(let failure) = ending else {
            state = .ended
            return []
        }
        if session.isFormatRefused, wire.wire != .pcm, let plain = try? LiveWire(.pcm) {
            let refused = wire.wire
            wire = plain
            ready = nil
            state = .waiting(until: now)
            return [.wireRefused(refused)]
        }
        // A voice that the relay does not have ends a session there, but not this one.
        if case .closed(.webSocket(number: 1008, _), let detail) = failure, let events = voice.refused(detail) {
            leave(&path)
            state = .waiting(until: now)
            return events
        }
        return lost(&path, now, .ended(failure, session.shortfall))
    }

    private func lost(_ path: inout LivePath, _ now: MonotonicTime, _ loss: RelayComeback.Loss) -> [LiveEvent] {
        leave(&path)
        switch comeback.next(loss, token: token, now: now, random: .random(in: .min ... .max)) {
        case .again(let time, let event):
            state = .waiting(until: time)
            return event.map { [$0] } ?? []
        case .over(let error):
            state = .ended
            failure = error
            return []
        }
    }

    private func leave(_ path: inout LivePath) {
        creditsBefore += ready == nil ? 0 : session.usage?.creditsUsed ?? 0
        ready = nil
        stalledAt = nil
        path.converterLost(ownVoice: playsOwnVoice)
    }

    package var isOver: Bool { if case .ended = state { true } else { false } }

    package func finish() {
        switch state {
        case .open(let driver):
            let now = monotonicNow()
            for action in session.handle(.cancelled, now: now) {
                if case .close(let code) = action { driver.close(code: code.number, reason: "") }
            }
            let deadline = now.advanced(byNanoseconds: Self.closeNanosecondsMax)
            driver.companions = (-1, -1, -1)
            closing: while monotonicNow() < deadline {
                while let event = driver.nextEvent() {
                    if case .closed = event { break closing }
                }
                guard (try? driver.wait(until: deadline)) != nil else { break }
            }
        case .connecting(let connector): connector.cancel()
        case .waiting, .ended: break
        }
        state = .ended
    }

    // MARK: - Beside the stream

    package func wait(until deadline: MonotonicTime, descriptors: WebSocketDriver.Companions) {
        switch state {
        case .open(let driver):
            driver.companions = descriptors
            let until = min(deadline, session.nextDeadline ?? deadline)
            // A connection that is gone has its last event waiting.
            guard (try? driver.wait(until: until)) != nil else { return }
        case .waiting(let until): waitForDescriptors(descriptors, until: min(deadline, until))
        case .connecting, .ended: waitForDescriptors(descriptors, until: deadline)
        }
    }

    package func setVoice(_ voice: LiveVoice) -> [LiveEvent] {
        let step = self.voice.ask(voice.name, features: ready?.features)
        if step.asks, case .open(let driver) = state {
            try? driver.sendText(RelayVoiceChange(voice: voice.name).json)
        }
        return step.events
    }

    package func setGate(decibels: Double?) { gate.setThreshold(decibels: decibels) }

    /// What this side adds to the delay that the relay declares.
    private var ownDelaySamples: Int { wire.delaySamples + gate.delayFrames }

    package func describe(_ snapshot: inout LiveSnapshot, now: MonotonicTime) {
        snapshot.isLocal = false
        snapshot.wire = wire.wire
        snapshot.budget.packet = nanoseconds(wire.packet.samples)
        snapshot.budget.gate = nanoseconds(gate.delayFrames)
        // The relay's codec looks ahead as far as ours; it stands in what the relay declares.
        snapshot.budget.codec = nanoseconds(2 * wire.delaySamples)
        snapshot.relayName = endpoint.name
        snapshot.voice = voice.current
        snapshot.reconnects = comeback.reconnects
        snapshot.budget.declared = nanoseconds(max(0, (ready?.delaySamples ?? 0) - wire.delaySamples))
        if let used = session.usage?.creditsUsed, ready != nil {
            snapshot.creditsUsed = creditsBefore + used
            snapshot.creditsLeft = session.usage?.creditsLeft
        } else if creditsBefore > 0 {
            snapshot.creditsUsed = creditsBefore
        }
        switch state {
        case .waiting(let until):
            snapshot.link =
                comeback.wasReady ? .reconnecting(inNanoseconds: max(0, until.nanoseconds(since: now))) : .connecting
        case .connecting: snapshot.link = comeback.wasReady ? .reconnecting(inNanoseconds: 0) : .connecting
        case .open(let driver):
            snapshot.link = ready == nil ? .connecting : stalledAt == nil ? .running : .stalled
            snapshot.roundTripNanoseconds = driver.metrics.roundTripSmoothedNanoseconds
        case .ended: snapshot.link = .ended
        }
    }

    private func nanoseconds(_ samples: Int) -> Int64 {
        Int64(samples) * 1_000_000_000 / Int64(RelayProtocol.sampleRate)
    }
}
