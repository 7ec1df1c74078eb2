import VoiceDownlink
import VoiceRealtime
import VoiceRelay
import VoiceSecureStream
import VoiceSignal
import VoiceUplink
import VoiceWebSocketClient

/// The wire thread's loop of one conversion. Lives on the thread that runs it.
final class ConversionRun {
    private static let blockFrames = 4096
    /// Without a rate ceiling, how far the sender may be ahead of the answer: bounds what waits anywhere.
    private static let aheadSamplesMax = 4 * RelayProtocol.sampleRate
    private static let closeNanosecondsMax: Int64 = .seconds(2)

    private let driver: WebSocketDriver
    private let source: any SoundSource
    private let sink: any SoundSink
    private let progress: ConversionProgress
    private let relay: String
    private let token: String
    private var session: RelaySession
    private let wire: RelayWire
    private let codec: WireCodec
    private var ceiling: RateCeiling
    private var isPaced = true
    private var uplink: Uplink
    private var downlink: Downlink?
    private let block: UnsafeMutableBufferPointer<Float>
    private var pending = 0..<0
    private var sourceIsEmpty = false
    private var isStreaming = false
    private var delaySamples = 0
    private var paddingSamples = 0
    private var ending: RelayEnding?
    private var closeCode = RelayCloseCode.normal

    init(
        driver: WebSocketDriver, auth: RelayAuth, source: any SoundSource, sink: any SoundSink,
        progress: ConversionProgress, relay: String, wire: RelayWire
    ) throws {
        self.driver = driver
        self.source = source
        self.sink = sink
        self.progress = progress
        self.relay = relay
        token = auth.token
        session = RelaySession(auth: auth)
        self.wire = wire
        ceiling = wire.rateCeiling
        codec = try WireCodec(wire)
        do throws(ResamplerError) {
            if let encoder = codec.encoder {
                uplink = try Uplink(
                    sourceRate: source.sampleRate, frames: source.frames, profile: .archive, encoder: encoder)
            } else {
                uplink = try Uplink(
                    sourceRate: source.sampleRate, frames: source.frames, profile: .archive, packet: .milliseconds20)
            }
        } catch {
            throw ConversionError(.unsupportedRate, "\(source.sampleRate) Hz can't be converted to 16,000 Hz")
        }
        block = .allocate(capacity: Self.blockFrames)
        block.initialize(repeating: 0)
        progress.start(
            total: Resampler.outputFrames(
                forInput: source.frames, from: source.sampleRate, to: RelayProtocol.sampleRate))
    }

    deinit {
        block.deallocate()
    }

    /// Whether the relay does not take this wire; then nothing was read from the source.
    var isFormatRefused: Bool { session.isFormatRefused }

    /// Runs to the end, whatever it is, and leaves the connection closed.
    func finish(isCancelled: () -> Bool) throws -> ConversionReport {
        do {
            try loop(isCancelled)
        } catch {
            // The source or the sink failed: the relay is told at once, so that it bills no more.
            close(.normal)
            throw error
        }
        close(closeCode)
        switch ending {
        case .finished(let bill):
            try downlink?.finish(sink.write)
            return ConversionReport(
                creditsUsed: bill?.creditsUsed ?? session.usage?.creditsUsed, wire: wire, delaySamples: delaySamples)
        case .failed(let failure):
            throw ConversionError.session(failure, relay: relay, hiding: token, shortfall: session.shortfall)
        case .cancelled, nil: throw ConversionError(.cancelled, "stopped")
        }
    }

    private func loop(_ isCancelled: () -> Bool) throws {
        try perform(session.handle(.opened, now: monotonicNow()))
        while ending == nil {
            let now = monotonicNow()
            if isCancelled() { try perform(session.handle(.cancelled, now: now)) }
            let nextSend = try feed(now)
            try perform(session.handle(.tick, now: monotonicNow()))
            guard ending == nil else { return }
            let inOneSecond = now.advanced(byNanoseconds: .seconds(1))
            try driver.wait(until: [nextSend, session.nextDeadline].compactMap(\.self).reduce(inOneSecond, min))
            while ending == nil, let event = driver.nextEvent() { try take(event) }
        }
    }

