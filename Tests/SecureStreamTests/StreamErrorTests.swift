import Testing
import VoiceSecureStream

/// Each error is one sentence that names the peer and what to do.
struct StreamErrorTests {
    static let causes: [StreamError.Cause] =
        [
            .badAddress, .badOption("the CA file /x holds no PEM certificate"), .nameNotFound, .resolverFailed,
            .refused,
            .unreachable, .timedOut(.resolve), .timedOut(.connect), .timedOut(.proxy), .timedOut(.tls),
            .timedOut(.transfer), .cancelled, .proxyRefused(status: 0), .proxyRefused(status: 407),
            .proxyRefused(status: 502), .reset, .truncated, .closed, .other(24),
        ]
        + [
            .expired, .notYetValid, .hostMismatch, .selfSigned, .unknownAuthority, .revoked, .revocationUnknown,
            .weakKey, .weakSignature, .pinMismatch, .protocolVersion, .noCommonCipher, .notTLS,
            .clientCertificateWanted, .badCertificate(24), .protocolError(1042),
        ].map { StreamError.Cause.tls($0) }

    @Test(arguments: causes)
    func sentence(_ cause: StreamError.Cause) {
        let text = StreamError(cause, peer: "relay.example:443").description
        #expect(text.contains("relay.example:443"))
        #expect(text.hasSuffix("."))
        #expect(!text.dropLast().contains(". "), "one sentence")
        #expect(!text.contains("\n"))
        #expect(text.utf8.count < 160)
    }
}
