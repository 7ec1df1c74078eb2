import VoiceRealtime

/// The client's side of one voice-to-voice session: every transition of the protocol, no I/O, no clock.
///
/// The owner feeds what happened (``handle(_:now:)``) and carries out the actions it gets back, in order. Audio itself
/// does not pass through: the owner reports sample counts. One thread at a time.
public struct RelaySession {
    /// What happened.
    public enum Input {
        /// The WebSocket is open.
        case opened
        case text(String)
        /// A binary frame of so many bytes came.
        case audio(bytes: Int)
        /// A binary frame of a session with packets came: what it is from the outside, `nil` when it is malformed.
        case packet(OpusPacket?)
        /// So many samples of input left for the relay.
        case sent(samples: Int)
        /// The source pauses: what the relay still owes may stay in its converter until more is sent.
        case sourcePaused
        /// The source is at its end: nothing but padding will be sent from here on.
        case sourceEnded
        /// The user stops before the end.
        case cancelled
        /// The WebSocket is closed, with the reason that came along; nothing comes after.
        case closed(RelayCloseCode, reason: String = "")
        /// Time passed; due at ``nextDeadline``.
        case tick
    }

    /// What the owner must do.
    public enum Action: Equatable {
        case sendText(String)
        case startStreaming(RelayReady)
        /// The audio frame just handled is part of the answer.
        case deliver
        case report(RelayUsage)
        /// The relay has changed the voice, or refused to.
        case voice(RelayVoiceAnswer)
        /// Send up to so many samples of silence at the usual pace: the relay has no `end`.
        case sendPadding(samples: Int)
        case close(RelayCloseCode)
        /// The session is over, exactly once; only a close may follow.
        case finish(RelayEnding)
    }

    private enum State {
        /// Until `opened`.
        case connecting
        /// `auth` is sent; until `ready`, an error or the deadline.
        case authenticating(deadline: MonotonicTime)
        /// Audio both ways; until the source ends, an error or a close.
        case streaming(RelayReady)
        /// `end` is sent; until `done` or a close.
        case ending(RelayReady)
        /// No `end` feature: padding goes out until the answer is as long as the input or stays quiet.
        case padding(RelayReady)
        /// Decided; a close may still come and changes nothing.
        case finished
    }

    private let auth: RelayAuth
    private var state = State.connecting
    private var lastError: (code: String, message: String)?
    private var isPaused = false
    private var lastAudio = MonotonicTime(nanoseconds: 0)
    public private(set) var samplesSent = 0
    public private(set) var samplesReceived = 0
    public private(set) var usage: RelayUsage?
    /// What the wallet lacked, where the relay refused the session for it and said the amounts.
    public private(set) var shortfall: RelayShortfall?
    /// Whether the session ended because the relay does not take its format: before any sound, so another format may do.
    public private(set) var isFormatRefused = false

    public init(auth: RelayAuth) {
        self.auth = auth
    }

    /// When ``Input/tick`` is due, at the latest.
    public var nextDeadline: MonotonicTime? {
        switch state {
        case .connecting, .finished: nil
        case .authenticating(let deadline): deadline
        case .streaming: lastAudio.advanced(byNanoseconds: .seconds(Int64(RelayProtocol.stallSecondsMax)))
        case .ending: lastAudio.advanced(byNanoseconds: .seconds(Int64(RelayProtocol.stallSecondsMax)))
        case .padding: lastAudio.advanced(byNanoseconds: .seconds(Int64(RelayProtocol.quietSecondsAtEnd)))
        }
    }

    public mutating func handle(_ input: Input, now: MonotonicTime) -> [Action] {
        switch input {
        case .opened: return opened(now)
        case .text(let text): return message(RelayMessage(text), now)
        case .audio(let bytes): return audio(bytes, now)
        case .packet(let packet): return self.packet(packet, now)
        case .sent(let samples):
            // The stall clock runs only while the relay owes something.
            if isPaused || samplesSent <= samplesReceived { lastAudio = now }
            isPaused = false
            samplesSent += samples
            return []
        case .sourcePaused:
            isPaused = true
            return []
        case .sourceEnded: return sourceEnded(now)
        case .cancelled: return finish(.cancelled, closing: .normal)
        case .closed(let code, let reason): return closed(code, reason)
        case .tick: return tick(now)
        }
    }

    private mutating func opened(_ now: MonotonicTime) -> [Action] {
        guard case .connecting = state else { return [] }
        lastAudio = now
        state = .authenticating(deadline: now.advanced(byNanoseconds: .seconds(Int64(RelayProtocol.authSecondsMax))))
        return [.sendText(auth.json)]
    }

