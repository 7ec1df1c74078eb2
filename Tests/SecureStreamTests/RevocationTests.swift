import Foundation
import Testing
import VoiceSecureStream

/// Certificate revocation lists: fail closed for the server's issuer.
struct RevocationTests {
    private let authority: TestAuthority
    private let good: TestAuthority.Certificate
    private let bad: TestAuthority.Certificate

    init() throws {
        // An authority of its own: revoking changes it.
        authority = try TestAuthority("Revoking CA")
        good = try authority.issue(names: ["DNS:relay.localhost"])
        bad = try authority.issue(names: ["DNS:relay.localhost"])
        try authority.revoke(bad)
    }

    private func cause(_ certificate: TestAuthority.Certificate, crlFile: String?) throws -> StreamError.Cause? {
        let server = try TestServer.python(
            "stream_server.py", ["hello", "--cert", certificate.certFile, "--key", certificate.keyFile])
        var options = StreamOptions.trusting(authority.caFile)
        options.crlFile = crlFile
        do throws(StreamError) {
            _ = try open(StreamEndpoint(host: "relay.localhost", port: server.port, isTLS: true), options)
            return nil
        } catch {
            return error.cause
        }
    }

    @Test func revoked_is_refused_and_others_pass() throws {
        let list = try authority.list()
        #expect(try cause(bad, crlFile: list) == .tls(.revoked))
        #expect(try cause(good, crlFile: list) == nil)
        #expect(try cause(bad, crlFile: nil) == nil)
    }

    @Test func list_out_of_date_is_refused() throws {
        #expect(try cause(good, crlFile: try authority.list(validDays: -1)) == .tls(.revocationUnknown))
    }

    @Test func list_of_another_authority_is_refused() throws {
        #expect(
            try cause(good, crlFile: try TestAuthority.unknown.get().list()) == .tls(.revocationUnknown))
    }

    @Test func file_without_a_list_is_refused() throws {
        guard case .badOption(let text) = try cause(good, crlFile: authority.caFile) else {
            Issue.record("a certificate was taken for a CRL")
            return
        }
        #expect(text.contains(authority.caFile))
        guard case .badOption = try cause(good, crlFile: "/nonexistent/list.crl") else {
            Issue.record("a missing CRL file was ignored")
            return
        }
    }
}
