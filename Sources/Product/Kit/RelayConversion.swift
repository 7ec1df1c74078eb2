import Synchronization
import VoiceRealtime
import VoiceRelay
import VoiceSecureStream
import VoiceSignal
import VoiceWebSocketClient

/// One recording's way through a relay: source → uplink → rate ceiling → WebSocket → downlink → sink.
///
/// ``run(from:to:progress:)`` blocks its thread until the end; ``cancel()`` may be called from any other. Use once.
public final class RelayConversion: SoundConversion {
    private let endpoint: RelayEndpoint
    private let voice: String
    private let wire: RelayWire
    private let isCancelled = Atomic<Bool>(false)
    private let waker = Mutex<Waker?>(nil)

    /// - Parameter wire: how sound shall travel where the relay offers it; PCM otherwise.
    public init(endpoint: RelayEndpoint, voice: String, wire: RelayWire = .pcm) {
        self.endpoint = endpoint
        self.voice = voice
        self.wire = wire
    }

    /// Stops the conversion soon; ``run(from:to:progress:)`` then throws with the cause `cancelled`.
    public func cancel() {
        isCancelled.store(true, ordering: .releasing)
        waker.withLock { $0?.signal() }
    }

    /// Converts all of `source` into `sink`, which gets as long a sound as the source's.
    ///
    /// - Throws: ``ConversionError``, or what source and sink throw.
    public func run(
        from source: any SoundSource, to sink: any SoundSink, progress: ConversionProgress
    ) throws -> ConversionReport {
        if wire != .pcm, let report = try attempt(wire, from: source, to: sink, progress: progress) { return report }
        // PCM is what every relay takes.
        guard let report = try attempt(.pcm, from: source, to: sink, progress: progress) else {
            throw ConversionError.session(
                .violation("it does not offer \(RelayWire.pcm.format)"), relay: endpoint.name, hiding: endpoint.token)
        }
        return report
    }

    /// `nil` when the relay does not take this wire: then nothing has been read from the source, nor billed.
    private func attempt(
        _ wire: RelayWire, from source: any SoundSource, to sink: any SoundSink, progress: ConversionProgress
    ) throws -> ConversionReport? {
        let driver: WebSocketDriver
        do throws(WebSocketError) {
            driver = try WebSocketDriver(url: WebSocketURL(endpoint.url), options: endpoint.webSocketOptions)
            waker.withLock { $0 = driver.waker }
            // Cancelled before the waker was there: connect then finds it signalled.
            if isCancelled.load(ordering: .acquiring) { driver.waker.signal() }
            try driver.connect()
        } catch {
            throw ConversionError(error, endpoint: endpoint)
        }
        defer { waker.withLock { $0 = nil } }
        let run = try ConversionRun(
            driver: driver, auth: auth(source, wire), source: source, sink: sink, progress: progress,
            relay: endpoint.name, wire: wire)
        do {
            return try run.finish { [self] in isCancelled.load(ordering: .acquiring) }
        } catch {
            guard wire != .pcm, run.isFormatRefused else { throw error }
            return nil
        }
    }

    /// Asks for no more time than the source takes: so many credits are reserved. Ten seconds cover the way there and
    /// back, and padding for a relay without `end`.
    private func auth(_ source: any SoundSource, _ wire: RelayWire) -> RelayAuth {
        let seconds = (source.frames + source.sampleRate - 1) / source.sampleRate + 10
        return RelayAuth(token: endpoint.token, voice: voice, format: wire.format, maxDurationSeconds: seconds)
    }
}
