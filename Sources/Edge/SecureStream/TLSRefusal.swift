import COpenSSL
import COpenSSLShims

/// Why TLS with a peer was refused, by this side or the other.
public enum TLSRefusal: Sendable, Hashable {
    case expired
    case notYetValid
    /// The certificate is for other names or addresses; a common name without a subjectAltName doesn't count.
    case hostMismatch
    case selfSigned
    case unknownAuthority
    case revoked
    /// A CRL file was given, and it says nothing valid about the certificate's issuer.
    case revocationUnknown
    /// A key below 112 bits of security (RSA or DH under 2048 bits) in the chain.
    case weakKey
    /// A signature below 112 bits of security (SHA-1, MD5) in the chain.
    case weakSignature
    /// No key of the chain is among the pinned ones.
    case pinMismatch
    /// The peer offers nothing from TLS 1.2 on.
    case protocolVersion
    /// The peer shares no cipher, group or signature algorithm with this side.
    case noCommonCipher
    /// What answered is not TLS.
    case notTLS
    /// The peer wants a client certificate.
    case clientCertificateWanted
    /// Another defect of the certificate chain, by OpenSSL's X509_V_ERR number.
    case badCertificate(Int32)
    /// Another error of the protocol, by OpenSSL's reason number.
    case protocolError(Int32)

    func sentence(peer: String) -> String {
        switch self {
        case .expired:
            "The certificate of \(peer) has expired: renew it on the server, or set this machine's clock."
        case .notYetValid:
            "The certificate of \(peer) is not valid yet: set this machine's clock, or the server's certificate."
        case .hostMismatch:
            "The certificate of \(peer) is for another name: use the name that it carries as subjectAltName."
        case .selfSigned:
            "The certificate of \(peer) is self-signed: give it as the CA file if you trust it."
        case .unknownAuthority:
            "The certificate of \(peer) comes from an unknown authority: give that authority's certificate as CA file."
        case .revoked:
            "The certificate of \(peer) is revoked: do not use this server until it has a new one."
        case .revocationUnknown:
            "The CRL file says nothing valid about the issuer of \(peer): give that issuer's current CRL."
        case .weakKey:
            "The certificate chain of \(peer) has a weak key: the server needs RSA of 2048 bits or more, or ECDSA."
        case .weakSignature:
            "The certificate chain of \(peer) has a weak signature such as SHA-1: the server needs SHA-256 or better."
        case .pinMismatch:
            "\(peer) has none of the pinned keys: check the pins, and beware of somebody in between."
        case .protocolVersion:
            "\(peer) only speaks TLS versions before 1.2: update the server."
        case .noCommonCipher:
            "\(peer) shares no secure cipher with this client: enable ECDHE with AES-GCM or ChaCha20 on the server."
        case .notTLS:
            "\(peer) did not answer in TLS: check the port, or use the address without TLS."
        case .clientCertificateWanted:
            "\(peer) wants a client certificate, which this client does not have: use another server or a token."
        case .badCertificate(let code):
            "The certificate chain of \(peer) is invalid (\(Self.text(verifyError: code))): repair it on the server."
        case .protocolError(let code):
            "TLS with \(peer) failed (\(Self.text(reason: code))): check the port and the server's TLS settings."
        }
    }

    private static func text(verifyError code: Int32) -> String {
        String(cString: X509_verify_cert_error_string(Int(code)))
    }

    private static func text(reason code: Int32) -> String {
        let packed = UInt(UInt32(ERR_LIB_SSL)) << 23 | UInt(code & 0x7F_FFFF)
        guard let text = ERR_reason_error_string(packed) else { return "reason \(code)" }
        return String(cString: text)
    }

    /// The meaning of an X509_V_ERR number.
    init(verifyError code: Int32) {
        self =
            switch code {
            case X509_V_ERR_CERT_HAS_EXPIRED: .expired
            case X509_V_ERR_CERT_NOT_YET_VALID: .notYetValid
            case X509_V_ERR_HOSTNAME_MISMATCH, X509_V_ERR_IP_ADDRESS_MISMATCH: .hostMismatch
            case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT: .selfSigned
            case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN, X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT,
                X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY, X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE,
                X509_V_ERR_CERT_UNTRUSTED:
                .unknownAuthority
            case X509_V_ERR_CERT_REVOKED: .revoked
            case X509_V_ERR_UNABLE_TO_GET_CRL, X509_V_ERR_UNABLE_TO_GET_CRL_ISSUER, X509_V_ERR_CRL_HAS_EXPIRED,
                X509_V_ERR_CRL_NOT_YET_VALID, X509_V_ERR_CRL_SIGNATURE_FAILURE, X509_V_ERR_DIFFERENT_CRL_SCOPE:
                .revocationUnknown
            case X509_V_ERR_EE_KEY_TOO_SMALL, X509_V_ERR_CA_KEY_TOO_SMALL: .weakKey
            case X509_V_ERR_CA_MD_TOO_WEAK: .weakSignature
            default: .badCertificate(code)
            }
    }

    /// The meaning of an SSL_R reason number, where no verification error explains it.
    init(reason code: Int32) {
        self =
            switch code {
            case SSL_R_UNSUPPORTED_PROTOCOL, SSL_R_TLSV1_ALERT_PROTOCOL_VERSION, SSL_R_VERSION_TOO_LOW,
                SSL_R_WRONG_SSL_VERSION:
                .protocolVersion
            case SSL_R_SSLV3_ALERT_HANDSHAKE_FAILURE, SSL_R_TLSV1_ALERT_INSUFFICIENT_SECURITY, SSL_R_NO_SHARED_CIPHER,
                SSL_R_WRONG_CIPHER_RETURNED, SSL_R_UNKNOWN_CIPHER_RETURNED, SSL_R_WRONG_SIGNATURE_TYPE:
                .noCommonCipher
            case SSL_R_EE_KEY_TOO_SMALL, SSL_R_CA_KEY_TOO_SMALL, SSL_R_DH_KEY_TOO_SMALL: .weakKey
            case SSL_R_CA_MD_TOO_WEAK: .weakSignature
            case SSL_R_HTTP_REQUEST, SSL_R_HTTPS_PROXY_REQUEST: .notTLS
            case SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED: .clientCertificateWanted
            default: .protocolError(code)
            }
    }
}
