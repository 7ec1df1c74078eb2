/// What the provider says of itself (OpenID Connect Discovery §3, RFC 8414 §2).
struct ProviderDescription: Sendable, Encodable, Equatable {
    let issuer: String
    let authorizationEndpoint: String
    let tokenEndpoint: String
    let userinfoEndpoint: String
    let jwksURI: String
    let revocationEndpoint: String
    let endSessionEndpoint: String
    let scopesSupported = Scope.allCases.map(\.rawValue)
    let responseTypesSupported = ["code"]
    let responseModesSupported = ["query"]
    let grantTypesSupported = ["authorization_code", "refresh_token"]
    let subjectTypesSupported = ["public"]
    let idTokenSigningAlgValuesSupported = ["RS256"]
    let tokenEndpointAuthMethodsSupported = ["client_secret_post", "client_secret_basic", "none"]
    let revocationEndpointAuthMethodsSupported = ["client_secret_post", "client_secret_basic", "none"]
    let codeChallengeMethodsSupported = ["S256"]
    let promptValuesSupported = ["none", "login", "consent", "select_account", "create"]
    let claimsSupported = [
        "sub", "iss", "aud", "exp", "iat", "auth_time", "nonce", "email", "email_verified", "name", "picture",
    ]
    /// RFC 9207: answers name their server.
    let authorizationResponseIssParameterSupported = true
    let requestParameterSupported = false
    let requestURIParameterSupported = false
    let claimsParameterSupported = false

    /// - Parameter issuer: the server's address without a slash at its end.
    init(issuer: String) {
        self.issuer = issuer
        authorizationEndpoint = issuer + "/oauth/authorize"
        tokenEndpoint = issuer + "/oauth/token"
        userinfoEndpoint = issuer + "/oauth/userinfo"
        jwksURI = issuer + "/.well-known/jwks.json"
        revocationEndpoint = issuer + "/oauth/revoke"
        endSessionEndpoint = issuer + "/oauth/logout"
    }

    enum CodingKeys: String, CodingKey {
        case issuer
        case authorizationEndpoint = "authorization_endpoint"
        case tokenEndpoint = "token_endpoint"
        case userinfoEndpoint = "userinfo_endpoint"
        case jwksURI = "jwks_uri"
        case revocationEndpoint = "revocation_endpoint"
        case endSessionEndpoint = "end_session_endpoint"
        case scopesSupported = "scopes_supported"
        case responseTypesSupported = "response_types_supported"
        case responseModesSupported = "response_modes_supported"
        case grantTypesSupported = "grant_types_supported"
        case subjectTypesSupported = "subject_types_supported"
        case idTokenSigningAlgValuesSupported = "id_token_signing_alg_values_supported"
        case tokenEndpointAuthMethodsSupported = "token_endpoint_auth_methods_supported"
        case revocationEndpointAuthMethodsSupported = "revocation_endpoint_auth_methods_supported"
        case codeChallengeMethodsSupported = "code_challenge_methods_supported"
        case promptValuesSupported = "prompt_values_supported"
        case claimsSupported = "claims_supported"
        case authorizationResponseIssParameterSupported = "authorization_response_iss_parameter_supported"
        case requestParameterSupported = "request_parameter_supported"
        case requestURIParameterSupported = "request_uri_parameter_supported"
        case claimsParameterSupported = "claims_parameter_supported"
    }
}
