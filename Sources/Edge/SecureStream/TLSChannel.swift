import COpenSSL
import COpenSSLShims
import Glibc
import VoiceRealtime

/// TLS on one connected socket: handshake with all its checks, then records both ways.
///
/// The descriptor stays the owner's. After a fatal error each call throws it again, as OpenSSL demands.
final class TLSChannel {
    /// Room for one full record, what the handshake sends and replies to key updates; taken records never fail to fit.
    private static let outgoingBytesMax = 48 * 1024
    /// Plain bytes in one record (RFC 8446 §5.1).
    private static let recordBytesMax = 16384

    private let context: TLSContext
    private let ssl: OpaquePointer
    private let bio: OpaquePointer
    private let descriptor: Int32
    private let peer: String
    private var failure: StreamError?
    private var sendFailure: StreamError?
    private var hasSentClose = false
    private let sessionKey: String?
    private var verified = MonotonicTime(nanoseconds: 0)

    init(descriptor: Int32, host: String, port: Int, options: StreamOptions, peer: String) throws(StreamError) {
        self.descriptor = descriptor
        self.peer = peer
        context = try TLSContext(options: options, peer: peer)
        sessionKey = options.sessionCache.map { _ in
            "\(host.lowercased())\n\(port)\n\(TLSContext.fingerprint(options: options))"
        }
        guard let ssl = SSL_new(context.pointer) else { throw StreamError(.other(ENOMEM), peer: peer) }
        guard let bio = cossl_bio_new(descriptor, Self.outgoingBytesMax) else {
            SSL_free(ssl)
            throw StreamError(.other(ENOMEM), peer: peer)
        }
        SSL_set_bio(ssl, bio, bio)
        SSL_set_connect_state(ssl)
        self.ssl = ssl
        self.bio = bio
        guard expect(host: host) else { throw StreamError(.badAddress, peer: peer) }
        if let key = sessionKey, let kept = options.sessionCache?.take(key: key, now: monotonicNow()) {
            // A session that OpenSSL won't take only costs a full handshake.
            SSL_set_session(ssl, kept.session.pointer)
            verified = kept.verified
        }
    }

    deinit {
        SSL_free(ssl)
    }

    /// Sets whom the certificate has to name (RFC 9525): the address, or the name, which is also sent as SNI.
    private func expect(host: String) -> Bool {
        if let address = addressBytes(host) {
            // RFC 6066 §3: no SNI for addresses.
            return X509_VERIFY_PARAM_set1_ip(SSL_get0_param(ssl), address, address.count) == 1
        }
        // A final dot is DNS notation; certificates and SNI have none.
        let name = host.last == "." ? String(host.dropLast()) : host
        // RFC 9525 §6.3: the common name doesn't count, a wildcard stands for one whole left-most label.
        SSL_set_hostflags(ssl, UInt32(X509_CHECK_FLAG_NEVER_CHECK_SUBJECT | X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS))
        return !name.isEmpty && SSL_set1_host(ssl, name) == 1 && cossl_set_server_name(ssl, name) == 1
    }

    // MARK: Handshake

    func handshake(options: StreamOptions, waiter: Waiter) throws(StreamError) {
        let limit = waiter.limit(after: options.tlsTimeoutNanoseconds)
        while true {
            ERR_clear_error()
            let result = SSL_do_handshake(ssl)
            if result == 1 { break }
            let error = SSL_get_error(ssl, result)
            try? flush()
            try checkFirstByte()
            guard error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE else { throw fatal(error) }
            if let sendFailure, error == SSL_ERROR_WANT_WRITE { throw sendFailure }
            let events = error == SSL_ERROR_WANT_READ ? POLLIN : POLLOUT
            try waiter.require(
                descriptor, Int16(events) | (hasPendingOutput ? Int16(POLLOUT) : 0), until: limit, phase: .tls,
                peer: peer)
        }
        while hasPendingOutput {
            try flush()
            guard hasPendingOutput else { break }
            try waiter.require(descriptor, Int16(POLLOUT), until: limit, phase: .tls, peer: peer)
        }
        try checkResult(options: options)
    }

