import NIOCore
import VoiceConversion
import VoiceRelay

/// The relay's side of one voice-to-voice session: every transition, no I/O, no clock.
///
/// Holds the converter: audio in, audio out, in the same call. One caller at a time.
struct ServerSession: ~Copyable {
    /// What the connection must do, in order.
    enum Action: Equatable {
        case sendText(String)
        case sendAudio([UInt8])
        /// Send a Close frame; nothing else after it.
        case close(RelayCloseCode, detail: String)
    }

    private enum State {
        /// Until `auth`, or the deadline.
        case awaitingAuth(deadline: NIODeadline)
        /// `auth` was good; the converter, elsewhere, is being reached.
        case starting(seconds: Int, deadline: NIODeadline)
        /// Audio both ways until `end`, a fault or the time limit.
        case streaming
        /// `end` came; until the converter, elsewhere, has given all that it owes.
        case ending(deadline: NIODeadline)
        /// Decided; what still comes is ignored.
        case closed
    }

    private let configuration: RelayServerConfiguration
    private let ledger: any RelayLedger
    private let meters: SessionMeters
    private let hostedUser: String?
    private let onChange: @Sendable () -> Void
    private var state: State
    private var engine: ConversionEngine?
    private var wire = RelayWire.pcm
    /// Settles when it goes: however the connection went away, what was not used goes back, once.
    private var funds: SessionFunds?
    /// Once sound may come; `nil` where nobody's haste matters.
    private var pace: FramePace?
    private var deadline: NIODeadline
    private var samplesMax = 0
    private var samplesIn = 0
    private var samplesReported = 0
    private var usageDue: NIODeadline

    init(
        meters: SessionMeters, configuration: RelayServerConfiguration, ledger: any RelayLedger, hostedUser: String?,
        onChange: @escaping @Sendable () -> Void, now: NIODeadline
    ) {
        self.onChange = onChange
        self.configuration = configuration
        self.ledger = ledger
        self.meters = meters
        self.hostedUser = hostedUser
        deadline = now + .seconds(Int64(RelayProtocol.authSecondsMax))
        state = .awaitingAuth(deadline: deadline)
        usageDue = now
    }

    mutating func text(_ text: String, now: NIODeadline) -> [Action] {
        switch state {
        case .closed, .ending, .starting: return []
        case .awaitingAuth:
            guard let auth = RelayJSON.decode(AuthMessage.self, from: text), auth.type == RelayProtocol.MessageType.auth
            else { return fail(.invalidAuth, "the first frame must be the auth message") }
            return authenticate(auth, now)
        case .streaming:
            guard let message = RelayJSON.decode(ControlMessage.self, from: text), let type = message.type else {
                return fail(.formatViolation, "a text frame must be a JSON object with a type")
            }
            switch type {
            case RelayProtocol.MessageType.end: return end(now)
            case RelayProtocol.MessageType.voice: return changeVoice(message.voice ?? "")
            default: return []
            }
        }
    }

    mutating func audio(_ bytes: ByteBufferView, arrived: NIODeadline, lateness: TimeAmount, now: NIODeadline)
        -> [Action]
    {
        switch state {
        case .closed, .ending: return []
        case .awaitingAuth, .starting: return fail(.formatViolation, "audio came before the session was ready")
        case .streaming: break
        }
        let length = bytes.withUnsafeBytes { engine?.samples(of: $0) ?? nil }
        guard let count = length else { return malformed(bytes.count) }
        if let haste = pace?.haste(of: bytes.count, samples: count, at: arrived, lateness: lateness) {
            return fail(.formatViolation, haste)
        }
        guard samplesIn + count <= samplesMax else { return timedOut() }
        do throws(ConversionEngine.Failure) {
            let frames = try bytes.withUnsafeBytes { bytes throws(ConversionEngine.Failure) in
                try engine?.convert(bytes) ?? []
            }
            samplesIn += count
            funds?.use(samples: samplesIn)
            note(count, bytes.count, frames)
            return frames.map(Action.sendAudio) + usage(now)
        } catch {
            return failed(error, bytes.count)
        }
    }