    /// Sends what may leave now and says when more may; `nil` when that depends on the relay.
    private func feed(_ now: MonotonicTime) throws -> MonotonicTime? {
        driver.waitsForRoom = false
        while isStreaming || paddingSamples > 0 {
            // Once the relay has said Close nothing more may be sent; why it did comes as an event. And nothing is sent
            // behind what the line has not taken: it would leave in one piece later, and the ceiling not know.
            driver.waitsForRoom = driver.isOpen && !driver.hasRoom
            guard driver.isOpen, !driver.waitsForRoom else { return nil }
            guard isPaced || session.samplesSent - session.samplesReceived < Self.aheadSamplesMax else { return nil }
            if isStreaming {
                try fillPacket()
                if uplink.isFinished {
                    isStreaming = false
                    try perform(session.handle(.sourceEnded, now: now))
                    continue
                }
            }
            if isPaced {
                // A packet is never larger than a second's allowance.
                let earliest = ceiling.earliestDeparture(of: wire.packetBytesMax, now: now) ?? .distantFuture
                guard earliest <= now else { return earliest }
            }
            if !isStreaming { uplink.padWithSilence() }
            let samples = uplink.packetSamples
            if !isStreaming { paddingSamples -= min(paddingSamples, samples) }
            try uplink.takePacket { bytes in try send(bytes, samples, now) }
        }
        return nil
    }

    private func fillPacket() throws {
        while !uplink.hasPacket, !uplink.isFinished {
            if pending.isEmpty {
                let count = sourceIsEmpty ? 0 : try source.read(into: block)
                if count == 0 {
                    sourceIsEmpty = true
                    for index in block.indices { block[index] = 0 }
                }
                pending = 0..<(count == 0 ? block.count : count)
            }
            let taken = uplink.push(UnsafeBufferPointer(rebasing: block[pending]))
            pending = pending.lowerBound + taken..<pending.upperBound
        }
    }

    private func send(_ bytes: UnsafeRawBufferPointer, _ samples: Int, _ now: MonotonicTime) throws {
        try driver.sendBinary(bytes)
        // The time after the write: a thread held up in between must not make the ceiling's window end too early.
        if isPaced { ceiling.depart(bytes.count, now: monotonicNow()) }
        try perform(session.handle(.sent(samples: samples), now: now))
    }

    private func take(_ event: WebSocketEvent) throws {
        let now = monotonicNow()
        switch event {
        case .text(let text): try perform(session.handle(.text(text), now: now))
        case .binary(let bytes):
            let frame: RelaySession.Input =
                switch wire {
                case .pcm: .audio(bytes: bytes.count)
                case .opus: .packet(bytes.withUnsafeBytes { OpusPacket($0) })
                }
            for action in session.handle(frame, now: now) {
                guard case .deliver = action else {
                    try perform([action])
                    continue
                }
                try bytes.withUnsafeBytes { try downlink?.push($0, sink.write) }
                progress.update(converted: session.samplesReceived)
            }
        case .closed(let closure):
            try perform(session.handle(.closed(closure.relayCode, reason: closure.reason), now: now))
        }
    }

    private func perform(_ actions: [RelaySession.Action]) throws {
        for action in actions {
            switch action {
            case .sendText(let text): try driver.sendText(text)
            case .startStreaming(let ready): try start(ready)
            case .sendPadding(let samples): paddingSamples = samples
            case .close(let code): closeCode = code
            case .finish(let ending): self.ending = ending
            case .report, .deliver, .voice: break
            }
        }
    }

    private func start(_ ready: RelayReady) throws {
        driver.heartbeatSeconds = ready.heartbeatSeconds
        isPaced = ready.ceilingBytesPerSecond <= RelayProtocol.ceilingBytesPerSecond
        isStreaming = true
        // What the relay declares lies between the sound it decodes and the sound it encodes; our encoder comes on top.
        delaySamples = uplink.delaySamples + ready.delaySamples
        do throws(ResamplerError) {
            downlink = try Downlink(
                sinkRate: sink.sampleRate,
                frames: Resampler.outputFrames(
                    forInput: source.frames, from: source.sampleRate, to: sink.sampleRate),
                delaySamples: delaySamples, profile: .archive, decoder: codec.decoder)
        } catch {
            throw ConversionError(.unsupportedRate, "16,000 Hz can't be converted to \(sink.sampleRate) Hz")
        }
    }

    /// The close handshake, for two seconds at the most.
    private func close(_ code: RelayCloseCode) {
        let deadline = monotonicNow().advanced(byNanoseconds: Self.closeNanosecondsMax)
        driver.close(code: code.number, reason: "")
        while monotonicNow() < deadline {
            while let event = driver.nextEvent() {
                if case .closed = event { return }
            }
            // A connection that fails now has nothing to tell any more.
            guard (try? driver.wait(until: deadline)) != nil else { return }
        }
    }
}
