import Foundation

/// What a server says of its sign-in (OpenID Connect Discovery §3).
public struct ServerMetadata: Sendable, Hashable, Codable {
    public var issuer: String
    public var authorizationEndpoint: String
    public var tokenEndpoint: String
    public var userinfoEndpoint: String?
    public var jwksURI: String
    public var revocationEndpoint: String?
    public var endSessionEndpoint: String?

    private enum CodingKeys: String, CodingKey {
        case issuer
        case authorizationEndpoint = "authorization_endpoint"
        case tokenEndpoint = "token_endpoint"
        case userinfoEndpoint = "userinfo_endpoint"
        case jwksURI = "jwks_uri"
        case revocationEndpoint = "revocation_endpoint"
        case endSessionEndpoint = "end_session_endpoint"
    }
}

/// A server's metadata and keys, fetched when needed and kept for an hour.
actor MetadataCache {
    private static let secondsMax: TimeInterval = 3_600
    /// A token with an unknown key may make us look for it so often, and no more: anyone can make such tokens.
    private static let refetchSecondsMin: TimeInterval = 60

    private let exchange: Exchange
    private let allowsInsecure: Bool
    private var metadata: (value: ServerMetadata, at: Date)?
    private var keys: (value: [SigningKey], at: Date)?
    private var fetchingMetadata: Task<ServerMetadata, any Error>?
    private var fetchingKeys: Task<[SigningKey], any Error>?

    init(exchange: Exchange, allowsInsecure: Bool) {
        self.exchange = exchange
        self.allowsInsecure = allowsInsecure
    }

    func serverMetadata(now: Date) async throws -> ServerMetadata {
        if let metadata, Self.isFresh(metadata.at, now) { return metadata.value }
        if let fetchingMetadata { return try await fetchingMetadata.value }
        let task = Task { try await self.fetchMetadata() }
        fetchingMetadata = task
        defer { fetchingMetadata = nil }
        let value = try await task.value
        metadata = (value, now)
        return value
    }

    /// The key for a token's `kid`; one alone needs no name.
    func key(_ kid: String?, now: Date) async throws -> SigningKey {
        var isFresh = false
        if keys.map({ Self.isFresh($0.at, now) }) != true {
            try await fetchKeys(now: now)
            isFresh = true
        }
        if let key = find(kid) { return key }
        let age = keys.map { abs(now.timeIntervalSince($0.at)) } ?? .infinity
        guard !isFresh, age >= Self.refetchSecondsMin || isFirstRefetch else { throw SignInError.idToken(.unknownKey) }
        isFirstRefetch = false
        try await fetchKeys(now: now)
        guard let key = find(kid) else { throw SignInError.idToken(.unknownKey) }
        return key
    }

    /// A rotation right after the first fetch is found at once.
    private var isFirstRefetch = true

    private func find(_ kid: String?) -> SigningKey? {
        guard let keys = keys?.value else { return nil }
        guard let kid else { return keys.count == 1 ? keys[0] : nil }
        return keys.first { $0.kid == kid }
    }

    private static func isFresh(_ date: Date, _ now: Date) -> Bool {
        // Also after the clock was set back.
        abs(now.timeIntervalSince(date)) < secondsMax
    }

    private func fetchKeys(now: Date) async throws {
        let task: Task<[SigningKey], any Error>
        if let fetchingKeys {
            task = fetchingKeys
        } else {
            let uri = try await serverMetadata(now: now).jwksURI
            task = Task { [exchange] in
                let answer = try await exchange.elsewhere(.get(uri), allowsInsecure: self.allowsInsecure)
                guard answer.isSuccess else { throw answer.refusal(hiding: []) }
                return SigningKey.keys(from: try answer.decode(JSONWebKeys.self))
            }
            fetchingKeys = task
        }
        defer { fetchingKeys = nil }
        keys = (try await task.value, now)
    }

    private func fetchMetadata() async throws -> ServerMetadata {
        let answer = try await exchange.send(.get("/.well-known/openid-configuration"), bytesMax: 256 << 10)
        guard answer.isSuccess else { throw answer.refusal(hiding: []) }
        let value = try answer.decode(ServerMetadata.self)
        // OpenID Connect Discovery §4.3: else one server could speak for another.
        var issuer = value.issuer
        while issuer.hasSuffix("/") { issuer.removeLast() }
        guard issuer == exchange.base.text else { throw SignInError.discovery("its issuer is another address") }
        let endpoints = [
            value.authorizationEndpoint, value.tokenEndpoint, value.userinfoEndpoint, value.jwksURI,
            value.revocationEndpoint, value.endSessionEndpoint,
        ]
        for endpoint in endpoints.compactMap(\.self) {
            let plain = endpoint.split(separator: "?", maxSplits: 1).first.map(String.init) ?? ""
            guard (try? BaseURL(plain, allowsInsecure: allowsInsecure)) != nil else {
                throw SignInError.discovery("an endpoint is not https")
            }
        }
        return value
    }
}

extension Exchange {
    /// Sends a request whose path is a whole URL of the server's metadata.
    func elsewhere(_ request: APIRequest, allowsInsecure: Bool) async throws -> APIAnswer {
        let parts = request.path.split(separator: "?", maxSplits: 1)
        let base = try BaseURL(String(parts.first ?? ""), allowsInsecure: allowsInsecure)
        let there = Exchange(http: http, base: base, timeout: timeout, userAgent: userAgent)
        var request = request
        request.path = parts.count > 1 ? "?\(parts[1])" : ""
        request.template = String(base.text.drop { $0 != ":" }.dropFirst(3).drop { $0 != "/" })
        return try await there.send(request, bytesMax: 1 << 20)
    }
}