    mutating func tick(_ now: NIODeadline) -> [Action] {
        switch state {
        case .closed: return []
        case .awaitingAuth(let deadline):
            return now < deadline ? [] : fail(.invalidAuth, "no auth message within \(RelayProtocol.authSecondsMax) s")
        case .starting(_, let limit):
            return now < limit ? pump(now) : fail(.upstreamDisconnected, Self.unreachable)
        case .streaming: return now < deadline ? pump(now) + usage(now) : timedOut()
        case .ending(let limit):
            return now < limit ? pump(now) : fail(.upstreamDisconnected, "the rest of the answer did not come")
        }
    }

    /// Takes what a converter elsewhere has for the session.
    mutating func pump(_ now: NIODeadline) -> [Action] {
        switch state {
        case .closed, .awaitingAuth: return []
        case .starting, .streaming, .ending: break
        }
        let frames: [[UInt8]]
        do throws(ConversionEngine.Failure) {
            frames = try engine?.poll() ?? []
        } catch {
            return failed(error, 0)
        }
        if !frames.isEmpty { note(0, 0, frames) }
        let sound = frames.map(Action.sendAudio) + voiceAnswers()
        switch state {
        case .starting(let seconds, _) where engine?.isReady == true: return begin(seconds, now)
        case .ending where engine?.isDrained == true: return sound + finish()
        case .closed, .awaitingAuth, .starting, .streaming, .ending: return sound
        }
    }

    private static let unreachable = "the converter of this session can't be reached"
    /// For a converter elsewhere: to be reached, and to give the rest.
    private static let remoteWait = TimeAmount.seconds(40)

    /// The server stops: the session ends with its bill.
    mutating func shutDown() -> [Action] {
        // 1001 says what RFC 6455 §7.4.1 has for it; the name in the reason makes it reconnectable.
        fail(.webSocket(number: 1001, reason: ""), "UPSTREAM_DISCONNECTED: the server is shutting down")
    }

    /// The peer closed or went silent: the session ends with its bill, and nothing is said.
    mutating func abandon() {
        state = .closed
        engine = nil
        funds?.settle(closeName: SessionFunds.abandoned)
    }

    private mutating func authenticate(_ auth: AuthMessage, _ now: NIODeadline) -> [Action] {
        guard let token = auth.token, !token.isEmpty else { return fail(.invalidAuth, "the auth message has no token") }
        guard auth.model == nil || auth.model == RelayProtocol.model else {
            return refuse("unknown model; this server has \(RelayProtocol.model)")
        }
        guard let voice = voice(named: auth.voice ?? "") else {
            return refuse("unknown voice \(auth.voice ?? ""); see quota-voice voices")
        }
        guard let wire = RelayWire(format: auth.format ?? "") else {
            let formats = RelayWire.allCases.map(\.format).joined(separator: " and ")
            return fail(.formatViolation, "unknown format; this server takes \(formats)")
        }
        guard let seconds = auth.maxDurationSeconds, seconds > 0, seconds <= Double(configuration.maxDurationSeconds)
        else {
            return refuse("max_duration_seconds must be from 1 to \(configuration.maxDurationSeconds)")
        }
        let wholeSeconds = Int(seconds.rounded(.up))
        do throws(RelayLedgerRefusal) {
            let caller = RelayCaller(
                token: token, hostedUser: hostedUser, sessionID: meters.id, voice: voice.name, format: wire.format)
            let funds = try SessionFunds(wholeSeconds * RelayProtocol.creditsPerSecond, for: caller, from: ledger)
            self.funds = funds
            return start(voice, wire, wholeSeconds, now)
        } catch {
            return refuse(error)
        }
    }

    /// Says why no credits were set aside.
    private mutating func refuse(_ refusal: RelayLedgerRefusal) -> [Action] {
        switch refusal {
        case .unknownToken: return fail(.invalidAuth, "no such key")
        case .insufficientScope: return fail(.invalidAuth, "the token was not granted credits.spend")
        case .notLinked:
            return fail(.invalidAuth, "the user of \(RelayProtocol.hostedUserHeader) is not linked to a wallet")
        case .unavailable: return fail(.webSocket(number: 1011, reason: ""), "the ledger can't be written")
        case .insufficientCredits(let balance, let required):
            state = .closed
            let message = ErrorMessage(
                code: "insufficient_credits",
                message: "the wallet has \(balance) credits, the session needs \(required)",
                balance: balance, required: required)
            return [.sendText(RelayJSON.encode(message)), .close(.balanceExhausted, detail: message.message)]
        }
    }

