import Foundation
import Testing
import VoiceSecureStream

/// Who is refused, and why: real certificates, a server with another program's TLS (Python's).
///
/// Names under `.localhost` are loopback without a name server (RFC 6761 §6.3).
struct TLSRefusalTests {
    struct Presented: Sendable, CustomTestStringConvertible {
        var what: String
        var host: String
        var names: [String]
        var commonName = "server"
        var key = TestAuthority.Key.ec
        var digest = "sha256"
        var validDays = -1...30
        var bind = "127.0.0.1"
        /// nil: accepted.
        var refusal: TLSRefusal?

        var testDescription: String { what }
    }

    static let presented: [Presented] = [
        Presented(what: "right name", host: "relay.localhost", names: ["DNS:relay.localhost"]),
        Presented(what: "name in another case", host: "Relay.LocalHost", names: ["DNS:relay.localhost"]),
        Presented(what: "name with final dot", host: "relay.localhost.", names: ["DNS:relay.localhost"]),
        Presented(what: "second of two names", host: "b.localhost", names: ["DNS:a.localhost", "DNS:b.localhost"]),
        Presented(what: "RSA 2048", host: "relay.localhost", names: ["DNS:relay.localhost"], key: .rsa2048),
        Presented(
            what: "expired", host: "relay.localhost", names: ["DNS:relay.localhost"], validDays: -30 ... -1,
            refusal: .expired),
        Presented(
            what: "not yet valid", host: "relay.localhost", names: ["DNS:relay.localhost"], validDays: 1...30,
            refusal: .notYetValid),
        Presented(
            what: "wrong host", host: "other.localhost", names: ["DNS:relay.localhost"], refusal: .hostMismatch),
        Presented(
            what: "name as a prefix", host: "relay.localhost", names: ["DNS:relay.localhost.evil.test"],
            refusal: .hostMismatch),
        Presented(
            what: "1024-bit RSA", host: "relay.localhost", names: ["DNS:relay.localhost"], key: .rsa1024,
            refusal: .weakKey),
        Presented(
            what: "SHA-1 signature", host: "relay.localhost", names: ["DNS:relay.localhost"], digest: "sha1",
            refusal: .weakSignature),
        Presented(
            what: "no SAN, name in CN", host: "relay.localhost", names: [], commonName: "relay.localhost",
            refusal: .hostMismatch),
        Presented(
            what: "SAN for another, name in CN", host: "relay.localhost", names: ["DNS:x.localhost"],
            commonName: "relay.localhost", refusal: .hostMismatch),
        Presented(what: "wildcard", host: "a.relay.localhost", names: ["DNS:*.relay.localhost"]),
        Presented(
            what: "wildcard for two labels", host: "a.b.relay.localhost", names: ["DNS:*.relay.localhost"],
            refusal: .hostMismatch),
        Presented(
            what: "wildcard for no label", host: "relay.localhost", names: ["DNS:*.relay.localhost"],
            refusal: .hostMismatch),
        Presented(
            what: "wildcard for a top-level domain", host: "relay.localhost", names: ["DNS:*.localhost"],
            refusal: .hostMismatch),
        Presented(
            what: "bare wildcard", host: "relay.localhost", names: ["DNS:*"], refusal: .hostMismatch),
        Presented(
            what: "partial wildcard", host: "abc.relay.localhost", names: ["DNS:a*.relay.localhost"],
            refusal: .hostMismatch),
        Presented(
            what: "wildcard in the middle", host: "a.b.relay.localhost", names: ["DNS:a.*.relay.localhost"],
            refusal: .hostMismatch),
        Presented(what: "IPv4 SAN", host: "127.0.0.1", names: ["IP:127.0.0.1"]),
        Presented(
            what: "wrong IPv4 SAN", host: "127.0.0.1", names: ["IP:127.0.0.2"], refusal: .hostMismatch),
        Presented(
            what: "address as a DNS name", host: "127.0.0.1", names: ["DNS:127.0.0.1"], refusal: .hostMismatch),
        Presented(
            what: "address, only a name in the SAN", host: "127.0.0.1", names: ["DNS:localhost"],
            refusal: .hostMismatch),
        Presented(what: "IPv6 SAN", host: "[::1]", names: ["IP:::1"], bind: "::1"),
        Presented(what: "wrong IPv6 SAN", host: "::1", names: ["IP:::2"], bind: "::1", refusal: .hostMismatch),
        Presented(
            what: "name, only an address in the SAN", host: "localhost", names: ["IP:127.0.0.1"],
            refusal: .hostMismatch),
    ]

