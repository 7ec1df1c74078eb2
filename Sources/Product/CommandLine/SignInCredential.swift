import Foundation
import QuotaAPI

extension RelayOptions {
    /// As ``resolve(environment:)``; where neither a file nor the environment has a key, the stored sign-in pays.
    func resolveWithSignIn() async throws -> Remote? {
        guard !local, try Self.token(file: tokenFile) == nil else { return try resolve() }
        let access = try QuotaAccess.parse(relay.map { ["--base-url", BatchCost.httpBase($0)] } ?? [])
        var token: String?
        try await QuotaAccess.reporting {
            // Whoever never signed in is not asked to.
            guard try await QuotaAccess.store.get(access.resolvedBaseURL) != nil else { return }
            token = try await access.client().currentToken()
        }
        guard let token else { return try resolve() }
        return Remote(url: relay ?? access.resolvedBaseURL, token: token)
    }
}