    private mutating func start(_ voice: Voice, _ wire: RelayWire, _ seconds: Int, _ now: NIODeadline) -> [Action] {
        do {
            engine = try makeEngine(voice, wire, seconds)
        } catch {
            return failed(.converter(error), 0)
        }
        self.wire = wire
        meters.values.withLock { values in
            values.owner = funds?.reservation.owner
            values.voice = voice.name
            values.wire = wire
        }
        state = .starting(seconds: seconds, deadline: now + Self.remoteWait)
        return pump(now)
    }

    /// The converter is there: sound may come.
    private mutating func begin(_ seconds: Int, _ now: NIODeadline) -> [Action] {
        pace = configuration.enforcesCeiling ? FramePace(wire) : nil
        samplesMax = seconds * RelayProtocol.sampleRate
        deadline = now + .seconds(Int64(seconds))
        usageDue = now + .seconds(1)
        state = .streaming
        let delaySamples = engine?.delaySamples ?? 0
        meters.values.withLock { values in
            values.delaySamples = delaySamples
            values.readySince = now
        }
        let always = [RelayProtocol.Feature.end, RelayProtocol.Feature.usage]
        let ready = ReadyMessage(
            sessionId: meters.id, reservedCredits: funds?.reservation.credits ?? 0,
            heartbeatSeconds: configuration.heartbeatSeconds,
            features: engine?.changesVoice == true ? always + voiceFeatures() : always,
            delaySamples: delaySamples, ceilingBytesPerSecond: configuration.enforcesCeiling ? nil : Int(Int32.max))
        return [.sendText(RelayJSON.encode(ready))]
    }

    /// What a converter elsewhere makes of a name is known here only where it tells.
    private mutating func voiceFeatures() -> [String] {
        let isAnsweredLater = engine?.answersVoiceLater ?? false
        let isAnswered = isAnsweredLater || configuration.makeRemoteConverter == nil
        return [RelayProtocol.Feature.voice] + (isAnswered ? [RelayProtocol.Feature.voiceAnswer] : [])
    }

    private func makeEngine(_ voice: Voice, _ wire: RelayWire, _ seconds: Int) throws -> ConversionEngine {
        let converter: any SessionConverter
        if let makeRemote = configuration.makeRemoteConverter {
            converter = try makeRemote(
                RemoteOrder(sessionID: meters.id, voice: voice.name, secondsMax: seconds, onChange: onChange))
        } else {
            converter = try configuration.makeConverter(voice)
        }
        return try ConversionEngine(converter: converter, wire: wire)
    }

    private func voice(named name: String) -> Voice? {
        let name = name.lowercased()
        guard configuration.makeRemoteConverter != nil else {
            return configuration.voices.first { $0.name == name }
        }
        // Any that could be the name of one: what it sounds like the other end knows.
        guard (1...64).contains(name.utf8.count), TextRule.isPrintable(name) else { return nil }
        return Voice(name: name, summary: "", pitch: .ratio(1), formants: .ratio(1))
    }

    private mutating func note(_ samples: Int, _ bytes: Int, _ frames: [[UInt8]]) {
        let levels = engine?.lastLevels()
        meters.values.withLock { values in
            values.samplesIn += samples
            values.bytesIn += bytes
            values.bytesOut += frames.reduce(0) { $0 + $1.count }
            guard let levels else { return }
            values.samplesOut = levels.samplesOut
            values.input = levels.input
            values.output = levels.output
        }
    }

    private mutating func malformed(_ bytes: Int) -> [Action] {
        switch wire {
        case .pcm: fail(.formatViolation, "a frame of \(bytes) bytes is not whole samples of \(wire.format)")
        case .opus:
            fail(.formatViolation, "a frame of \(bytes) bytes is not one packet of \(wire.format), 20 ms at most")
        }
    }

