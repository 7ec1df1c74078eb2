import AsyncHTTPClient
import Foundation

/// How a client behaves, whoever it acts for.
public struct QuotaOptions: Sendable {
    public static let defaultBaseURL = "https://api.usequota.ai"

    /// `https://…`, or `http://…` on this machine.
    public var baseURL = QuotaOptions.defaultBaseURL
    /// For one try of a request, from the connection to the last byte; for a stream to its first byte.
    public var timeout: Duration = .seconds(10)
    /// The longest silence inside a stream.
    public var streamSilenceMax: Duration = .seconds(60)
    public var userAgent = "quota-voice-swift/0.1"
    /// A PEM file with authorities (or one self-signed certificate) trusted beside the system's.
    public var caFile: String?
    /// Whether HTTPS_PROXY, ALL_PROXY and NO_PROXY count. Only `http://` proxies are supported.
    public var usesEnvironmentProxy = true
    /// Sends the requests. The default is shared by the process. One of your own must not follow redirects: a credential
    /// would go along; and `caFile` and the proxy are then yours to set.
    public var httpClient: HTTPClient?
    public var retry = RetryPolicy()
    /// Keeps refreshed tokens, under ``tokenStoreKey``.
    public var tokenStore: (any TokenStore)?
    public var tokenStoreKey = "default"
    /// When the access token that the client starts with ends.
    public var accessTokenExpiresAt: Date?
    /// Called once for each refresh, with the rotated tokens, before the requests that waited go on. An error it throws
    /// doesn't reach them.
    public var onTokenRefresh: (@Sendable (TokenRefresh) async throws -> Void)?
    /// The field of a checkout's request that names the package.
    public var checkoutPackageField = QuotaAssumptions.checkoutPackageField
    /// Allows `http://` beyond this machine: credentials go in the clear.
    public var allowsInsecure = false

    public init() {}
}

/// Quota's API: who pays, what it costs, chat, voices.
///
/// A value that may be copied and used from any task; copies share connections and tokens. Every call throws
/// ``QuotaError``, or `CancellationError` when its task is cancelled.
public struct QuotaClient: Sendable, CustomStringConvertible {
    let exchange: Exchange
    let authentication: QuotaAuthentication
    let keeper: TokenKeeper?
    let options: QuotaOptions
    /// Overrides the hosted user of the authentication.
    var externalUserID: String?

    /// - Throws: ``QuotaConfigurationError`` for a base URL that can't be used.
    public init(_ authentication: QuotaAuthentication, options: QuotaOptions = QuotaOptions())
        throws(QuotaConfigurationError)
    {
        let base = try BaseURL(options.baseURL, allowsInsecure: options.allowsInsecure)
        exchange = Exchange(
            http: try ServerReach.client(to: base, options: options), base: base, timeout: options.timeout,
            userAgent: options.userAgent.filter { $0.isASCII && !$0.isNewline })
        self.authentication = authentication
        self.options = options
        switch authentication.mode {
        case .none, .apiKey: keeper = nil
        case .hostedUser(_, let id):
            keeper = nil
            externalUserID = id
        case .oauth(let token, let refresh):
            keeper = TokenKeeper(
                tokens: TokenSet(
                    accessToken: token.exposed, refreshToken: refresh?.token.exposed,
                    expiresAt: options.accessTokenExpiresAt, clientID: refresh?.clientID),
                configuration: TokenKeeper.Configuration(
                    exchange: exchange, clientID: refresh?.clientID, clientSecret: refresh?.clientSecret,
                    store: options.tokenStore, storeKey: options.tokenStoreKey, onRefresh: options.onTokenRefresh))
        }
    }

    /// Takes whatever credentials there are.
    public init(_ credentials: QuotaCredentials, options: QuotaOptions = QuotaOptions())
        throws(QuotaConfigurationError)
    {
        try self.init(credentials.resolved(), options: options)
    }

