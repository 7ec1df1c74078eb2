import Foundation
import Testing
import VoiceSecureStream

/// Key updates of TLS 1.3 (RFC 8446 §4.6.3), which make a read want to write. The server is `openssl s_server`, the
/// one at hand that can be told to send them.
struct KeyUpdateTests {
    @Test func requested_updates_in_the_middle_of_a_stream_are_answered() throws {
        let authority = try TestAuthority.trusted.get()
        let certificate = try authority.issue(names: ["DNS:relay.localhost"])
        let server = try OpenSSLServer(certificate)
        let stream = try open(
            StreamEndpoint(host: "relay.localhost", port: server.port, isTLS: true), .trusting(authority.caFile))
        #expect(stream.summary.tlsVersion == "TLSv1.3")
        for round in 0..<20 {
            // "K" asks for an update back; what else is typed goes to the client.
            server.type("K\n")
            server.type("line \(round)\n")
            let expected = "line \(round)\n"
            #expect(try stream.readExactly(expected.utf8.count) == Array(expected.utf8))
            try stream.sendAll(Array("answer \(round)\n".utf8))
            #expect(server.line(containing: "answer") == "answer \(round)")
        }
    }
}
