import Foundation
import Synchronization
import VoiceKit

// The credential of a relay's connections: that of the moment, and a fresh one, once, where the relay refuses it.

extension QuotaClient {
    /// A credential to try again with after the relay has refused `token`; nil where there is nothing to refresh.
    ///
    /// - Throws: ``QuotaError`` of the refresh.
    func credential(after token: Secret) async throws -> Secret? {
        try await keeper?.token(after: token, nil)
    }

    /// For sessions on threads of their own, which last longer than an access token.
    package var relayTokens: RelayTokens {
        RelayTokens { [self] refused throws(RelayTokens.Failure) in
            try Self.waiting {
                guard let refused else { return try await credential() }
                return try await credential(after: Secret(refused))
            }
        }
    }

    /// Runs `body` while this thread, which is none of Swift's own, waits.
    private static func waiting(
        _ body: @escaping @Sendable () async throws -> Secret?
    ) throws(RelayTokens.Failure) -> String {
        let answer = TokenAnswerBox()
        let done = DispatchSemaphore(value: 0)
        Task {
            let result: Result<String, RelayTokens.Failure>
            do {
                let token = try await body()
                result =
                    token.map { .success($0.exposed) }
                    ?? .failure(RelayTokens.Failure("there is no credential that could be refreshed", isFinal: true))
            } catch {
                result = .failure(RelayTokens.Failure("\(error)", isFinal: isFinal(error)))
            }
            answer.result.withLock { $0 = result }
            done.signal()
        }
        done.wait()
        guard let result = answer.result.withLock({ $0 }) else {
            throw RelayTokens.Failure("no answer", isFinal: false)
        }
        return try result.get()
    }

    /// Whether asking for a token again would end the same.
    private static func isFinal(_ error: any Error) -> Bool {
        switch error {
        case QuotaError.transport, QuotaError.rateLimited: false
        case QuotaError.server(let answer): answer.status < 500
        default: true
        }
    }
}

private final class TokenAnswerBox: Sendable {
    let result = Mutex<Result<String, RelayTokens.Failure>?>(nil)
}