    /// The same client, acting for a user that is linked to `externalUserID`, who pays. With an API key only.
    public func onBehalf(of externalUserID: String) throws(QuotaConfigurationError) -> QuotaClient {
        guard Secret(externalUserID).isSendable else { throw .malformed(.externalUserID) }
        switch authentication.mode {
        case .apiKey, .hostedUser: break
        case .oauth: throw .unexpected(.externalUserID, with: .accessToken)
        case .none: throw .missing(.apiKey, neededBy: .externalUserID)
        }
        var copy = self
        copy.externalUserID = externalUserID
        return copy
    }

    /// The tokens of the moment, in OAuth mode: after a refresh not those the client was made with.
    public var tokens: TokenSet? {
        get async { await keeper?.tokens }
    }

    /// The access token or API key of the moment, refreshed if it is about to end: for the frame of a relay's handshake.
    package func currentToken() async throws -> String? {
        try await credential()?.exposed
    }

    /// Whether requests go out without a credential.
    package var isAnonymous: Bool {
        if case .none = authentication.mode { true } else { false }
    }

    public var description: String { "QuotaClient(\(exchange.base), \(authentication))" }

    // MARK: - Requests

    /// The credential that this request goes out with.
    func credential() async throws -> Secret? {
        switch authentication.mode {
        case .none: nil
        case .apiKey(let key), .hostedUser(let key, _): key
        case .oauth: try await keeper?.tokenForRequest()
        }
    }

    func authorized(_ request: APIRequest, _ credential: Secret?) -> APIRequest {
        var request = request
        if let credential { request.headers.append(("Authorization", "Bearer \(credential.exposed)")) }
        if let externalUserID { request.headers.append(("X-Quota-User", externalUserID)) }
        return request
    }

    /// Sends a request to its end: refreshes once, repeats what may be repeated.
    func perform(_ request: APIRequest) async throws -> APIAnswer {
        try await refreshing { credential in
            try await repeating(authorized(request, credential), credential)
        }
    }

    /// Runs `body` with the credential, and once more with a fresh one when the server refuses the first.
    func refreshing<Value: Sendable>(_ body: (Secret?) async throws -> Value) async throws -> Value {
        let credential = try await credential()
        do {
            return try await body(credential)
        } catch QuotaError.server(let answer) where answer.status == 401 {
            guard let keeper, let credential else {
                // A key that is wrong stays wrong; any other 401 of a hosted user means no wallet.
                throw Self.keyCodes.contains(answer.code) ? QuotaError.server(answer) : .notConnected(answer)
            }
            let fresh = try await keeper.token(after: credential, answer)
            do {
                return try await body(fresh)
            } catch QuotaError.server(let answer) where answer.status == 401 {
                throw QuotaError.tokenExpired(
                    QuotaError.TokenExpiry(reason: .refusedAfterRefresh, answer: answer))
            }
        }
    }

    private static let keyCodes: Set<String> = ["invalid_api_key", "invalid_token", "http_401", "unauthorized"]

    private func repeating(_ request: APIRequest, _ credential: Secret?) async throws -> APIAnswer {
        var attempt = 1
        while true {
            let failure: any Error
            var wait: Duration?
            let fraction = Double.random(in: 0...1)
            do {
                var answer = try await exchange.send(request)
                answer.attempts = attempt
                if answer.isSuccess { return answer }
                failure = answer.refusal(hiding: [credential].compactMap(\.self))
                // An unlink whose first answer was lost finds nothing to unlink.
                if request.method == .DELETE, answer.status == 404, attempt > 1 { return answer }
                wait = options.retry.delay(
                    after: attempt, status: answer.status,
                    retryAfter: parseRetryAfter(answer.headers.first(name: "Retry-After"), now: Date()),
                    fraction: fraction)
            } catch QuotaError.transport(let error) {
                failure = QuotaError.transport(error)
                if [.connectionLost, .cannotConnect].contains(error.kind) {
                    wait = options.retry.delay(after: attempt, status: nil, retryAfter: nil, fraction: fraction)
                }
            }
            guard request.isIdempotent, let wait else { throw failure }
            try await Task.sleep(for: wait)
            attempt += 1
        }
    }
}
