import Foundation
import Testing
import VoiceSecureStream

struct PinTests {
    @Test func pinned_key_of_server_or_authority_passes_and_another_does_not() throws {
        let authority = try TestAuthority.trusted.get()
        let certificate = try authority.issue(names: ["DNS:relay.localhost"])
        let server = try TestServer.python(
            "stream_server.py", ["hello", "--cert", certificate.certFile, "--key", certificate.keyFile])
        let endpoint = StreamEndpoint(host: "relay.localhost", port: server.port, isTLS: true)
        let leaf = try #require(SPKIPin(base64: try TestAuthority.pin(certificate.certFile)))
        let issuer = try #require(SPKIPin(base64: "sha256//" + (try TestAuthority.pin(authority.caFile))))
        let other = try #require(SPKIPin(base64: try TestAuthority.pin(TestAuthority.unknown.get().caFile)))
        var options = StreamOptions.trusting(authority.caFile)
        for pins in [[leaf], [issuer], [other, leaf]] {
            options.pinnedSPKI = pins
            #expect(try open(endpoint, options).readAll().isClean)
        }
        options.pinnedSPKI = [other]
        #expect(refusal(endpoint, options)?.cause == .tls(.pinMismatch))
    }

    /// A pin is one more condition, never a way around the others.
    @Test func pin_does_not_replace_trust() throws {
        let certificate = try TestAuthority.selfSigned(name: "relay.localhost")
        let server = try TestServer.python(
            "stream_server.py", ["hello", "--cert", certificate.certFile, "--key", certificate.keyFile])
        var options = StreamOptions.plain
        options.pinnedSPKI = [try #require(SPKIPin(base64: try TestAuthority.pin(certificate.certFile)))]
        let endpoint = StreamEndpoint(host: "relay.localhost", port: server.port, isTLS: true)
        #expect(refusal(endpoint, options)?.cause == .tls(.selfSigned))
    }

    @Test func pin_has_exactly_32_bytes() {
        let zeros = String(repeating: "A", count: 43) + "="
        #expect(SPKIPin(base64: zeros) == SPKIPin(sha256: [UInt8](repeating: 0, count: 32)))
        #expect(SPKIPin(base64: "sha256/" + zeros) == SPKIPin(base64: "sha256//" + zeros))
        #expect(SPKIPin(base64: "sha256//" + String(repeating: "/", count: 42) + "8=") != nil)
        let bad = [
            "", "AAAA", zeros.dropLast().description, zeros + "AAAA", String(repeating: "A", count: 42) + "B=",
            String(repeating: "A", count: 42) + "-=", "sha1/" + zeros,
        ]
        for text in bad {
            #expect(SPKIPin(base64: text) == nil, "\(text)")
        }
        #expect(SPKIPin(sha256: []) == nil)
    }
}
