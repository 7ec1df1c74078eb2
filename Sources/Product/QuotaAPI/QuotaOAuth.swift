import Foundation

/// Signing users in with Quota, and connecting their wallets (OAuth 2.1, OpenID Connect).
///
/// Knows no web framework: what has to be remembered is a value for the app's own session. Copies share what is cached.
public struct QuotaOAuth: Sendable, CustomStringConvertible {
    /// Where to send a user, and what to remember until they come back.
    public struct Start: Sendable {
        public let url: String
        public let pending: PendingSignIn
    }

    /// A user who came back.
    public struct SignIn: Sendable {
        public var tokens: TokenSet
        /// With `openid` alone.
        public var identity: QuotaIdentity?
    }

    public let clientID: String
    let clientSecret: Secret?
    public let redirectURI: String
    private let exchange: Exchange
    private let cache: MetadataCache
    private let allowsInsecure: Bool

    /// - Parameters:
    ///   - clientSecret: of a confidential client; programs that people install have none.
    ///   - redirectURI: exactly as registered: `https`, or `http` on localhost or 127.0.0.1.
    public init(
        clientID: String, clientSecret: String? = nil, redirectURI: String, options: QuotaOptions = QuotaOptions()
    ) throws(QuotaConfigurationError) {
        guard Secret(clientID).isSendable else { throw .malformed(.clientID) }
        guard clientSecret.map({ Secret($0).isSendable }) ?? true else { throw .malformed(.clientSecret) }
        guard Self.isRedirectURI(redirectURI) else { throw .redirectURI(redirectURI) }
        let base = try BaseURL(options.baseURL, allowsInsecure: options.allowsInsecure)
        exchange = Exchange(
            http: try ServerReach.client(to: base, options: options), base: base, timeout: options.timeout,
            userAgent: options.userAgent)
        self.clientID = clientID
        self.clientSecret = clientSecret.map(Secret.init)
        self.redirectURI = redirectURI
        allowsInsecure = options.allowsInsecure
        cache = MetadataCache(exchange: exchange, allowsInsecure: options.allowsInsecure)
    }

    public var description: String { "QuotaOAuth(\(exchange.base), \(clientID))" }

    private static func isRedirectURI(_ text: String) -> Bool {
        guard let parts = URLComponents(string: text), parts.fragment == nil, parts.user == nil, !text.contains("*"),
            let host = parts.host, !host.isEmpty
        else { return false }
        return parts.scheme == "https" || (parts.scheme == "http" && BaseURL.isLoopback(host))
    }

    /// What the server says of itself; asked once an hour.
    public func metadata() async throws -> ServerMetadata {
        try await cache.serverMetadata(now: Date())
    }

    /// Begins: state, nonce and PKCE are made here.
    public func start(scopes: [QuotaScope] = .signIn, prompt: String? = nil) async throws -> Start {
        let metadata = try await metadata()
        let pending = PendingSignIn(redirectURI: redirectURI, withNonce: scopes.contains(.openID), now: Date())
        let query = URLText.form([
            ("response_type", "code"), ("client_id", clientID), ("redirect_uri", redirectURI),
            ("scope", scopes.map(\.rawValue).joined(separator: " ")), ("state", pending.state),
            ("nonce", pending.nonce), ("code_challenge", pending.codeChallenge), ("code_challenge_method", "S256"),
            ("prompt", prompt),
        ])
        let separator = metadata.authorizationEndpoint.contains("?") ? "&" : "?"
        return Start(url: metadata.authorizationEndpoint + separator + query, pending: pending)
    }

    /// Asks the authorization endpoint, without a browser, whether it knows this client: it may tell only the person who
    /// looks (RFC 6749 §4.1.2.1), and a program would wait in vain.
    ///
    /// - Throws: ``SignInError/unknownClient(_:)`` where it says so. Everything else is the browser's matter.
    func checkClient(_ start: Start) async throws {
        var request = APIRequest.get(start.url)
        request.headers = [("Accept", "text/html")]
        do {
            let answer = try await exchange.elsewhere(request, allowsInsecure: allowsInsecure)
            guard [400, 401].contains(answer.status) else { return }
            let text = String(decoding: answer.body, as: UTF8.self).lowercased()
            guard text.contains("client") else { return }
            throw SignInError.unknownClient(clientID)
        } catch is QuotaError {
            return
        }
    }

    /// Ends: checks the callback, exchanges the code, verifies the identity. Forget `pending` whatever comes of it.
    ///
    /// - Throws: ``SignInError``, ``QuotaError``.
    public func finish(callback: String, pending: PendingSignIn) async throws -> SignIn {
        let issuer = try await metadata().issuer
        return try await exchange(code: pending.code(fromCallback: callback, issuer: issuer), pending: pending)
    }

