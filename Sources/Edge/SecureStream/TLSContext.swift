import COpenSSL
import COpenSSLShims
import Glibc

/// The settings of TLS: what is trusted, spoken and refused. One per connection, so no option can leak into another.
final class TLSContext {
    let pointer: OpaquePointer

    init(options: StreamOptions, peer: String) throws(StreamError) {
        ERR_clear_error()
        guard let context = SSL_CTX_new(TLS_client_method()) else { throw StreamError(.other(ENOMEM), peer: peer) }
        pointer = context
        try setProtocol(options: options, peer: peer)
        try setTrust(options: options, peer: peer)
        ERR_clear_error()
    }

    deinit {
        SSL_CTX_free(pointer)
    }

    private func setProtocol(options: StreamOptions, peer: String) throws(StreamError) {
        // Level 2 is 112 bits: RSA and DH of 2048 bits, SHA-224 and better signatures; SHA-1 is below it.
        SSL_CTX_set_security_level(pointer, 2)
        SSL_CTX_set_options(pointer, cossl_op_no_compression | cossl_op_no_renegotiation)
        // TLS 1.2 with forward secrecy and AEAD only (RFC 9325 §4.2); the suites of 1.3 all have both.
        guard cossl_ctx_set_min_version(pointer, TLS1_2_VERSION) == 1,
            SSL_CTX_set_cipher_list(pointer, "ECDHE+AESGCM:ECDHE+CHACHA20") == 1
        else { throw StreamError(.badOption("OpenSSL has no TLS 1.2 with AEAD"), peer: peer) }
        _ = cossl_ctx_set_mode(pointer, Int(SSL_MODE_RELEASE_BUFFERS))
        // Sessions are kept by StreamSessionCache, not by the context, which lives as long as its connection.
        _ = cossl_ctx_set_session_cache_mode(pointer, Int(SSL_SESS_CACHE_OFF))
        if let alpn = options.alpn {
            let name = Array(alpn.utf8)
            guard (1...255).contains(name.count) else {
                throw StreamError(.badOption("the ALPN name has \(name.count) bytes instead of 1 to 255"), peer: peer)
            }
            let list = [UInt8(name.count)] + name
            // Unlike its neighbours this call returns 0 for success.
            guard SSL_CTX_set_alpn_protos(pointer, list, UInt32(list.count)) == 0 else {
                throw StreamError(.other(ENOMEM), peer: peer)
            }
        }
    }

    private func setTrust(options: StreamOptions, peer: String) throws(StreamError) {
        SSL_CTX_set_verify(pointer, SSL_VERIFY_PEER, judgeVerification)
        if options.usesSystemTrust {
            SSL_CTX_set_default_verify_paths(pointer)
        }
        if let file = options.caFile {
            try requireUsable(file, name: "CA file", peer: peer)
            guard SSL_CTX_load_verify_file(pointer, file) == 1 else {
                throw StreamError(.badOption("the CA file \(printable(file)) holds no PEM certificate"), peer: peer)
            }
        }
        if let file = options.crlFile {
            try requireUsable(file, name: "CRL file", peer: peer)
            let store = SSL_CTX_get_cert_store(pointer)
            guard let lookup = X509_STORE_add_lookup(store, X509_LOOKUP_file()),
                X509_load_crl_file(lookup, file, X509_FILETYPE_PEM) > 0
            else { throw StreamError(.badOption("the CRL file \(printable(file)) holds no PEM CRL"), peer: peer) }
            X509_STORE_set_flags(store, UInt(X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL))
        }
    }

    /// OpenSSL's own message for a missing file names neither the file nor the reason.
    private func requireUsable(_ file: String, name: String, peer: String) throws(StreamError) {
        guard !file.utf8.contains(0), access(file, R_OK) == 0 else {
            let reason = file.utf8.contains(0) ? "zero byte in the name" : String(cString: strerror(errno))
            throw StreamError(.badOption("the \(name) \(printable(file)) can't be read (\(reason))"), peer: peer)
        }
    }

    /// What of the options decides which certificates pass: sessions are not shared between different values.
    static func fingerprint(options: StreamOptions) -> String {
        func stamp(_ file: String?) -> String {
            guard let file else { return "-" }
            var status = stat()
            guard stat(file, &status) == 0 else { return file }
            let time = status.st_mtim
            return "\(file)@\(status.st_ino).\(status.st_size).\(time.tv_sec).\(time.tv_nsec)"
        }
        let pins = options.pinnedSPKI.map { encodeBase64($0.digest) }.sorted().joined(separator: ",")
        return [
            options.usesSystemTrust ? "system" : "own", stamp(options.caFile), stamp(options.crlFile), pins,
            options.alpn ?? "-",
        ].joined(separator: "\n")
    }
}

/// OpenSSL's verdict, but with the CRL of an authority further up optional: a file with the one CRL of the server's
/// issuer is what people have, and without this it would refuse everything.
private func judgeVerification(_ passed: Int32, _ store: OpaquePointer?) -> Int32 {
    if passed == 0, X509_STORE_CTX_get_error(store) == X509_V_ERR_UNABLE_TO_GET_CRL,
        X509_STORE_CTX_get_error_depth(store) > 0
    {
        X509_STORE_CTX_set_error(store, X509_V_OK)
        return 1
    }
    return passed
}
