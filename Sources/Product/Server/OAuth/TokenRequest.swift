import Foundation

/// A request of the token endpoint, its form checked; what it names is not looked up yet (OAuth 2.1 §3.2.2, §4.1.3).
enum TokenRequest: Sendable, Equatable {
    case code(String, redirectURI: String, verifier: String?)
    case refresh(String, scopes: Set<Scope>?)

    init(_ fields: FormFields) throws(OAuthRefusal) {
        guard let type = fields["grant_type"] else { throw OAuthRefusal(.invalidRequest, "grant_type is missing") }
        switch type {
        case "authorization_code":
            guard let code = fields["code"] else { throw OAuthRefusal(.invalidRequest, "code is missing") }
            guard let redirect = fields["redirect_uri"] else {
                throw OAuthRefusal(.invalidRequest, "redirect_uri is missing")
            }
            let verifier = fields["code_verifier"]
            guard verifier.map(ProofKey.isVerifier) ?? true else {
                throw OAuthRefusal(.invalidGrant, "code_verifier is not one")
            }
            self = .code(code, redirectURI: redirect, verifier: verifier)
        case "refresh_token":
            guard let token = fields["refresh_token"] else {
                throw OAuthRefusal(.invalidRequest, "refresh_token is missing")
            }
            guard let text = fields["scope"] else {
                self = .refresh(token, scopes: nil)
                return
            }
            guard let scopes = Scope.parse(text), !scopes.isEmpty else {
                throw OAuthRefusal(.invalidScope, "scope holds a name that this server does not know")
            }
            self = .refresh(token, scopes: scopes)
        default: throw OAuthRefusal(.unsupportedGrantType, "grant_type must be authorization_code or refresh_token")
        }
    }
}

/// How a client says who it is at the token and revocation endpoints (RFC 6749 §2.3).
struct ClientCredential: Sendable, Equatable {
    let clientID: String
    let secret: String?
    /// Whether it came by HTTP Basic, which decides the challenge of a refusal.
    let isBasic: Bool

    /// - Parameter authorization: the header, where there is one.
    init(_ fields: FormFields, authorization: String?) throws(OAuthRefusal) {
        guard let authorization else {
            guard let id = fields["client_id"] else { throw OAuthRefusal(.invalidClient, "client_id is missing") }
            clientID = id
            secret = fields["client_secret"]
            isBasic = false
            return
        }
        let parts = authorization.split(separator: " ", maxSplits: 1)
        guard parts.count == 2, parts[0].lowercased() == "basic" else {
            throw OAuthRefusal(.invalidClient, "the Authorization header is not Basic")
        }
        // RFC 6749 §2.3: one way of authentication per request.
        guard fields["client_secret"] == nil else {
            throw OAuthRefusal(.invalidRequest, "the client authenticates twice")
        }
        guard let data = Data(base64Encoded: String(parts[1])), let text = String(validating: data, as: UTF8.self),
            let colon = text.firstIndex(of: ":"),
            // §2.3.1: each half is form-encoded.
            let id = FormFields.decode(text[..<colon]),
            let secret = FormFields.decode(text[text.index(after: colon)...]),
            !id.isEmpty
        else { throw OAuthRefusal(.invalidClient, "the Authorization header can't be read") }
        guard fields["client_id"].map({ $0 == id }) ?? true else {
            throw OAuthRefusal(.invalidRequest, "two different client ids")
        }
        clientID = id
        self.secret = secret.isEmpty ? nil : secret
        isBasic = true
    }
}
