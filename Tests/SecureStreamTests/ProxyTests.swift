import Foundation
import Testing
import VoiceRealtime
import VoiceSecureStream

/// CONNECT through a real proxy process.
struct ProxyTests {
    private func proxy(_ arguments: [String] = []) throws -> TestServer {
        try TestServer.python("connect_proxy.py", arguments)
    }

    private func options(
        _ proxy: TestServer, user: String? = nil, password: String = "", caFile: String? = nil
    ) throws -> StreamOptions {
        var options = StreamOptions.trusting(caFile)
        options.proxy = .explicit(
            try #require(StreamProxy(host: "127.0.0.1", port: proxy.port, user: user, password: password)))
        return options
    }

    @Test(arguments: ["whole", "dribble"])
    func tls_goes_through_and_the_proxy_resolves_the_name(_ answer: String) throws {
        let authority = try TestAuthority.trusted.get()
        let certificate = try authority.issue(names: ["DNS:relay.test"])
        let server = try TestServer.python(
            "stream_server.py", ["hello", "--cert", certificate.certFile, "--key", certificate.keyFile])
        let proxy = try proxy(["--answer", answer])
        let resolver = NameResolver { host, _, _ in
            Issue.record("\(host) was looked up on this side")
            return .failure(0)
        }
        let stream = try open(
            StreamEndpoint(host: "relay.test", port: server.port, isTLS: true),
            try options(proxy, caFile: authority.caFile), resolver: resolver)
        #expect(stream.summary.proxy == "127.0.0.1:\(proxy.port)")
        #expect(try stream.readAll() == (Array("hello".utf8), true))
        let target = "relay.test:\(server.port)"
        #expect(proxy.line() == "request CONNECT \(target) HTTP/1.1 | \(target) | none")
    }

    @Test func certificate_is_judged_through_the_proxy_too() throws {
        let authority = try TestAuthority.trusted.get()
        let certificate = try authority.issue(names: ["DNS:other.test"])
        let server = try TestServer.python(
            "stream_server.py", ["hello", "--cert", certificate.certFile, "--key", certificate.keyFile])
        let proxy = try proxy()
        let error = refusal(
            StreamEndpoint(host: "relay.test", port: server.port, isTLS: true),
            try options(proxy, caFile: authority.caFile))
        withExtendedLifetime((server, proxy)) {}
        #expect(error?.cause == .tls(.hostMismatch))
        #expect(error?.peer == "relay.test:\(server.port)")
    }

    @Test func bytes_that_come_with_the_answer_are_not_lost() throws {
        let server = try TestServer.python("stream_server.py", ["hello"])
        let proxy = try proxy(["--answer", "early"])
        let stream = try open(StreamEndpoint(host: "relay.test", port: server.port, isTLS: false), try options(proxy))
        #expect(try stream.readAll().bytes == Array("hello".utf8))
    }

    @Test func credentials_are_sent_and_never_shown() throws {
        let server = try TestServer.python("stream_server.py", ["hello"])
        // base64("user@corp:s3cret:wörd"), made by another program.
        let value = "Basic dXNlckBjb3JwOnMzY3JldDp3w7ZyZA=="
        let proxy = try proxy(["--authorization", value])
        let endpoint = StreamEndpoint(host: "relay.test", port: server.port, isTLS: false)
        let right = try options(proxy, user: "user@corp", password: "s3cret:wörd")
        #expect(try open(endpoint, right).readAll().bytes == Array("hello".utf8))
        #expect(proxy.line().hasSuffix("| \(value)"))

        let wrong = try options(proxy, user: "user@corp", password: "s3cret:other")
        let error = refusal(endpoint, wrong)
        #expect(error?.cause == .proxyRefused(status: 407))
        var shown = "\(String(describing: error)) \(right) \(String(reflecting: right)) \(wrong.proxy)"
        dump(right, to: &shown)
        for secret in ["s3cret", "wörd", "user@corp", "dXNlc"] {
            #expect(!shown.contains(secret))
        }
        #expect(shown.contains("127.0.0.1:\(proxy.port)"))
        #expect(refusal(endpoint, try options(proxy))?.cause == .proxyRefused(status: 407))
    }

    @Test(arguments: ["403 Forbidden": 403, "502 Bad Gateway": 502, "301 Moved": 301])
    func other_status_is_refused(_ status: String, _ code: Int) throws {
        let proxy = try proxy(["--status", status])
        let error = refusal(StreamEndpoint(host: "relay.test", port: 443, isTLS: true), try options(proxy))
        #expect(error?.cause == .proxyRefused(status: code))
        #expect(error?.description.contains("127.0.0.1:\(proxy.port)") == true)
        #expect(error?.description.contains("relay.test:443") == true)
    }

    @Test(arguments: ["garbage", "endless"])
    func answer_that_is_no_http_is_refused(_ answer: String) throws {
        let proxy = try proxy(["--answer", answer])
        let error = refusal(StreamEndpoint(host: "relay.test", port: 443, isTLS: true), try options(proxy))
        #expect(error?.cause == .proxyRefused(status: 0))
        withExtendedLifetime(proxy) {}
    }

    @Test func proxy_that_hangs_up_or_is_silent_or_absent() throws {
        let endpoint = StreamEndpoint(host: "relay.test", port: 443, isTLS: true)
        let rude = try proxy(["--answer", "hang-up"])
        #expect(refusal(endpoint, try options(rude))?.cause == .truncated)
        let silent = try proxy(["--answer", "silent"])
        var patient = try options(silent)
        patient.proxyTimeoutNanoseconds = .milliseconds(150)
        #expect(refusal(endpoint, patient)?.cause == .timedOut(.proxy))
        silent.stop()
        let error = refusal(endpoint, patient)
        #expect(error?.cause == .refused)
        #expect(error?.peer.hasPrefix("proxy 127.0.0.1:") == true)
        withExtendedLifetime((rude, silent)) {}
    }
}