    @Test(arguments: presented)
    func certificate(_ presented: Presented) throws {
        let authority = try TestAuthority.trusted.get()
        let certificate = try authority.issue(
            names: presented.names, commonName: presented.commonName, key: presented.key, digest: presented.digest,
            validDays: presented.validDays)
        let server = try TestServer.python(
            "stream_server.py",
            ["hello", "--bind", presented.bind, "--cert", certificate.certFile, "--key", certificate.keyFile])
        let endpoint = StreamEndpoint(host: presented.host, port: server.port, isTLS: true)
        let options = StreamOptions.trusting(authority.caFile)
        if let expected = presented.refusal {
            let error = refusal(endpoint, options)
            #expect(error?.cause == .tls(expected))
            #expect(error?.description.contains(endpoint.description) == true)
        } else {
            let (bytes, isClean) = try open(endpoint, options).readAll()
            #expect(String(decoding: bytes, as: UTF8.self) == "hello")
            #expect(isClean)
        }
    }

    private func server(
        _ certificate: TestAuthority.Certificate, _ arguments: [String] = []
    ) throws -> TestServer {
        try TestServer.python(
            "stream_server.py",
            ["hello", "--cert", certificate.certFile, "--key", certificate.keyFile] + arguments)
    }

    @Test func self_signed() throws {
        let certificate = try TestAuthority.selfSigned(name: "relay.localhost")
        let server = try server(certificate)
        let endpoint = StreamEndpoint(host: "relay.localhost", port: server.port, isTLS: true)
        let authority = try TestAuthority.trusted.get()
        #expect(refusal(endpoint, .trusting(authority.caFile))?.cause == .tls(.selfSigned))
        // What its sentence advises works.
        #expect(try open(endpoint, .trusting(certificate.certFile)).readAll().isClean)
    }

    @Test func unknown_authority() throws {
        let server = try server(try TestAuthority.unknown.get().issue(names: ["DNS:relay.localhost"]))
        let endpoint = StreamEndpoint(host: "relay.localhost", port: server.port, isTLS: true)
        let authority = try TestAuthority.trusted.get()
        #expect(refusal(endpoint, .trusting(authority.caFile))?.cause == .tls(.unknownAuthority))
        // The system's store doesn't know a test's authority either.
        var system = StreamOptions.plain
        system.usesSystemTrust = true
        #expect(refusal(endpoint, system)?.cause == .tls(.unknownAuthority))
        #expect(refusal(endpoint, .plain)?.cause == .tls(.unknownAuthority))
    }

    @Test func chain_with_the_authority_sent_along_stays_unknown() throws {
        let other = try TestAuthority.unknown.get()
        let certificate = try other.issue(names: ["DNS:relay.localhost"])
        let both = try TestFolders.make() + "/chain.pem"
        try
            (String(contentsOfFile: certificate.certFile, encoding: .utf8)
            + String(contentsOfFile: other.caFile, encoding: .utf8))
            .write(toFile: both, atomically: false, encoding: .utf8)
        let server = try server(.init(certFile: both, keyFile: certificate.keyFile))
        let endpoint = StreamEndpoint(host: "relay.localhost", port: server.port, isTLS: true)
        let authority = try TestAuthority.trusted.get()
        #expect(refusal(endpoint, .trusting(authority.caFile))?.cause == .tls(.unknownAuthority))
    }

    @Test func client_only_certificate_is_no_server() throws {
        let authority = try TestAuthority.trusted.get()
        let certificate = try authority.issue(
            names: ["DNS:relay.localhost"], extensions: ["extendedKeyUsage=clientAuth"])
        let server = try server(certificate)
        let error = refusal(
            StreamEndpoint(host: "relay.localhost", port: server.port, isTLS: true), .trusting(authority.caFile))
        guard case .tls(.badCertificate) = error?.cause else {
            Issue.record("refused as \(String(describing: error))")
            return
        }
    }

    @Test func server_certificate_is_no_authority() throws {
        let authority = try TestAuthority.trusted.get()
        let middle = try authority.issue(names: ["DNS:middle.localhost"])
        let leaf = try TestAuthority.signed(by: middle, name: "relay.localhost")
        let server = try server(leaf)
        let error = refusal(
            StreamEndpoint(host: "relay.localhost", port: server.port, isTLS: true), .trusting(authority.caFile))
        guard case .tls(let reason) = error?.cause else {
            Issue.record("refused as \(String(describing: error))")
            return
        }
        #expect(reason != .notTLS)
    }

    @Test func sni_carries_names_and_no_addresses() throws {
        let authority = try TestAuthority.trusted.get()
        let certificate = try authority.issue(names: ["DNS:relay.localhost", "IP:127.0.0.1"])
        let server = try server(certificate)
        let options = StreamOptions.trusting(authority.caFile)
        let name = try open(StreamEndpoint(host: "relay.localhost.", port: server.port, isTLS: true), options)
        #expect(server.line() == "sni relay.localhost")
        #expect(name.summary.alpn == "http/1.1")
        _ = try open(StreamEndpoint(host: "127.0.0.1", port: server.port, isTLS: true), options)
        #expect(server.line() == "sni None")
        // Its end would be another line of the server's.
        withExtendedLifetime(name) {}
    }
}
