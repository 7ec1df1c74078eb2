import Hummingbird
import Logging

/// What the handlers of all areas share.
package struct ServerServices: Sendable {
    package let store: Store
    package let logger: Logger
    package var passwords = PasswordHasher()
    package var chat = ChatBackend()
    /// The server's own address as others see it; `nil` takes it from each request.
    package var publicURL: String?
    package var isSecure = false
    package var metrics = ServerMetrics()
    var webhooks = WebhookDispatcher.Policy()
    var limiter = RateLimiter(perMinute: 6_000, burst: 1_000)
    let attempts = SignInAttempts()
    /// Opens `/metrics` to those who are not on this machine; `nil` opens it to nobody else.
    var metricsToken: String?

    package init(store: Store, logger: Logger) {
        self.store = store
        self.logger = logger
    }

    /// As a configuration has it.
    package init(store: Store, configuration: RelayServerConfiguration, logger: Logger) {
        self.init(store: store, logger: logger)
        publicURL = configuration.publicURL.map { String($0.reversed().drop { $0 == "/" }.reversed()) }
        isSecure = configuration.certificate != nil || configuration.makesCertificate
        chat.upstream = configuration.upstreamURL.map { Upstream(baseURL: $0, key: configuration.upstreamKey) }
        webhooks.allowsLoopback = configuration.allowsLoopbackWebhooks
        webhooks.retrySeconds = configuration.webhookRetrySeconds
        metricsToken = configuration.metricsToken
        let perMinute = configuration.requestsPerMinute
        limiter = RateLimiter(perMinute: perMinute, burst: max(perMinute / 6, 1))
    }

    /// The base of links to the server's own pages. No slash at its end.
    package func baseURL(for request: Request) -> String {
        if let publicURL { return publicURL }
        let authority = request.head.authority ?? ""
        let isGood =
            !authority.isEmpty
            && authority.utf8.allSatisfy { byte in
                UInt8(ascii: "a")...UInt8(ascii: "z") ~= byte | 0x20 || UInt8(ascii: "0")...UInt8(ascii: "9") ~= byte
                    || ".-:[]".utf8.contains(byte)
            }
        return (isSecure ? "https://" : "http://") + (isGood ? authority : "localhost")
    }
}
