import Foundation
import Logging
import VoiceKit
import VoiceRealtime
import VoiceRelay
import VoiceSecureStream
import VoiceServer
import VoiceWebSocketClient

/// The thread of one session with another relay. Lives on it.
final class UpstreamRun {
    /// Why a session there ended, for here: the log has the rest.
    struct Failed: Error {}

    /// 20 ms, as the profile has it.
    private static let frameBytesMax = RelayProtocol.declaredBytesPerSecond / 50
    private static let closeNanosecondsMax: Int64 = .seconds(2)
    /// The session there starts a little before the one here and must not end before it.
    private static let secondsMore = 10
    private static let secondsMax = 86_400

    private let order: RemoteOrder
    private let endpoint: RelayEndpoint
    private let link: UpstreamLink
    private let logger: Logger
    private let driver: WebSocketDriver
    private var session: RelaySession
    private var ceiling = RateCeiling()
    private var isPaced = true
    private var isStreaming = false
    private var hasBegun = false
    private var paddingBytes = 0
    private var ending: RelayEnding?
    private var closeCode = RelayCloseCode.normal

    /// Begins; the link hears of everything.
    static func start(_ order: RemoteOrder, _ upstream: UpstreamRelay, _ link: UpstreamLink) {
        let thread = Thread {
            var logger = upstream.logger
            logger[metadataKey: "session"] = "\(order.sessionID)"
            do throws(WebSocketError) {
                let run = try UpstreamRun(order, upstream.endpoint, link, logger)
                link.finish(run.run())
                run.close()
            } catch {
                if error != .cancelled {
                    logger.error("the upstream relay can't be reached", metadata: ["error": "\(error)"])
                }
                link.finish(Failed())
            }
        }
        thread.name = "upstream"
        thread.stackSize = 1 << 19
        thread.start()
    }

    private init(
        _ order: RemoteOrder, _ endpoint: RelayEndpoint, _ link: UpstreamLink, _ logger: Logger
    ) throws(WebSocketError) {
        self.order = order
        self.endpoint = endpoint
        self.link = link
        self.logger = logger
        session = RelaySession(
            auth: RelayAuth(
                token: endpoint.token, voice: order.voice,
                maxDurationSeconds: min(order.secondsMax + Self.secondsMore, Self.secondsMax)))
        driver = try WebSocketDriver(url: WebSocketURL(endpoint.url), options: endpoint.webSocketOptions)
        link.attach(driver.waker)
        try driver.connect()
    }

    /// To the end, whatever it is; `nil` when all of the answer came.
    private func run() -> (any Error)? {
        do throws(WebSocketError) {
            try perform(session.handle(.opened, now: monotonicNow()))
            while ending == nil { try turn() }
        } catch {
            // Sends alone throw: the connection went between two events.
            logger.warning("the upstream relay was lost", metadata: ["error": "\(error)"])
            return Failed()
        }
        guard case .failed(let failure) = ending else { return nil }
        return explain(failure)
    }

    private func turn() throws(WebSocketError) {
        let now = monotonicNow()
        if link.isAbandoned { try perform(session.handle(.cancelled, now: now)) }
        let nextSend = try feed(now)
        try perform(session.handle(.tick, now: monotonicNow()))
        guard ending == nil else { return }
        driver.isReceivingPaused = link.isFull
        let inOneSecond = now.advanced(byNanoseconds: .seconds(1))
        try driver.wait(until: [nextSend, session.nextDeadline].compactMap(\.self).reduce(inOneSecond, min))
        while ending == nil, !link.isFull, let event = driver.nextEvent() { try take(event) }
    }

