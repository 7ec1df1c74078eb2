import Foundation
import Synchronization
import VoiceKit
import VoiceRealtime
import VoiceRelay
import VoiceSecureStream
import VoiceWebSocket

/// What brings a voice session to its relay: the first time, and again after a loss where that was asked for.
final class VoiceLink: Sendable {
    let client: QuotaClient
    let channel: VoiceChannel
    private let policy: Mutex<ReconnectPolicy>

    init(_ client: QuotaClient, _ channel: VoiceChannel) {
        self.client = client
        self.channel = channel
        policy = Mutex(ReconnectPolicy(limits: channel.voice.reconnectLimits))
    }

    var externalUserID: String? { client.externalUserID }

    /// Connects with the credential of the moment, and once more with a fresh one where the relay refuses that.
    ///
    /// - Throws: ``VoiceRefusal``, ``QuotaError`` from a refresh, `CancellationError`.
    func connect() async throws -> RelayReady {
        guard let token = try await client.credential() else {
            throw VoiceRefusal(
                ConversionError(.refused, "\(client.exchange.base.name): a voice session needs a credential"))
        }
        do {
            return try await attempt(token)
        } catch let refusal as VoiceRefusal where refusal.isOfCredential {
            guard let fresh = try await client.credential(after: token) else { throw refusal }
            do {
                return try await attempt(fresh)
            } catch let refusal as VoiceRefusal where refusal.isOfCredential {
                throw QuotaError.tokenExpired(QuotaError.TokenExpiry(reason: .refusedAfterRefresh))
            }
        }
    }

    private func endpoint(_ token: Secret) -> RelayEndpoint {
        var endpoint = RelayEndpoint(
            base: client.exchange.base.text.replacing(/^http/, with: "ws") + RelayProtocol.path,
            token: token.exposed, allowsInsecure: client.options.allowsInsecure)
        endpoint.caFile = channel.voice.caFile ?? client.options.caFile
        return endpoint
    }

    private func attempt(_ token: Secret) async throws -> RelayReady {
        let endpoint = endpoint(token)
        return try await withCheckedThrowingContinuation { continuation in
            let thread = Thread { [self] in run(endpoint, connected: continuation) }
            thread.name = "voice"
            thread.stackSize = 1 << 20
            thread.start()
        }
    }

    // MARK: - From the connection's thread

    func began(_ ready: RelayReady) {
        policy.withLock { $0.connected(now: monotonicNow()) }
        channel.begin(ready)
    }

    func ended(_ ending: RelayEnding) {
        guard channel.voice.reconnects, case .failed(let failure) = ending, failure.isWorthAnother, channel.leave()
        else { return channel.close(ending) }
        channel.hold(Task { await comeBack(after: failure) })
    }

    // MARK: - After a loss

    private func comeBack(after failure: RelayFailure) async {
        var failure = failure
        var kind = ReconnectPolicy.Failure.transient(retryAfterSeconds: nil)
        while true {
            let now = monotonicNow()
            let decision = policy.withLock { $0.failed(kind, now: now, random: .random(in: .min ... .max)) }
            guard case .reconnect(let time) = decision else { return channel.close(.failed(failure)) }
            let wait = Duration.nanoseconds(time.nanoseconds(since: now))
            channel.tell(.lost(failure, retryAfter: wait))
            do {
                try await Task.sleep(for: wait)
                _ = try await connect()
                return
            } catch {
                guard !Task.isCancelled, !channel.isUnwanted else {
                    return channel.close(channel.isCancelled ? .cancelled : .failed(failure))
                }
                (failure, kind) = Self.meaning(of: error, after: failure)
            }
        }
    }

    /// What ended the session if no other try is made, and whether one is.
    private static func meaning(
        of error: any Error, after failure: RelayFailure
    ) -> (RelayFailure, ReconnectPolicy.Failure) {
        switch error {
        case let refusal as VoiceRefusal:
            // Where nobody answers, the reason is still what ended the connection before.
            guard case .session(let reason) = refusal.error.cause else { return (failure, refusal.kind) }
            return (reason, refusal.kind)
        case QuotaError.tokenExpired(let expiry):
            return (.closed(.invalidAuth, detail: QuotaError.tokenExpired(expiry).description), .terminal)
        case QuotaError.transport, QuotaError.rateLimited: return (failure, .transient(retryAfterSeconds: nil))
        case QuotaError.server(let answer) where answer.status >= 500:
            return (failure, .transient(retryAfterSeconds: nil))
        default: return (failure, .terminal)
        }
    }
}