    /// Exchanges a code and verifies the identity that comes with it.
    public func exchange(code: String, pending: PendingSignIn) async throws -> SignIn {
        let secrets = [Secret(code), Secret(pending.codeVerifier)] + [clientSecret].compactMap(\.self)
        let endpoint = try await metadata().tokenEndpoint
        let sent = Date()
        let answer = try await exchange.elsewhere(
            .form(
                endpoint,
                [
                    ("grant_type", "authorization_code"), ("code", code), ("redirect_uri", pending.redirectURI),
                    ("client_id", clientID), ("client_secret", clientSecret?.exposed),
                    ("code_verifier", pending.codeVerifier),
                ]), allowsInsecure: allowsInsecure)
        guard answer.isSuccess else { throw answer.refusal(hiding: secrets) }
        var tokens = try answer.decode(TokenAnswer.self).tokens(now: sent)
        tokens.clientID = clientID
        guard let nonce = pending.nonce else { return SignIn(tokens: tokens) }
        guard let idToken = tokens.idToken else { throw SignInError.noIDToken }
        return SignIn(tokens: tokens, identity: try await verify(idToken: idToken, nonce: nonce))
    }

    /// Verifies an id_token: RS256 by the server's keys, iss, aud, azp, exp, iat, nonce.
    ///
    /// - Throws: ``SignInError/idToken(_:)``; ``QuotaError`` where the keys can't be had.
    public func verify(idToken: String, nonce: String?, now: Date = Date()) async throws -> QuotaIdentity {
        let header = try IDTokenVerifier.header(of: idToken)
        let key = try await cache.key(header.kid, now: now)
        let verifier = IDTokenVerifier(issuer: try await metadata().issuer, clientID: clientID)
        return try await verifier.verify(idToken, key: key, nonce: nonce, now: now)
    }

    /// What the server knows of the user.
    ///
    /// - Parameter subject: of the verified identity: the answer of another user is refused.
    public func userInfo(accessToken: String, subject: String? = nil) async throws -> QuotaIdentity {
        guard let endpoint = try await metadata().userinfoEndpoint else {
            throw SignInError.discovery("it has no userinfo endpoint")
        }
        var request = APIRequest.get(endpoint)
        request.headers = [("Authorization", "Bearer \(accessToken)")]
        let answer = try await exchange.elsewhere(request, allowsInsecure: allowsInsecure)
        guard answer.isSuccess else { throw answer.refusal(hiding: [Secret(accessToken)]) }
        struct Info: Decodable {
            var sub: String
            var email: String?
            var emailVerified: Bool?
            var name: String?
            var picture: String?

            enum CodingKeys: String, CodingKey {
                case sub, email, name, picture
                case emailVerified = "email_verified"
            }
        }
        let info = try answer.decode(Info.self)
        if let subject, subject != info.sub { throw SignInError.subjectMismatch }
        return QuotaIdentity(
            subject: info.sub, email: info.email, emailVerified: info.emailVerified, name: info.name,
            picture: info.picture)
    }

    /// Ends what the tokens can do, on the server (RFC 7009). The refresh token's end is the sign-in's.
    public func revoke(_ tokens: TokenSet) async throws {
        guard let endpoint = try await metadata().revocationEndpoint else {
            throw SignInError.discovery("it has no revocation endpoint")
        }
        let token = tokens.refreshToken ?? tokens.accessToken
        let answer = try await exchange.elsewhere(
            .form(
                endpoint,
                [
                    ("token", token),
                    ("token_type_hint", tokens.refreshToken == nil ? "access_token" : "refresh_token"),
                    ("client_id", clientID), ("client_secret", clientSecret?.exposed),
                ]), allowsInsecure: allowsInsecure)
        guard answer.isSuccess else {
            throw answer.refusal(hiding: [Secret(token)] + [clientSecret].compactMap(\.self))
        }
    }

    /// Where to send a user who signs out; `nil` where the server has no such page.
    public func endSessionURL(idToken: String?, postLogoutRedirectURI: String?, state: String? = nil)
        async throws -> String?
    {
        guard let endpoint = try await metadata().endSessionEndpoint else { return nil }
        let query = URLText.form([
            ("id_token_hint", idToken), ("client_id", idToken == nil ? clientID : nil),
            ("post_logout_redirect_uri", postLogoutRedirectURI), ("state", state),
        ])
        return query.isEmpty ? endpoint : endpoint + (endpoint.contains("?") ? "&" : "?") + query
    }
}
