import Foundation
import Testing
import VoiceSecureStream

struct ResumptionTests {
    private let authority: TestAuthority
    private let certificate: TestAuthority.Certificate

    init() throws {
        authority = try TestAuthority.trusted.get()
        certificate = try authority.issue(names: ["DNS:relay.localhost", "DNS:other.localhost"])
    }

    private func server(_ behaviour: String, version: String) throws -> TestServer {
        try TestServer.python(
            "stream_server.py",
            [
                behaviour, "--cert", certificate.certFile, "--key", certificate.keyFile, "--tls-min", version,
                "--tls-max", version,
            ])
    }

    /// Makes a connection, lets the server end it, and says whether it was resumed.
    private func isResumed(_ server: TestServer, _ options: StreamOptions, host: String = "relay.localhost") throws
        -> Bool
    {
        let stream = try open(StreamEndpoint(host: host, port: server.port, isTLS: true), options)
        #expect(try stream.readAll().bytes == Array("hello".utf8))
        return stream.summary.isResumed
    }

    @Test(arguments: ["TLSv1_2", "TLSv1_3"])
    func reconnect_resumes(_ version: String) throws {
        let server = try server("hello", version: version)
        var options = StreamOptions.trusting(authority.caFile)
        #expect(try !isResumed(server, options))
        #expect(try !isResumed(server, options), "nothing is kept without a cache")
        let cache = StreamSessionCache()
        options.sessionCache = cache
        #expect(try !isResumed(server, options))
        #expect(cache.count == 1)
        #expect(try isResumed(server, options))
        #expect(try isResumed(server, options))
        cache.removeAll()
        #expect(try !isResumed(server, options))
    }

    @Test(arguments: ["TLSv1_2", "TLSv1_3"])
    func lost_connection_resumes_and_truncated_one_does_not(_ version: String) throws {
        var options = StreamOptions.trusting(authority.caFile)
        options.sessionCache = StreamSessionCache()
        let resetting = try server("reset", version: version)
        for round in 0..<3 {
            let stream = try open(
                StreamEndpoint(host: "relay.localhost", port: resetting.port, isTLS: true), options)
            #expect(stream.summary.isResumed == (round > 0))
            #expect(try stream.readExactly(5) == Array("hello".utf8))
            try stream.sendAll([1])
            #expect(throws: StreamError.self) { _ = try stream.readAll() }
        }
        let cutting = try server("cut", version: version)
        #expect(try !isResumed(cutting, options))
        #expect(try !isResumed(cutting, options))
    }

    @Test(arguments: ["TLSv1_2", "TLSv1_3"])
    func session_is_not_offered_where_other_checks_apply(_ version: String) throws {
        let server = try server("hello", version: version)
        var options = StreamOptions.trusting(authority.caFile)
        options.sessionCache = StreamSessionCache()
        #expect(try !isResumed(server, options))
        #expect(try !isResumed(server, options, host: "other.localhost"))

        var pinned = options
        pinned.pinnedSPKI = [try #require(SPKIPin(base64: try TestAuthority.pin(authority.caFile)))]
        #expect(try !isResumed(server, pinned))
        pinned.pinnedSPKI = [try #require(SPKIPin(base64: try TestAuthority.pin(TestAuthority.unknown.get().caFile)))]
        let endpoint = StreamEndpoint(host: "relay.localhost", port: server.port, isTLS: true)
        #expect(refusal(endpoint, pinned)?.cause == .tls(.pinMismatch))
        #expect(refusal(endpoint, pinned)?.cause == .tls(.pinMismatch), "a refused session must not be kept")

        var distrusting = options
        distrusting.caFile = nil
        #expect(refusal(endpoint, distrusting)?.cause == .tls(.unknownAuthority))
        #expect(try isResumed(server, options))
    }

    @Test func changed_ca_file_counts_as_another() throws {
        let server = try server("hello", version: "TLSv1_3")
        let file = try TestFolders.make() + "/ca.pem"
        try FileManager.default.copyItem(atPath: authority.caFile, toPath: file)
        var options = StreamOptions.trusting(file)
        options.sessionCache = StreamSessionCache()
        #expect(try !isResumed(server, options))
        #expect(try isResumed(server, options))
        try FileManager.default.removeItem(atPath: file)
        try FileManager.default.copyItem(atPath: TestAuthority.unknown.get().caFile, toPath: file)
        let endpoint = StreamEndpoint(host: "relay.localhost", port: server.port, isTLS: true)
        #expect(refusal(endpoint, options)?.cause == .tls(.unknownAuthority))
    }

    /// A server that forgot its sessions costs a full handshake, not a failure.
    @Test func restarted_server_is_met_in_full() throws {
        let first = try server("hello", version: "TLSv1_3")
        var options = StreamOptions.trusting(authority.caFile)
        options.sessionCache = StreamSessionCache()
        #expect(try !isResumed(first, options))
        let second = try server("hello", version: "TLSv1_3")
        let proxy = try TestServer.python("connect_proxy.py", ["--redirect", String(second.port)])
        options.proxy = .explicit(try #require(StreamProxy(host: "127.0.0.1", port: proxy.port)))
        // Same host and port for the client, another process behind them.
        #expect(try !isResumed(first, options))
        #expect(proxy.line().hasPrefix("request CONNECT relay.localhost:\(first.port) "))
    }
}
