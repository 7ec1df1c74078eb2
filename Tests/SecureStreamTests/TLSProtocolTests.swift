import Foundation
import Testing
import VoiceSecureStream

/// Servers that speak old TLS, no TLS or nothing at all.
struct TLSProtocolTests {
    private let authority: TestAuthority
    private let certificate: TestAuthority.Certificate

    init() throws {
        authority = try TestAuthority.trusted.get()
        certificate = try authority.issue(names: ["DNS:relay.localhost"], key: .rsa2048)
    }

    private func server(_ behaviour: String, _ arguments: [String] = []) throws -> TestServer {
        try TestServer.python(
            "stream_server.py",
            [behaviour, "--cert", certificate.certFile, "--key", certificate.keyFile] + arguments)
    }

    private func endpoint(_ server: TestServer) -> StreamEndpoint {
        StreamEndpoint(host: "relay.localhost", port: server.port, isTLS: true)
    }

    private var options: StreamOptions { .trusting(authority.caFile) }

    @Test(arguments: ["TLSv1", "TLSv1_1"])
    func old_version_is_refused(_ version: String) throws {
        let server = try server("hello", ["--tls-min", "TLSv1", "--tls-max", version])
        #expect(refusal(endpoint(server), options)?.cause == .tls(.protocolVersion))
    }

    @Test(arguments: ["TLSv1_2", "TLSv1_3"])
    func current_version_is_spoken(_ version: String) throws {
        let server = try server("hello", ["--tls-min", version, "--tls-max", version])
        let stream = try open(endpoint(server), options)
        #expect(stream.summary.tlsVersion == version.replacingOccurrences(of: "_", with: "."))
        #expect(try stream.readAll().isClean)
    }

    /// No forward secrecy, no AEAD, no authentication: each is all that the server has.
    @Test(arguments: ["AES128-GCM-SHA256", "ECDHE-RSA-AES128-SHA256", "AECDH-AES128-SHA", "DHE-RSA-AES128-GCM-SHA256"])
    func insecure_cipher_is_refused(_ cipher: String) throws {
        let server = try server("hello", ["--tls-max", "TLSv1_2", "--ciphers", "\(cipher):@SECLEVEL=0"])
        #expect(refusal(endpoint(server), options)?.cause == .tls(.noCommonCipher))
    }

    @Test(arguments: ["http", "banner"])
    func other_protocol_on_the_port_is_not_tls(_ behaviour: String) throws {
        let server = try server(behaviour)
        #expect(refusal(endpoint(server), options)?.cause == .tls(.notTLS))
    }

    @Test func end_in_the_handshake_is_truncated_or_reset() throws {
        let server = try server("hang-up")
        let cause = refusal(endpoint(server), options)?.cause
        // Which of the two depends on whether the server's end or its answer to our hello comes first.
        #expect(cause == .truncated || cause == .reset)
    }

    @Test func silence_in_the_handshake_times_out() throws {
        let server = try server("silent")
        var options = options
        options.tlsTimeoutNanoseconds = 150_000_000
        #expect(refusal(endpoint(server), options)?.cause == .timedOut(.tls))
        // And the deadline counts where it comes first.
        #expect(refusal(endpoint(server), self.options, seconds: 1)?.cause == .timedOut(.tls))
    }

    @Test func client_certificate_wanted_says_so() throws {
        let server = try server("hello", ["--client-ca", authority.caFile])
        do throws(StreamError) {
            // TLS 1.3 tells it after the handshake, so the first read may be where it shows.
            let stream = try open(endpoint(server), options)
            let error = firstError(of: stream)
            #expect(error?.cause == .tls(.clientCertificateWanted))
        } catch {
            #expect(error.cause == .tls(.clientCertificateWanted))
        }
    }

    private func firstError(of stream: SecureStream) -> StreamError? {
        do {
            _ = try stream.readAll()
            Issue.record("the stream ended without an error")
            return nil
        } catch {
            return error as? StreamError
        }
    }

    @Test func files_that_cannot_be_used_are_named() throws {
        let server = try server("hello")
        let empty = try TestFolders.make() + "/empty.pem"
        try "no certificate\n".write(toFile: empty, atomically: false, encoding: .utf8)
        for file in [empty, "/nonexistent/ca.pem", "/tmp/zero\0byte"] {
            guard case .badOption(let text) = refusal(endpoint(server), .trusting(file))?.cause else {
                Issue.record("\(file) was taken")
                continue
            }
            #expect(text.contains("CA file"))
        }
        var options = options
        options.alpn = ""
        guard case .badOption = refusal(endpoint(server), options)?.cause else {
            Issue.record("an empty ALPN name was taken")
            return
        }
    }
}
