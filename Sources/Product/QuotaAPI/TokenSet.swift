import Foundation

/// The tokens of one signed-in user. Its description never shows them; encoding it does, so encode only into a store.
public struct TokenSet: Sendable, Hashable, Codable, CustomStringConvertible, CustomReflectable {
    public var accessToken: String
    public var refreshToken: String?
    /// Where the server said how long the access token lives.
    public var expiresAt: Date?
    /// How long it lived in all, in seconds.
    public var lifetimeSeconds: Int?
    public var scope: String?
    /// For signing out (`id_token_hint`).
    public var idToken: String?
    /// Whom they were issued to: no other client can refresh them.
    public var clientID: String?

    public init(
        accessToken: String, refreshToken: String? = nil, expiresAt: Date? = nil, lifetimeSeconds: Int? = nil,
        scope: String? = nil, idToken: String? = nil, clientID: String? = nil
    ) {
        self.accessToken = accessToken
        self.refreshToken = refreshToken
        self.expiresAt = expiresAt
        self.lifetimeSeconds = lifetimeSeconds
        self.scope = scope
        self.idToken = idToken
        self.clientID = clientID
    }

    /// Whether so little time is left that a request could still be on its way when the token ends: 30 s, or half the
    /// life of a token that lives no longer than a minute.
    public func isEnding(now: Date = Date()) -> Bool {
        guard let expiresAt else { return false }
        let leeway = lifetimeSeconds.map { min(30, Double($0) / 2) } ?? 30
        return expiresAt.timeIntervalSince(now) < leeway
    }

    public var description: String {
        "TokenSet(refreshable: \(refreshToken != nil), expiresAt: \(expiresAt.map { "\($0)" } ?? "unknown"))"
    }
    public var customMirror: Mirror { Mirror(self, children: []) }
}

/// The token endpoint's answer.
struct TokenAnswer: Decodable {
    var accessToken: String
    var refreshToken: String?
    var expiresIn: Int?
    var scope: String?
    var idToken: String?
    var tokenType: String?

    private enum CodingKeys: String, CodingKey {
        case accessToken = "access_token"
        case refreshToken = "refresh_token"
        case expiresIn = "expires_in"
        case scope
        case idToken = "id_token"
        case tokenType = "token_type"
    }

    /// - Parameter previous: what a refresh replaces; a server that doesn't rotate leaves its refresh token out.
    func tokens(replacing previous: TokenSet? = nil, now: Date) throws -> TokenSet {
        let isBearer = tokenType.map { $0.lowercased() == "bearer" } ?? true
        guard isBearer, Secret(accessToken).isSendable, refreshToken.map({ Secret($0).isSendable }) ?? true else {
            throw QuotaError.unreadable(
                QuotaError.UnreadableAnswer(
                    endpoint: "POST /oauth/token", status: 200, detail: "its tokens can't be used"))
        }
        let lifetime = expiresIn.map { min(max($0, 0), 10 * 365 * 86_400) }
        return TokenSet(
            accessToken: accessToken, refreshToken: refreshToken ?? previous?.refreshToken,
            expiresAt: lifetime.map { now.addingTimeInterval(Double($0)) }, lifetimeSeconds: lifetime,
            scope: scope ?? previous?.scope, idToken: idToken ?? previous?.idToken,
            clientID: previous?.clientID)
    }
}

/// Where tokens are kept between runs. Refresh tokens are as good as passwords.
public protocol TokenStore: Sendable {
    func get(_ key: String) async throws -> TokenSet?
    func set(_ tokens: TokenSet, for key: String) async throws
    func delete(_ key: String) async throws
    /// Runs `body` while no other user of the same store does so for `key`: a refresh token works once, and two
    /// processes that refresh at the same time would end the sign-in.
    func exclusively<Value: Sendable>(
        _ key: String, _ body: @Sendable () async throws -> Value
    ) async throws -> Value
}

extension TokenStore {
    public func exclusively<Value: Sendable>(
        _ key: String, _ body: @Sendable () async throws -> Value
    ) async throws -> Value {
        try await body()
    }
}

/// Keeps tokens as long as the process lives: for tests and short programs.
public actor InMemoryTokenStore: TokenStore {
    private var tokens: [String: TokenSet] = [:]

    public init() {}

    public func get(_ key: String) -> TokenSet? { tokens[key] }
    public func set(_ tokens: TokenSet, for key: String) { self.tokens[key] = tokens }
    public func delete(_ key: String) { tokens[key] = nil }
}