    private mutating func message(_ message: RelayMessage, _ now: MonotonicTime) -> [Action] {
        switch (message, state) {
        case (_, .finished), (_, .connecting), (.unknown, _): return []
        case (.malformed, _):
            return finish(
                .failed(.violation("it sent a control message that is not of the protocol")), closing: protocolError)
        case (.error(let code, let message, let shortfall), _):
            // Always followed by a close, which decides; the text makes its sentence better.
            lastError = (code, message)
            self.shortfall = shortfall ?? self.shortfall
            return []
        case (.ready(let ready), .authenticating):
            guard ready.formats.contains(auth.format) else {
                isFormatRefused = true
                return finish(.failed(.violation("it does not offer \(auth.format)")), closing: .normal)
            }
            lastAudio = now
            state = .streaming(ready)
            return [.startStreaming(ready)]
        case (.usage(let usage), .streaming), (.usage(let usage), .ending), (.usage(let usage), .padding):
            self.usage = usage
            return [.report(usage)]
        case (.voice(let answer), .streaming): return [.voice(answer)]
        // Too late to matter, or of a relay that has more to say than this client asked for.
        case (.voice, .authenticating), (.voice, .ending), (.voice, .padding): return []
        case (.done(let done), .ending): return complete(done)
        case (.ready, .streaming), (.ready, .ending), (.ready, .padding), (.usage, .authenticating),
            (.done, .authenticating), (.done, .streaming), (.done, .padding):
            return finish(.failed(.violation("it sent a message out of turn")), closing: protocolError)
        }
    }

    private mutating func audio(_ bytes: Int, _ now: MonotonicTime) -> [Action] {
        let isWhole = bytes % RelayProtocol.bytesPerSample == 0 && bytes <= RelayProtocol.audioFrameBytesMax
        return sound(
            isWhole ? bytes / RelayProtocol.bytesPerSample : nil, or: "it sent an audio frame of \(bytes) bytes", now)
    }

    private mutating func packet(_ packet: OpusPacket?, _ now: MonotonicTime) -> [Action] {
        guard let packet, packet.samples <= RelayProtocol.opusPacketSamplesMax else {
            return sound(nil, or: "it sent a frame that is not one Opus packet of at most 20 ms", now)
        }
        return sound(packet.samples, or: "", now)
    }

    /// - Parameter samples: of the frame that came; `nil` for one that is `broken`.
    private mutating func sound(_ samples: Int?, or broken: String, _ now: MonotonicTime) -> [Action] {
        switch state {
        case .finished, .connecting: return []
        case .authenticating:
            return finish(.failed(.violation("it sent audio before the session was ready")), closing: protocolError)
        case .streaming, .ending, .padding: break
        }
        guard let samples else { return finish(.failed(.violation(broken)), closing: protocolError) }
        lastAudio = now
        samplesReceived += samples
        // Padding asks for as much output as input; a relay that declares its delay owes that too.
        if case .padding(let ready) = state, samplesReceived >= inputSamples + ready.delaySamples {
            return [.deliver] + complete(nil)
        }
        return [.deliver]
    }

    /// Samples of the source that were sent, without padding: what ``sourceEnded`` found.
    private var inputSamples = 0

    private mutating func sourceEnded(_ now: MonotonicTime) -> [Action] {
        guard case .streaming(let ready) = state else { return [] }
        inputSamples = samplesSent
        lastAudio = now
        if ready.features.contains(RelayProtocol.Feature.end) {
            state = .ending(ready)
            return [.sendText("{\"type\":\(JSONValue.quoted(RelayProtocol.MessageType.end))}")]
        }
        state = .padding(ready)
        return [.sendPadding(samples: max(ready.delaySamples, RelayProtocol.paddingSamplesMax))]
    }

    private mutating func closed(_ code: RelayCloseCode, _ reason: String) -> [Action] {
        switch state {
        case .finished: return []
        case .ending, .padding:
            // A relay may close as soon as all is said, `done` or not; the sample count tells whether it was.
            if code == .normal, isComplete { return finish(.finished(nil), closing: nil) }
        case .authenticating:
            // A relay that does not know the format has no other name for it.
            if code == .formatViolation { isFormatRefused = true }
        case .connecting, .streaming: break
        }
        return finish(.failed(.closed(code, detail: lastError?.message ?? code.detail(in: reason))), closing: nil)
    }

    private mutating func tick(_ now: MonotonicTime) -> [Action] {
        guard let deadline = nextDeadline, now >= deadline else { return [] }
        switch state {
        case .connecting, .finished: return []
        case .authenticating: return finish(.failed(.silent(.beforeReady)), closing: .normal)
        case .streaming:
            if isPaused || samplesReceived >= samplesSent {
                lastAudio = now
                return []
            }
            return finish(.failed(.silent(.streaming)), closing: .normal)
        case .ending: return finish(.failed(.silent(.afterEnd)), closing: .normal)
        case .padding: return complete(nil)
        }
    }

    private var isComplete: Bool {
        samplesReceived + RelayProtocol.shortfallSamplesMax >= inputSamples
    }

    private mutating func complete(_ done: RelayDone?) -> [Action] {
        guard isComplete else {
            return finish(.failed(.incomplete(received: samplesReceived, expected: inputSamples)), closing: .normal)
        }
        return finish(.finished(done), closing: .normal)
    }

    private mutating func finish(_ ending: RelayEnding, closing code: RelayCloseCode?) -> [Action] {
        if case .finished = state { return [] }
        state = .finished
        return [.finish(ending)] + (code.map { [.close($0)] } ?? [])
    }

    private var protocolError: RelayCloseCode { .webSocket(number: 1002, reason: "") }
}