    private mutating func failed(_ failure: ConversionEngine.Failure, _ bytes: Int) -> [Action] {
        switch failure {
        case .malformed: malformed(bytes)
        case .converter(let error as ConverterRefusal): refuse(error.message)
        case .converter: fail(.upstreamDisconnected, "the converter of this session failed")
        }
    }

    /// A voice that is not there ends nothing: the session goes on with the one it has.
    private mutating func changeVoice(_ name: String) -> [Action] {
        guard let voice = voice(named: name) else {
            return keepVoice(name, "unknown voice \(name); see quota-voice voices")
        }
        do throws(ConversionEngine.Failure) {
            try engine?.setVoice(voice)
            if engine?.answersVoiceLater == true { return [] }
            meters.values.withLock { $0.voice = voice.name }
            return configuration.makeRemoteConverter == nil
                ? [.sendText(RelayJSON.encode(VoiceMessage(voice: voice.name)))] : []
        } catch .converter(let error as ConverterRefusal) {
            return keepVoice(name, error.message)
        } catch {
            return failed(error, 0)
        }
    }

    /// What a converter elsewhere has said of the voices that were asked for.
    private mutating func voiceAnswers() -> [Action] {
        (engine?.takeVoiceAnswers() ?? []).map { answer in
            meters.values.withLock { $0.voice = answer.voice }
            return .sendText(
                RelayJSON.encode(
                    VoiceMessage(voice: answer.voice, refused: answer.refused, message: answer.message)))
        }
    }

    private func keepVoice(_ refused: String, _ message: String) -> [Action] {
        let kept = meters.values.withLock { $0.voice }
        return [.sendText(RelayJSON.encode(VoiceMessage(voice: kept, refused: refused, message: message)))]
    }

    /// No more sound comes: what the converter holds, and then the bill.
    private mutating func end(_ now: NIODeadline) -> [Action] {
        do throws(ConversionEngine.Failure) {
            let frames = try engine?.flush() ?? []
            state = .ending(deadline: now + Self.remoteWait)
            return frames.map(Action.sendAudio) + pump(now)
        } catch {
            return failed(error, 0)
        }
    }

    /// All has been delivered: bills, and closes.
    private mutating func finish() -> [Action] {
        let rest = engine?.flushEncoder() ?? []
        state = .closed
        engine = nil
        let bill = funds?.settle(closeName: "normal")
        let done = DoneMessage(
            seconds: Double(samplesIn) / Double(RelayProtocol.sampleRate), creditsUsed: bill?.creditsUsed ?? 0,
            creditsRefunded: bill?.creditsRefunded ?? 0)
        return rest.map(Action.sendAudio)
            + [.sendText(RelayJSON.encode(done)), .close(.normal, detail: "")]
    }

    /// A running bill about once a second, when there is something new to say.
    private mutating func usage(_ now: NIODeadline) -> [Action] {
        guard now >= usageDue, let funds else { return [] }
        usageDue = now + .seconds(1)
        let besides: Int
        switch funds.note() {
        case .held(let credits): besides = credits
        case .gone: return fail(.balanceExhausted, "the credits of this session were taken back")
        case .revoked: return fail(.invalidAuth, "the key or token of this session was revoked")
        }
        guard samplesIn > samplesReported else { return [] }
        let bill = funds.bill(besides: besides)
        samplesReported = samplesIn
        let usage = UsageMessage(
            seconds: Double(samplesIn) / Double(RelayProtocol.sampleRate), creditsUsed: bill.used,
            creditsLeft: bill.left)
        return [.sendText(RelayJSON.encode(usage))]
    }

    /// The profile has no name for a request that makes no sense; RFC 6455 §7.4.1 has 1008, policy violation.
    private mutating func refuse(_ message: String) -> [Action] {
        fail(.webSocket(number: 1008, reason: ""), message)
    }

    private mutating func timedOut() -> [Action] {
        fail(.sessionTimeout, "max_duration_seconds is reached")
    }

    private mutating func fail(_ code: RelayCloseCode, _ message: String) -> [Action] {
        if case .closed = state { return [] }
        state = .closed
        engine = nil
        funds?.settle(closeName: code.name)
        let error = ErrorMessage(code: code.name, message: message)
        return [.sendText(RelayJSON.encode(error)), .close(code, detail: message)]
    }
}