    /// Looks at the first byte that came: a record begins with its type, 20 to 23 (RFC 8446 §5.1).
    ///
    /// OpenSSL waits for five bytes and reports other protocols as one of several errors, by their text and its version.
    private func checkFirstByte() throws(StreamError) {
        let first = cossl_bio_first_byte(bio)
        guard first < 0 || (20...23).contains(first) else { throw remember(StreamError(.tls(.notTLS), peer: peer)) }
    }

    /// Checks once more what OpenSSL has checked, and the pins, before any byte of the application goes out.
    private func checkResult(options: StreamOptions) throws(StreamError) {
        let verdict = Int32(clamping: SSL_get_verify_result(ssl))
        guard verdict == X509_V_OK, let leaf = SSL_get0_peer_certificate(ssl) else {
            throw remember(StreamError(.tls(TLSRefusal(verifyError: verdict)), peer: peer))
        }
        if isResumed {
            // Nothing was verified now but the session's key: its certificate must still be in force.
            guard X509_cmp_current_time(X509_get0_notAfter(leaf)) > 0 else {
                throw remember(StreamError(.tls(.expired), peer: peer))
            }
            return
        }
        verified = monotonicNow()
        guard !options.pinnedSPKI.isEmpty else { return }
        let chain = SSL_get0_verified_chain(ssl)
        for index in 0..<max(OPENSSL_sk_num(chain), 0) {
            let certificate = OpaquePointer(OPENSSL_sk_value(chain, index))
            if let certificate, let digest = keyDigest(certificate),
                options.pinnedSPKI.contains(where: { $0.digest == digest })
            {
                return
            }
        }
        throw remember(StreamError(.tls(.pinMismatch), peer: peer))
    }

