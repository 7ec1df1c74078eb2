import Foundation

/// What a refresh brought.
public struct TokenRefresh: Sendable {
    public var tokens: TokenSet
    /// Seconds the new access token lives, as the server said.
    public var expiresIn: Int?
}

/// A signed-in user's tokens, shared by all requests of a client: refreshes are made one at a time, and one serves all
/// that wait.
actor TokenKeeper {
    struct Configuration: Sendable {
        var exchange: Exchange
        var clientID: String?
        var clientSecret: Secret?
        var store: (any TokenStore)?
        var storeKey: String
        var onRefresh: (@Sendable (TokenRefresh) async throws -> Void)?
    }

    private let configuration: Configuration
    private(set) var tokens: TokenSet
    private var running: Task<TokenSet, any Error>?
    /// The new tokens could not be stored: tried again with every request until it works.
    private var isUnsaved = false
    private var ended: QuotaError?

    init(tokens: TokenSet, configuration: Configuration) {
        self.tokens = tokens
        self.configuration = configuration
    }

    private var canRefresh: Bool { tokens.refreshToken != nil && configuration.clientID != nil }

    /// The token for a request that begins now; a new one if the old is about to end.
    func tokenForRequest() async throws -> Secret {
        if let ended { throw ended }
        if isUnsaved { await save() }
        guard tokens.isEnding(), canRefresh else { return Secret(tokens.accessToken) }
        do {
            return Secret(try await refresh().accessToken)
        } catch QuotaError.transport, QuotaError.server, QuotaError.rateLimited {
            // The old one may still do: the server decides.
            return Secret(tokens.accessToken)
        }
    }

    /// The token to try again with, after the server refused `token`.
    func token(after refused: Secret, _ answer: QuotaServerError?) async throws -> Secret {
        if let ended { throw ended }
        // Another request has refreshed since this one began.
        if tokens.accessToken != refused.exposed { return Secret(tokens.accessToken) }
        guard canRefresh else {
            throw QuotaError.tokenExpired(QuotaError.TokenExpiry(reason: .noRefreshToken, answer: answer))
        }
        return Secret(try await refresh().accessToken)
    }

    /// Joins the refresh that runs, or starts one. It is not a child of the caller: one that gives up does not take the
    /// tokens of the others with it.
    private func refresh() async throws -> TokenSet {
        if let running { return try await running.value }
        let task = Task { try await self.refreshOnce() }
        running = task
        return try await task.value
    }

    private func refreshOnce() async throws -> TokenSet {
        defer { running = nil }
        let before = tokens
        do {
            guard let store = configuration.store else {
                tokens = try await request(before)
                await announce()
                return tokens
            }
            do {
                return try await store.exclusively(configuration.storeKey) {
                    try await self.refreshStored(before, store)
                }
            } catch let error where !(error is QuotaError) && !(error is CancellationError) && tokens == before {
                // The store gives no turn: a program that can't store its tokens can still go on with them.
                return try await refreshStored(before, store)
            }
        } catch QuotaError.tokenExpired(let expiry) {
            let error = QuotaError.tokenExpired(expiry)
            ended = error
            tokens.refreshToken = nil
            try? await configuration.store?.delete(configuration.storeKey)
            throw error
        }
    }

    private func refreshStored(_ before: TokenSet, _ store: any TokenStore) async throws -> TokenSet {
        // Another process may have refreshed while this one waited for its turn.
        if let stored = try? await store.get(configuration.storeKey), stored.accessToken != before.accessToken,
            !isUnsaved, !stored.isEnding()
        {
            tokens = stored
            return stored
        }
        tokens = try await request(before)
        isUnsaved = true
        await save()
        await announce()
        return tokens
    }

    private func save() async {
        guard let store = configuration.store else { return }
        let current = tokens
        guard (try? await store.set(current, for: configuration.storeKey)) != nil else { return }
        if tokens == current { isUnsaved = false }
    }

    /// A callback that throws is its owner's matter: the tokens are in here already.
    private func announce() async {
        let refresh = TokenRefresh(tokens: tokens, expiresIn: tokens.lifetimeSeconds)
        try? await configuration.onRefresh?(refresh)
    }

    private func request(_ before: TokenSet) async throws -> TokenSet {
        let secrets = [before.refreshToken, before.accessToken].compactMap { $0.map(Secret.init) }
        let form = APIRequest.form(
            "/oauth/token",
            [
                ("grant_type", "refresh_token"), ("refresh_token", before.refreshToken),
                ("client_id", configuration.clientID), ("client_secret", configuration.clientSecret?.exposed),
            ])
        let sent = Date()
        let answer = try await configuration.exchange.send(form, bytesMax: 256 << 10)
        if answer.isSuccess { return try answer.decode(TokenAnswer.self).tokens(replacing: before, now: sent) }
        let refusal = answer.refusal(hiding: secrets + [configuration.clientSecret].compactMap(\.self))
        guard let said = refusal.answer, [400, 401, 403].contains(answer.status) else { throw refusal }
        let text = (said.code + " " + said.message).lowercased()
        let isReuse = text.contains("reuse") || text.contains("already used") || text.contains("already been used")
        throw QuotaError.tokenExpired(
            QuotaError.TokenExpiry(reason: isReuse ? .refreshTokenReused : .refreshRefused, answer: said))
    }
}

extension APIRequest {
    static func form(_ path: String, _ fields: [(String, String?)]) -> APIRequest {
        APIRequest(
            method: .POST, path: path, template: path,
            headers: [("Content-Type", "application/x-www-form-urlencoded")],
            body: Data(URLText.form(fields).utf8), isIdempotent: false)
    }
}
