/// What a program has to authenticate with, before it is known whether that is enough.
///
/// Fill in what there is; ``resolved()`` names the one mode that it makes, or says what is missing or too much. An API
/// key wins: OAuth fields beside it are not used. Its description shows which fields are set and never a value.
public struct QuotaCredentials: Sendable, CustomStringConvertible, CustomReflectable {
    /// `sk-quota-…`: the developer's wallet pays.
    public var apiKey: String?
    /// `quota_token_…`: the wallet of the user who signed in pays.
    public var accessToken: String?
    /// `quota_refresh_…`: with ``clientID``, expired access tokens are replaced.
    public var refreshToken: String?
    public var clientID: String?
    /// Of a confidential client. Public clients (RFC 8252, PKCE) have none.
    public var clientSecret: String?
    /// With ``apiKey``: the wallet that is linked to this id in the developer's own system pays.
    public var externalUserID: String?

    public init(
        apiKey: String? = nil, accessToken: String? = nil, refreshToken: String? = nil, clientID: String? = nil,
        clientSecret: String? = nil, externalUserID: String? = nil
    ) {
        self.apiKey = apiKey
        self.accessToken = accessToken
        self.refreshToken = refreshToken
        self.clientID = clientID
        self.clientSecret = clientSecret
        self.externalUserID = externalUserID
    }

    /// A field, by its name.
    public enum Field: String, Sendable, CaseIterable {
        case apiKey, accessToken, refreshToken, clientID, clientSecret, externalUserID
    }

    private func value(of field: Field) -> String? {
        switch field {
        case .apiKey: apiKey
        case .accessToken: accessToken
        case .refreshToken: refreshToken
        case .clientID: clientID
        case .clientSecret: clientSecret
        case .externalUserID: externalUserID
        }
    }

    private var set: [Field] { Field.allCases.filter { value(of: $0) != nil } }

    public var description: String { "QuotaCredentials(\(set.map(\.rawValue).joined(separator: ", ")))" }
    public var customMirror: Mirror { Mirror(self, children: []) }

    /// The mode these fields make.
    public func resolved() throws(QuotaConfigurationError) -> QuotaAuthentication {
        for field in set {
            guard Secret(value(of: field) ?? "").isSendable else { throw .malformed(field) }
        }
        if let apiKey {
            guard let externalUserID else { return QuotaAuthentication(.apiKey(Secret(apiKey))) }
            return QuotaAuthentication(.hostedUser(Secret(apiKey), externalUserID: externalUserID))
        }
        guard let accessToken else {
            guard let first = set.first else { throw .noCredential }
            throw .missing(first == .externalUserID ? .apiKey : .accessToken, neededBy: first)
        }
        if externalUserID != nil { throw .unexpected(.externalUserID, with: .accessToken) }
        guard let refreshToken else {
            if clientSecret != nil { throw .missing(.refreshToken, neededBy: .clientSecret) }
            if clientID != nil { throw .missing(.refreshToken, neededBy: .clientID) }
            return QuotaAuthentication(.oauth(Secret(accessToken), refresh: nil))
        }
        guard let clientID else { throw .missing(.clientID, neededBy: .refreshToken) }
        return QuotaAuthentication(
            .oauth(
                Secret(accessToken),
                refresh: QuotaAuthentication.Refresh(
                    token: Secret(refreshToken), clientID: clientID, clientSecret: clientSecret.map(Secret.init))))
    }
}

/// One valid way to authenticate. Its description names the mode and never a secret.
public struct QuotaAuthentication: Sendable, CustomStringConvertible {
    struct Refresh: Sendable {
        var token: Secret
        var clientID: String
        var clientSecret: Secret?
    }

    enum Mode: Sendable {
        case none
        case apiKey(Secret)
        case hostedUser(Secret, externalUserID: String)
        case oauth(Secret, refresh: Refresh?)
    }

    let mode: Mode

    init(_ mode: Mode) {
        self.mode = mode
    }

    /// For the calls that need no credential: the packages, and a server's discovery.
    public static let none = QuotaAuthentication(.none)

    /// The developer's key: the developer pays.
    public static func apiKey(_ key: String) throws(QuotaConfigurationError) -> QuotaAuthentication {
        try QuotaCredentials(apiKey: key).resolved()
    }

    /// The developer's key on behalf of a linked user, who pays.
    public static func hostedUser(
        apiKey: String, externalUserID: String
    ) throws(QuotaConfigurationError) -> QuotaAuthentication {
        try QuotaCredentials(apiKey: apiKey, externalUserID: externalUserID).resolved()
    }

    /// An access token as it is: when it ends, requests fail with ``QuotaError/tokenExpired(_:)``.
    public static func accessToken(_ token: String) throws(QuotaConfigurationError) -> QuotaAuthentication {
        try QuotaCredentials(accessToken: token).resolved()
    }

    /// Tokens that are refreshed when they end.
    public static func oauth(
        accessToken: String, refreshToken: String, clientID: String, clientSecret: String? = nil
    ) throws(QuotaConfigurationError) -> QuotaAuthentication {
        try QuotaCredentials(
            accessToken: accessToken, refreshToken: refreshToken, clientID: clientID, clientSecret: clientSecret
        ).resolved()
    }

    public var description: String {
        switch mode {
        case .none: "no credential"
        case .apiKey: "API key"
        case .hostedUser(_, let id): "API key on behalf of \(Redaction.clean(id))"
        case .oauth(_, nil): "access token"
        case .oauth: "access token with refresh"
        }
    }
}

/// Why a client can't be made. No value of a field is in its text.
public enum QuotaConfigurationError: Error, Equatable, Sendable, CustomStringConvertible {
    case noCredential
    case missing(QuotaCredentials.Field, neededBy: QuotaCredentials.Field)
    case unexpected(QuotaCredentials.Field, with: QuotaCredentials.Field)
    /// Empty, or with characters that no header carries (a line end of the file it was read from, say).
    case malformed(QuotaCredentials.Field)
    /// Not an absolute `https` URL (`http` on this machine), or one with a query, a fragment or a password.
    case baseURL(String)
    case redirectURI(String)
    /// Not a PEM file with certificates, or not readable.
    case caFile(String)
    /// A proxy setting of the environment that can't be used; says which.
    case proxy(String)

    public var description: String {
        switch self {
        case .noCredential: "no credential: give an apiKey, or an accessToken"
        case .missing(let field, let other): "\(other.rawValue) is set but \(field.rawValue) is missing"
        case .unexpected(let field, let other): "\(field.rawValue) can't be used with \(other.rawValue)"
        case .malformed(let field): "\(field.rawValue) is empty or has characters that can't be sent"
        case .baseURL(let text):
            "\(Redaction.clean(text)): not a server's address; use https://host, or http:// on this machine"
        case .redirectURI(let text):
            "\(Redaction.clean(text)): not a redirect URI; use https, or http on localhost or 127.0.0.1"
        case .caFile(let path): "\(path): no certificates can be read from this file; it has to be PEM"
        case .proxy(let text): text
        }
    }
}