    private func keyDigest(_ certificate: OpaquePointer) -> [UInt8]? {
        var der: UnsafeMutablePointer<UInt8>?
        let count = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), &der)
        guard count > 0, let der else { return nil }
        defer { CRYPTO_free(der, #file, #line) }
        var digest = [UInt8](repeating: 0, count: 32)
        var length: UInt32 = 0
        guard EVP_Digest(der, Int(count), &digest, &length, EVP_sha256(), nil) == 1, length == 32 else { return nil }
        return digest
    }

    // MARK: Facts

    var isResumed: Bool { SSL_session_reused(ssl) == 1 }
    var hasBufferedInput: Bool { SSL_pending(ssl) > 0 }
    var hasPendingOutput: Bool {
        var start: UnsafePointer<UInt8>?
        return sendFailure == nil && cossl_bio_pending(bio, &start) > 0
    }
    var version: String { String(cString: SSL_get_version(ssl)) }
    var cipher: String { SSL_CIPHER_get_name(SSL_get_current_cipher(ssl)).map { String(cString: $0) } ?? "" }
    var alpn: String {
        var name: UnsafePointer<UInt8>?
        var count: UInt32 = 0
        SSL_get0_alpn_selected(ssl, &name, &count)
        return String(decoding: UnsafeBufferPointer(start: name, count: Int(count)), as: UTF8.self)
    }

    // MARK: Records

    func read(into buffer: UnsafeMutableRawBufferPointer) throws(StreamError) -> StreamReadResult {
        if let failure { throw failure }
        // What can't be sent must not hide what can be read: a failure waits for the next write.
        try? flush()
        var count = 0
        ERR_clear_error()
        let result = SSL_read_ex(ssl, buffer.baseAddress, buffer.count, &count)
        if result == 1 {
            try? flush()
            return .bytes(count)
        }
        let error = SSL_get_error(ssl, result)
        try? flush()
        switch error {
        case SSL_ERROR_WANT_READ, SSL_ERROR_WANT_WRITE: return .wouldBlock
        case SSL_ERROR_ZERO_RETURN: return .endOfStream(clean: true)
        default:
            let error = fatal(error)
            if error.cause == .truncated { return .endOfStream(clean: false) }
            throw error
        }
    }

    func write(_ bytes: UnsafeRawBufferPointer) throws(StreamError) -> Int {
        if let failure { throw failure }
        guard !hasSentClose else { throw StreamError(.closed, peer: peer) }
        var taken = 0
        try flush()
        while taken < bytes.count, !hasPendingOutput {
            var count = 0
            ERR_clear_error()
            let result = SSL_write_ex(
                ssl, bytes.baseAddress! + taken, min(bytes.count - taken, Self.recordBytesMax), &count)
            guard result == 1 else {
                let error = SSL_get_error(ssl, result)
                guard error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE else { throw fatal(error) }
                break
            }
            taken += count
            try flush()
        }
        return taken
    }

    /// Moves records to the socket as far as it takes them.
    func flush() throws(StreamError) {
        if let sendFailure { throw sendFailure }
        while true {
            var start: UnsafePointer<UInt8>?
            let count = cossl_bio_pending(bio, &start)
            guard count > 0 else { return }
            switch Socket.send(descriptor, UnsafeRawBufferPointer(start: start, count: count)) {
            case .success(0): return
            case .success(let sent): cossl_bio_consume(bio, sent)
            case .failure(let error):
                let failure = StreamError(StreamError.cause(errno: error.code), peer: peer)
                sendFailure = failure
                throw failure
            }
        }
    }

    /// Queues close_notify (RFC 8446 §6.1); nothing can be written afterwards.
    func sendClose() {
        guard !hasSentClose, failure == nil, SSL_is_init_finished(ssl) == 1 else { return }
        hasSentClose = true
        ERR_clear_error()
        SSL_shutdown(ssl)
        try? flush()
    }

    /// The session for the next connection, once, when the peer allows one.
    ///
    /// A connection that the network lost leaves its session good; one that failed in TLS, truncation included,
    /// doesn't (RFC 8446 §6.2).
    func keepSession(in cache: StreamSessionCache) {
        switch failure?.cause {
        case .tls, .truncated: return
        default: break
        }
        guard let key = sessionKey, SSL_is_init_finished(ssl) == 1,
            let session = SSL_get1_session(ssl)
        else { return }
        // Freeing an SSL that was not shut down would mark the session as not to be resumed, which TLS gave up in
        // version 1.1 (RFC 4346 §7.2.1), and which would cost a full handshake after each lost connection.
        SSL_set_shutdown(ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN)
        let kept = TLSSession(owning: session)
        guard SSL_SESSION_is_resumable(session) == 1 else { return }
        cache.put(kept, key: key, verified: verified)
    }

    // MARK: Errors

    private func remember(_ error: StreamError) -> StreamError {
        failure = error
        return error
    }

    /// The typed form of a failed OpenSSL call; nothing may be called on the SSL afterwards.
    private func fatal(_ error: Int32) -> StreamError {
        let systemCode = cossl_bio_errno(bio)
        let code = ERR_peek_error()
        let reason = cossl_error_reason(code)
        ERR_clear_error()
        if error == SSL_ERROR_SYSCALL || code == 0 {
            return remember(
                StreamError(systemCode == 0 ? .truncated : StreamError.cause(errno: systemCode), peer: peer))
        }
        guard cossl_error_library(code) == ERR_LIB_SSL else {
            return remember(StreamError(.tls(.protocolError(reason)), peer: peer))
        }
        if reason == SSL_R_UNEXPECTED_EOF_WHILE_READING {
            return remember(StreamError(.truncated, peer: peer))
        }
        if reason == SSL_R_CERTIFICATE_VERIFY_FAILED {
            let verdict = Int32(clamping: SSL_get_verify_result(ssl))
            return remember(StreamError(.tls(TLSRefusal(verifyError: verdict)), peer: peer))
        }
        return remember(StreamError(.tls(TLSRefusal(reason: reason)), peer: peer))
    }
}
