/// An error of the OAuth endpoints, in the words of RFC 6749 §5.2 and §4.1.2.1.
struct OAuthRefusal: Error, Sendable, Equatable {
    enum Code: String, Sendable {
        case invalidRequest = "invalid_request"
        case invalidClient = "invalid_client"
        case invalidGrant = "invalid_grant"
        case unauthorizedClient = "unauthorized_client"
        case unsupportedGrantType = "unsupported_grant_type"
        case unsupportedResponseType = "unsupported_response_type"
        case invalidScope = "invalid_scope"
        case accessDenied = "access_denied"
        /// RFC 6750 §3.1.
        case invalidToken = "invalid_token"
        case insufficientScope = "insufficient_scope"
        /// OpenID Connect Core §3.1.2.6.
        case loginRequired = "login_required"
        case consentRequired = "consent_required"
        case requestNotSupported = "request_not_supported"
        case requestURINotSupported = "request_uri_not_supported"
        case invalidRedirectURI = "invalid_redirect_uri"
        case slowDown = "slow_down"
    }

    let code: Code
    /// One sentence for developers; ASCII without quotes and backslashes (RFC 6749 §5.2). Holds nothing that was sent.
    let sentence: String

    init(_ code: Code, _ sentence: String) {
        self.code = code
        self.sentence = sentence
    }

    /// The status of an answer that is not a redirect.
    var status: Int {
        switch code {
        case .invalidClient, .invalidToken: 401
        case .insufficientScope: 403
        case .slowDown: 429
        default: 400
        }
    }
}
