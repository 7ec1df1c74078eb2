import VoiceKit
import VoiceRelay
import VoiceWebSocket

/// What a live voice session is asked for.
public struct VoiceSessionOptions: Sendable {
    public var voice: String
    public var model = RelayProtocol.model
    /// Bounds the session; so many seconds of credits are set aside until it ends.
    public var maxDurationSeconds = 600
    /// Sound that may wait to be sent, in bytes: the relay takes one and a half times real time.
    public var waitingBytesMax = 320_000
    /// A PEM file of certificates to trust besides the system's; else that of the client's options.
    public var caFile: String?
    /// Whether a session that was lost comes back by itself: after heartbeats that stopped, a converter that the relay
    /// lost, or a connection that broke; with growing waits, for about a minute. Off unless asked for, since each new
    /// connection is a session of its own: it sets credits aside again, and the sound in between is gone. For live sound;
    /// a recording is better begun anew. ``VoiceConversionSession/events`` tells.
    public var reconnects = false
    package var reconnectLimits = ReconnectPolicy.Limits()

    public init(voice: String) {
        self.voice = voice
    }
}

/// How a voice session ended: with its bill, cancelled, or by a failure with a typed code.
public typealias VoiceSessionEnd = RelayEnding
/// Why a relay closed: `balanceExhausted`, `invalidAuth`, `sessionTimeout` …
public typealias VoiceCloseCode = RelayCloseCode
/// Why no voice session came about.
public typealias VoiceConnectError = ConversionError

/// Why a connection was lost.
public typealias VoiceFailure = RelayFailure
/// What the wallet has and what the session needs, in ``VoiceConnectError``.
public typealias VoiceShortfall = RelayShortfall

/// What happens to a session that reconnects.
public enum VoiceSessionEvent: Sendable, Equatable {
    /// The connection was lost; the next try comes after this wait. Sound is dropped until then, not kept.
    case lost(VoiceFailure, retryAfter: Duration)
    /// A new session with the relay, with its own reservation. So many bytes were dropped and will never be sent.
    case reconnected(sessionID: String, reservedCredits: Int?, droppedBytes: Int)
}

/// Why sound was not taken.
public enum VoiceSendError: Error, Sendable, Equatable {
    /// Not whole samples: an odd number of bytes.
    case oddLength
    /// More than may wait; drop it, or send by ``VoiceConversionSession/send(_:)``, which waits.
    case full
    /// ``VoiceConversionSession/finish()`` was called, or the session is over.
    case ended
}

/// A voice conversion as it happens: sound goes in, the same words in another voice come out.
///
/// Sound is signed 16-bit little-endian, 16 kHz, mono, both ways. Threads: all members from any; the connection lives on
/// a thread of its own. The session ends by ``finish()`` or ``close()``, by the relay, or when nobody refers
/// to it or waits for its sound or end.
public final class VoiceConversionSession: Sendable {
    fileprivate let channel: VoiceChannel

    init(_ channel: VoiceChannel) {
        self.channel = channel
    }

    /// The relay's name for the session; another one after a reconnection.
    public var id: String { channel.ready?.sessionID ?? "" }
    /// Credits set aside until it ends.
    public var reservedCredits: Int? { channel.ready?.reservedCredits }

    deinit {
        channel.cancel()
    }

    /// Sends sound, and waits while as much waits already as may.
    ///
    /// - Throws: ``VoiceSendError``, `CancellationError`.
    public func send(_ pcm: [UInt8]) async throws {
        for start in stride(from: 0, to: max(pcm.count, 1), by: 32_000) {
            let part = Array(pcm[start..<min(start + 32_000, pcm.count)])
            while true {
                do throws(VoiceSendError) {
                    try channel.offer(part)
                    break
                } catch {
                    guard error == .full else { throw error }
                }
                try await Task.sleep(for: .milliseconds(10))
            }
        }
    }

    /// Losses and returns, where ``VoiceSessionOptions/reconnects`` is set; ends with the session. For one loop. The newest
    /// 64 are kept for it.
    public var events: AsyncStream<VoiceSessionEvent> { channel.events }

    /// Sends sound without ever waiting: for a microphone.
    public func sendNow(_ pcm: [UInt8]) throws(VoiceSendError) {
        try channel.offer(pcm)
    }

    /// The converted sound, in pieces as the relay sends them; ends with the session. For one loop. While nobody takes
    /// it, the relay is held back.
    public var audio: VoiceAudio { VoiceAudio(session: self) }

    /// Calls `handler` with each piece of converted sound: instead of a loop over ``audio``.
    @discardableResult
    public func onAudio(_ handler: @escaping @Sendable ([UInt8]) async -> Void) -> Task<Void, Never> {
        let audio = audio
        return Task { for await piece in audio { await handler(piece) } }
    }

    /// Calls `handler` once, when the session is over.
    @discardableResult
    public func onClose(_ handler: @escaping @Sendable (VoiceSessionEnd) async -> Void) -> Task<Void, Never> {
        Task { await handler(await end) }
    }

    /// Says that no more sound comes: the relay sends what is left and the bill, then the session ends.
    public func finish() {
        channel.finishInput()
    }

    /// Ends the session now; what is on its way is lost. Unused credits come back all the same.
    public func close() {
        channel.cancel()
    }

    /// How the session ended; waits until it has.
    public var end: VoiceSessionEnd {
        get async {
            let ending = await channel.end()
            // Whoever waits here still wants the session: without this, the wait could let go of it, and close it.
            return withExtendedLifetime(self) { ending }
        }
    }

    /// The running bill, over all connections; what a lost one cost is known up to the relay's last word.
    public var usage: RelayUsage? { channel.usage }
}

/// Converted sound as it comes.
public struct VoiceAudio: AsyncSequence, Sendable {
    public typealias Element = [UInt8]
    let session: VoiceConversionSession

    /// Holds the session: it is not closed while someone listens.
    public struct Iterator: AsyncIteratorProtocol {
        let session: VoiceConversionSession

        public mutating func next() async -> [UInt8]? {
            let piece = await session.channel.nextAudio()
            return withExtendedLifetime(session) { piece }
        }
    }

    public func makeAsyncIterator() -> Iterator { Iterator(session: session) }
}

extension QuotaClient {
    /// Opens a voice session. Returns when the relay is ready to take sound.
    ///
    /// - Throws: ``VoiceConnectError``, with the amounts in its `shortfall` where the wallet is too small; ``QuotaError`` from
    ///   a refresh, ``QuotaError/tokenExpired(_:)`` where the relay refuses fresh tokens too; `CancellationError`.
    public func connectVoiceConversion(_ options: VoiceSessionOptions) async throws -> VoiceConversionSession {
        let channel = VoiceChannel(voice: options)
        do {
            try await withTaskCancellationHandler {
                _ = try await VoiceLink(self, channel).connect()
            } onCancel: {
                channel.cancel()
            }
        } catch let refusal as VoiceRefusal {
            throw refusal.error
        }
        return VoiceConversionSession(channel)
    }
}
