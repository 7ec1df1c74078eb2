import VoiceRealtime

/// How a stream is to be made. The defaults are strict: the system's trust store, TLS 1.2 or later, the proxy that
/// the environment names.
public struct StreamOptions: Sendable {
    /// A PEM file with authorities (or one self-signed certificate) trusted beside the system's.
    public var caFile: String?
    /// Whether the system's trust store counts; without it only `caFile` does.
    public var usesSystemTrust = true
    /// A PEM file with certificate revocation lists. When given, the server's issuer must have a valid one in it;
    /// authorities further up are checked where the file has theirs.
    public var crlFile: String?
    /// When not empty, one key in the verified chain must be among these, beside all other checks.
    public var pinnedSPKI: [SPKIPin] = []
    public var proxy = StreamProxySetting.environment
    /// Name lookup and TCP, to the proxy if there is one.
    public var connectTimeoutNanoseconds: Int64 = .seconds(10)
    /// The CONNECT exchange.
    public var proxyTimeoutNanoseconds: Int64 = .seconds(10)
    public var tlsTimeoutNanoseconds: Int64 = .seconds(10)
    /// What the kernel may hold of ours, sent and not acknowledged included, as SO_SNDBUF counts it (its own bookkeeping
    /// takes about half). nil leaves it to the kernel, which is right for throughput; on a line that is too narrow a live
    /// voice stays younger with a small one.
    public var sendBufferBytes: Int?
    /// Whether the socket counts as full while anything of ours waits unsent in the kernel; otherwise it does from 4 KiB
    /// on. What the kernel has not sent leaves in one piece when the line recovers, out of reach of whoever paces it.
    public var sendsNothingAhead = false
    /// Keeps TLS sessions for quick reconnects. nil: each connection makes a full handshake.
    public var sessionCache: StreamSessionCache?
    /// The protocol offered by ALPN (RFC 7301); nil offers none. A server that doesn't know ALPN is accepted.
    public var alpn: String? = "http/1.1"

    public init() {}
}

/// The SHA-256 of a certificate's SubjectPublicKeyInfo (RFC 7469 §2.4).
public struct SPKIPin: Sendable, Hashable {
    let digest: [UInt8]

    /// From the 32 bytes of the digest; nil for another count.
    public init?(sha256: [UInt8]) {
        guard sha256.count == 32 else { return nil }
        digest = sha256
    }

    /// From base64, bare or after `sha256/` or `sha256//`; nil for anything else.
    public init?(base64: String) {
        var text = base64[...]
        if text.hasPrefix("sha256/") {
            text = text.dropFirst(7)
            // curl writes two slashes. Base64 may begin with a slash too, so the length decides.
            if text.utf8.count == 45, text.first == "/" { text = text.dropFirst() }
        }
        guard let bytes = decodeBase64(text) else { return nil }
        self.init(sha256: bytes)
    }
}
