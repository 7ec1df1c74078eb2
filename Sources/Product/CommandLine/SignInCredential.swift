import Foundation
import QuotaAPI
import VoiceKit

extension RelayOptions {
    /// As ``resolve(environment:)``; where neither a file nor the environment has a key, the stored sign-in pays.
    func resolveWithSignIn() async throws -> Remote? {
        guard !local, try Self.token(file: tokenFile) == nil else { return try resolve() }
        let access = try QuotaAccess.parse(relay.map { ["--base-url", BatchCost.httpBase($0)] } ?? [])
        var token: String?
        var tokens: RelayTokens?
        try await QuotaAccess.reporting {
            // Whoever never signed in is not asked to.
            guard try await QuotaAccess.store.get(access.resolvedBaseURL) != nil else { return }
            let client = try await access.client()
            token = try await client.currentToken()
            tokens = client.relayTokens
        }
        guard let token else { return try resolve() }
        return Remote(url: relay ?? access.resolvedBaseURL, token: token, tokens: tokens)
    }
}
