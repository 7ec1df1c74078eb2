import AsyncHTTPClient
import NIOSSL
import Synchronization
import VoiceSecureStream

/// The way to a server: the HTTP client that trusts what it should and goes through the proxy that is set.
///
/// Clients are shared by all that go the same way, and live as long as the process.
enum ServerReach {
    private struct Way: Hashable {
        var caFile: String?
        var proxy: StreamProxy?
    }

    private static let clients = Mutex<[Way: HTTPClient]>([:])

    /// The client for `base`.
    ///
    /// - Throws: ``QuotaConfigurationError`` for a CA file or a proxy setting that can't be used.
    static func client(to base: BaseURL, options: QuotaOptions) throws(QuotaConfigurationError) -> HTTPClient {
        if let own = options.httpClient { return own }
        let way = Way(caFile: options.caFile, proxy: try proxy(to: base, options))
        var configuration = HTTPClient.Configuration(redirectConfiguration: .disallow)
        // A refused connection is told at once; what is worth a second try is decided by RetryPolicy.
        configuration.connectionPool.retryConnectionEstablishment = false
        // A stream holds its connection for minutes: with the default of 8, a few would keep all else waiting.
        configuration.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = 64
        if let file = way.caFile {
            guard let authorities = try? NIOSSLCertificate.fromPEMFile(file), !authorities.isEmpty else {
                throw .caFile(file)
            }
            var tls = TLSConfiguration.makeClientConfiguration()
            tls.additionalTrustRoots = [.certificates(authorities)]
            configuration.tlsConfiguration = tls
        }
        if let proxy = way.proxy {
            let credentials = proxy.authorization.map { String($0.dropFirst("Basic ".count)) }
            let authorization = credentials.map { HTTPClient.Authorization.basic(credentials: $0) }
            configuration.proxy = .server(host: proxy.host, port: proxy.port, authorization: authorization)
        }
        return clients.withLock { clients in
            if let client = clients[way] { return client }
            let client = HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
            clients[way] = client
            return client
        }
    }

    private static func proxy(
        to base: BaseURL, _ options: QuotaOptions
    ) throws(QuotaConfigurationError) -> StreamProxy? {
        guard options.usesEnvironmentProxy else { return nil }
        do throws(StreamError) {
            return try ProxyEnvironment.proxy(host: base.host, port: base.port, isTLS: base.isTLS, peer: base.name)
        } catch {
            throw .proxy(error.description)
        }
    }
}
