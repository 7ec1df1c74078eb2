import Foundation
import Synchronization
import VoiceKit
import VoiceRelay
import VoiceWebSocketClient

/// What a live voice session is asked for.
public struct VoiceSessionOptions: Sendable {
    public var voice: String
    public var model = RelayProtocol.model
    /// Bounds the session; so many seconds of credits are set aside until it ends.
    public var maxDurationSeconds = 600
    /// Sound that may wait to be sent, in bytes: the relay takes one and a half times real time.
    public var waitingBytesMax = 320_000
    /// A PEM file of certificates to trust besides the system's.
    public var caFile: String?

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
    /// The relay's name for the session.
    public let id: String
    /// Credits set aside until it ends.
    public let reservedCredits: Int?
    fileprivate let channel: VoiceChannel

    init(_ ready: RelayReady, _ channel: VoiceChannel) {
        id = ready.sessionID
        reservedCredits = ready.reservedCredits
        self.channel = channel
    }

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

    /// The running bill.
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
    /// - Throws: ``VoiceConnectError``, ``QuotaError`` (from a refresh), `CancellationError`.
    public func connectVoiceConversion(_ options: VoiceSessionOptions) async throws -> VoiceConversionSession {
        let token = try await credential()
        do {
            return try await connectVoice(options, token)
        } catch let error as ConversionError where Self.isRefusal(error) {
            guard let keeper, let token else { throw error }
            return try await connectVoice(options, try await keeper.token(after: token, nil))
        }
    }

    private static func isRefusal(_ error: ConversionError) -> Bool {
        if case .session(.closed(.invalidAuth, _)) = error.cause { return true }
        return error.cause == .refused
    }

    private func connectVoice(
        _ voice: VoiceSessionOptions, _ token: Secret?
    ) async throws -> VoiceConversionSession {
        guard let token else {
            throw ConversionError(.refused, "\(exchange.base.name): a voice session needs a credential")
        }
        var endpoint = RelayEndpoint(
            base: exchange.base.text.replacing(/^http/, with: "ws") + RelayProtocol.path, token: token.exposed,
            allowsInsecure: options.allowsInsecure)
        endpoint.caFile = voice.caFile
        let channel = VoiceChannel(endpoint: endpoint, voice: voice, externalUserID: externalUserID)
        let ready = try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let thread = Thread { channel.run(connected: continuation) }
                thread.name = "voice"
                thread.stackSize = 1 << 20
                thread.start()
            }
        } onCancel: {
            channel.cancel()
        }
        return VoiceConversionSession(ready, channel)
    }
}
