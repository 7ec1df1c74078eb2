/// A checked request of the authorization endpoint (OAuth 2.1 §4.1.1, OpenID Connect Core §3.1.2.1).
struct AuthorizationRequest: Sendable, Equatable {
    /// What the app wants the user to see.
    enum Prompt: String, Sendable {
        case none, login, consent, create
        /// OpenID Connect Core: asks for an account among several; a page of this server shows one and can change it.
        case selectAccount = "select_account"
    }

    let client: OAuthClient
    let redirect: RedirectAddress
    let scopes: Set<Scope>
    let state: String?
    let nonce: String?
    let codeChallenge: String?
    let prompts: Set<Prompt>
    /// The oldest sign-in that will do, in seconds.
    let maxAgeSeconds: Int?
    let loginHint: String?

    /// Why a request came to nothing, and who may hear it.
    enum Failure: Error, Sendable, Equatable {
        /// The client or its address can't be trusted: the user is told, the browser goes nowhere (RFC 6749 §4.1.2.1).
        case tellUser(OAuthRefusal)
        /// The client is told through the browser.
        case tellClient(OAuthRefusal, RedirectAddress, state: String?)
    }

    private static let valueBytesMax = 4_096

    /// What this server reads of a request; the rest is dropped before it goes into a form of ours.
    private static let names: Set = [
        "response_type", "response_mode", "client_id", "redirect_uri", "scope", "state", "nonce", "code_challenge",
        "code_challenge_method", "prompt", "max_age", "login_hint", "request", "request_uri",
    ]

    /// The fields of a request alone.
    ///
    /// - Parameter isAnswered: without what asks for a new sign-in, for the way back from one.
    static func fields(of fields: FormFields, isAnswered: Bool = false) -> FormFields {
        FormFields(
            fields.pairs.filter { names.contains($0.name) }.compactMap { name, value in
                guard isAnswered else { return (name, value) }
                if name == "max_age" { return nil }
                guard name == "prompt" else { return (name, value) }
                return (name, value.split(separator: " ").filter { $0 == "consent" }.joined(separator: " "))
            })
    }

    /// - Parameter client: what is registered under the `client_id` of `fields`.
    init(_ fields: FormFields, client: OAuthClient?) throws(Failure) {
        guard let client else {
            throw .tellUser(OAuthRefusal(.invalidClient, "no app has this client_id"))
        }
        guard let asked = fields["redirect_uri"] else {
            throw .tellUser(OAuthRefusal(.invalidRedirectURI, "redirect_uri is missing"))
        }
        guard let redirect = client.redirect(for: asked) else {
            throw .tellUser(OAuthRefusal(.invalidRedirectURI, "redirect_uri is not one that the app registered"))
        }
        let state = fields["state"]
        func tell(_ code: OAuthRefusal.Code, _ sentence: String) -> Failure {
            .tellClient(OAuthRefusal(code, sentence), redirect, state: state)
        }
        guard fields.pairs.allSatisfy({ $0.value.utf8.count <= Self.valueBytesMax }) else {
            // A state of that size is not sent back either.
            throw .tellUser(OAuthRefusal(.invalidRequest, "a parameter is longer than \(Self.valueBytesMax) bytes"))
        }
        if fields["request"] != nil { throw tell(.requestNotSupported, "request objects are not supported") }
        if fields["request_uri"] != nil { throw tell(.requestURINotSupported, "request_uri is not supported") }
        guard let type = fields["response_type"] else { throw tell(.invalidRequest, "response_type is missing") }
        guard type == "code" else { throw tell(.unsupportedResponseType, "response_type must be code") }
        guard fields["response_mode"].map({ $0 == "query" }) ?? true else {
            throw tell(.invalidRequest, "response_mode must be query")
        }
        self.client = client
        self.redirect = redirect
        self.state = state
        scopes = try Self.scopes(fields["scope"], client, tell)
        codeChallenge = try Self.challenge(fields, client, tell)
        nonce = fields["nonce"]
        loginHint = fields["login_hint"]
        if let text = fields["max_age"] {
            guard let seconds = Int(text), seconds >= 0 else {
                throw tell(.invalidRequest, "max_age must be a number of seconds")
            }
            maxAgeSeconds = seconds
        } else {
            maxAgeSeconds = nil
        }
        let names = fields["prompt"]?.split(separator: " ").map(String.init) ?? []
        prompts = Set(names.compactMap(Prompt.init(rawValue:)))
        guard prompts.count == Set(names).count else { throw tell(.invalidRequest, "prompt holds an unknown value") }
        guard !prompts.contains(.none) || prompts.count == 1 else {
            throw tell(.invalidRequest, "prompt=none goes with no other value")
        }
    }

    private static func scopes(
        _ text: String?, _ client: OAuthClient, _ tell: (OAuthRefusal.Code, String) -> Failure
    ) throws(Failure) -> Set<Scope> {
        guard let text else { throw tell(.invalidScope, "scope is missing") }
        guard let scopes = Scope.parse(text), !scopes.isEmpty else {
            throw tell(.invalidScope, "scope holds a name that this server does not know")
        }
        guard scopes.isSubset(of: client.allowedScopes) else {
            throw tell(.invalidScope, "scope holds more than the app registered")
        }
        return scopes
    }

    private static func challenge(
        _ fields: FormFields, _ client: OAuthClient, _ tell: (OAuthRefusal.Code, String) -> Failure
    ) throws(Failure) -> String? {
        let method = fields["code_challenge_method"]
        guard let challenge = fields["code_challenge"] else {
            guard !client.isPublic else { throw tell(.invalidRequest, "code_challenge is missing (PKCE, RFC 7636)") }
            guard method == nil else { throw tell(.invalidRequest, "code_challenge_method without code_challenge") }
            return nil
        }
        // Left out, the method would be `plain` (RFC 7636 §4.3), which protects nothing.
        guard method == "S256" else { throw tell(.invalidRequest, "code_challenge_method must be S256") }
        guard ProofKey.isChallenge(challenge) else {
            throw tell(.invalidRequest, "code_challenge is not base64url of a SHA-256")
        }
        return challenge
    }
}