    /// Sends what may leave now and says when more may.
    private func feed(_ now: MonotonicTime) throws(WebSocketError) -> MonotonicTime? {
        driver.waitsForRoom = false
        guard hasBegun, driver.isOpen else { return nil }
        while let voice = link.takeVoice() { try driver.sendText(RelayVoiceChange(voice: voice).json) }
        while ending == nil, driver.isOpen {
            guard driver.hasRoom else {
                driver.waitsForRoom = true
                return nil
            }
            let isPadding = paddingBytes > 0
            let count = isPadding ? min(paddingBytes, Self.frameBytesMax) : link.waiting(limit: Self.frameBytesMax)
            if count == 0 {
                guard isStreaming, link.isEmptied else { return nil }
                isStreaming = false
                try perform(session.handle(.sourceEnded, now: now))
                continue
            }
            if isPaced {
                // A frame is never larger than a second's allowance.
                let earliest = ceiling.earliestDeparture(of: count, now: now) ?? .distantFuture
                guard earliest <= now else { return earliest }
            }
            try driver.sendBinary(isPadding ? [UInt8](repeating: 0, count: count) : link.takeBytes(count))
            if isPadding { paddingBytes -= count }
            if isPaced { ceiling.depart(count, now: monotonicNow()) }
            try perform(session.handle(.sent(samples: count / RelayProtocol.bytesPerSample), now: now))
        }
        return nil
    }

    private func take(_ event: WebSocketEvent) throws(WebSocketError) {
        let now = monotonicNow()
        switch event {
        case .text(let text): try perform(session.handle(.text(text), now: now))
        case .binary(let bytes):
            for action in session.handle(.audio(bytes: bytes.count), now: now) {
                if case .deliver = action { link.answer(bytes) } else { try perform([action]) }
            }
        case .closed(let closure):
            try perform(session.handle(.closed(closure.relayCode, reason: closure.reason), now: now))
        }
    }

    private func perform(_ actions: [RelaySession.Action]) throws(WebSocketError) {
        for action in actions {
            switch action {
            case .sendText(let text): try driver.sendText(text)
            case .startStreaming(let ready):
                driver.heartbeatSeconds = ready.heartbeatSeconds
                isPaced = ready.ceilingBytesPerSecond <= RelayProtocol.ceilingBytesPerSecond
                isStreaming = true
                hasBegun = true
                link.begin(ready)
            case .sendPadding(let samples): paddingBytes = samples * RelayProtocol.bytesPerSample
            case .close(let code): closeCode = code
            case .finish(let ending): self.ending = ending
            case .voice(let answer): link.note(answer)
            case .report, .deliver: break
            }
        }
    }

    /// What of a failure is the user's to know, and what the operator's.
    private func explain(_ failure: RelayFailure) -> any Error {
        var reason: String
        var isOperators = false
        switch failure {
        case .closed(.webSocket(number: 1008, _), _) where !hasBegun:
            return ConverterRefusal(
                "the relay behind this server does not take the voice \(order.voice), or so long a session")
        case .closed(let code, let detail):
            reason = "it closed: \(code.name)" + (detail.map { ": \($0)" } ?? "")
            isOperators = code == .invalidAuth || code == .balanceExhausted || code == .formatViolation
        case .violation(let what): reason = what
        case .silent: reason = "it went silent"
        case .incomplete(let received, let expected): reason = "it gave \(received) of \(expected) samples"
        }
        reason = String(reason.replacing(endpoint.token, with: "…").prefix(200))
        logger.log(
            level: isOperators ? .error : .warning, "the upstream relay ended a session",
            metadata: ["relay": "\(endpoint.name)", "reason": "\(reason)"])
        return Failed()
    }

    /// The close handshake, for two seconds at the most.
    private func close() {
        let deadline = monotonicNow().advanced(byNanoseconds: Self.closeNanosecondsMax)
        driver.close(code: closeCode.number, reason: "")
        driver.isReceivingPaused = false
        while monotonicNow() < deadline {
            while let event = driver.nextEvent() {
                if case .closed = event { return }
            }
            // A connection that fails now has nothing to tell any more.
            guard (try? driver.wait(until: deadline)) != nil else { return }
        }
    }
}
