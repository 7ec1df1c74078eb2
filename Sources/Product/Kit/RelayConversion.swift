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
    private let isCancelled = Atomic<Bool>(false)
    private let waker = Mutex<Waker?>(nil)

    public init(endpoint: RelayEndpoint, voice: String) {
        self.endpoint = endpoint
        self.voice = voice
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
        var options = WebSocketOptions()
        options.allowInsecure = endpoint.allowsInsecure
        options.stream.caFile = endpoint.caFile
        // What is on this machine is reached directly, also where HTTPS_PROXY or ALL_PROXY is set.
        if endpoint.isLoopback { options.stream.proxy = .none }
        let driver: WebSocketDriver
        do throws(WebSocketError) {
            driver = try WebSocketDriver(url: WebSocketURL(endpoint.url), options: options)
            waker.withLock { $0 = driver.waker }
            // Cancelled before the waker was there: connect then finds it signalled.
            if isCancelled.load(ordering: .acquiring) { driver.waker.signal() }
            try driver.connect()
        } catch {
            throw ConversionError(error, endpoint: endpoint)
        }
        defer { waker.withLock { $0 = nil } }
        let run = try ConversionRun(
            driver: driver, auth: auth(source), source: source, sink: sink, progress: progress, relay: endpoint.name)
        return try run.finish { [self] in isCancelled.load(ordering: .acquiring) }
    }

    /// Asks for no more time than the source takes: so many credits are reserved. Ten seconds cover the way there and
    /// back, and padding for a relay without `end`.
    private func auth(_ source: any SoundSource) -> RelayAuth {
        let seconds = (source.frames + source.sampleRate - 1) / source.sampleRate + 10
        return RelayAuth(token: endpoint.token, voice: voice, maxDurationSeconds: seconds)
    }
}
