import Crypto
import Foundation

/// A scope that a user grants.
public struct QuotaScope: QuotaName {
    public let rawValue: String
    public init(rawValue: String) { self.rawValue = rawValue }
    public static let openID: QuotaScope = "openid"
    public static let profile: QuotaScope = "profile"
    public static let email: QuotaScope = "email"
    public static let creditsRead: QuotaScope = "credits.read"
    public static let creditsSpend: QuotaScope = "credits.spend"
    public static let accountRead: QuotaScope = "account.read"
    public static let accountWrite: QuotaScope = "account.write"
    public static let appsRead: QuotaScope = "apps.read"
    public static let appsWrite: QuotaScope = "apps.write"
}

extension [QuotaScope] {
    /// "Sign in with Quota": Quota says who the user is, and the user's wallet pays.
    public static let signIn: [QuotaScope] = [.openID, .profile, .email, .creditsRead, .creditsSpend]
    /// "Connect Quota Wallet": for an app that has users of its own.
    public static let connectWallet: [QuotaScope] = [.creditsRead, .creditsSpend]
}

/// What has to be remembered between sending a user to Quota and their coming back: keep it in the user's session, on
/// the server. Works once. Its description shows none of its secrets.
public struct PendingSignIn: Sendable, Hashable, Codable, CustomStringConvertible, CustomReflectable {
    /// Longer than this no one needs to sign in.
    public static let secondsMax: TimeInterval = 600

    public let state: String
    /// With `openid` alone.
    public let nonce: String?
    let codeVerifier: String
    public let redirectURI: String
    public let createdAt: Date

    init(redirectURI: String, withNonce: Bool, now: Date) {
        state = Self.random()
        nonce = withNonce ? Self.random() : nil
        codeVerifier = Self.random()
        self.redirectURI = redirectURI
        createdAt = now
    }

    /// 256 bits of the kernel's generator, which is Swift's on Linux.
    private static func random() -> String {
        var generator = SystemRandomNumberGenerator()
        return Base64URL.encode((0..<32).map { _ in UInt8.random(in: .min ... .max, using: &generator) })
    }

    /// RFC 7636 §4.2.
    var codeChallenge: String {
        Base64URL.encode(SHA256.hash(data: Data(codeVerifier.utf8)))
    }

    public var description: String { "PendingSignIn(redirectURI: \(redirectURI))" }
    public var customMirror: Mirror { Mirror(self, children: []) }

    /// The code in the address that the browser came back to.
    ///
    /// - Parameter callback: the whole URL, its path and query, or its query.
    /// - Throws: ``SignInError``.
    public func code(fromCallback callback: String, issuer: String? = nil, now: Date = Date())
        throws(SignInError) -> String
    {
        let query = callback.split(separator: "#", maxSplits: 1).first.map(String.init) ?? ""
        let start = query.firstIndex(of: "?").map { query.index(after: $0) } ?? query.startIndex
        guard query.utf8.count <= 16_384, let fields = URLText.fields(query[start...]) else {
            throw .malformedCallback
        }
        func value(_ name: String) throws(SignInError) -> String? {
            let values = fields.filter { $0.name == name }
            // Which of two would the server have meant?
            guard values.count <= 1 else { throw .malformedCallback }
            return values.first?.value
        }
        // The state first: nobody else may tell this user anything, not even an error.
        guard let returned = try value("state"), isEqualInConstantTime(returned, state) else { throw .stateMismatch }
        guard now.timeIntervalSince(createdAt) <= Self.secondsMax else { throw .tooLate }
        // RFC 9207: an answer of another server must not be taken to this one.
        if let issuer, let sender = try value("iss"), sender != issuer { throw .issuerMismatch }
        if let error = try value("error") {
            throw .denied(
                code: Redaction.clean(error), description: try value("error_description").map { Redaction.clean($0) })
        }
        guard let code = try value("code"), Secret(code).isSendable else { throw .malformedCallback }
        return code
    }

    /// The code that a person pasted: the whole address the browser ended at, or the code alone.
    ///
    /// A code alone carries no state; the code verifier, which never left this process, binds it to this sign-in.
    public func code(fromPasted text: String, now: Date = Date()) throws(SignInError) -> String {
        let text = text.trimmingCharacters(in: .whitespacesAndNewlines)
        if text.contains("=") { return try code(fromCallback: text, now: now) }
        guard Secret(text).isSendable else { throw .malformedCallback }
        guard now.timeIntervalSince(createdAt) <= Self.secondsMax else { throw .tooLate }
        return text
    }
}

/// Why a sign-in came to nothing. The exchange of the code throws ``QuotaError`` besides.
public enum SignInError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The user, or the server, said no: `access_denied`, `invalid_scope`, `invalid_redirect_uri` …
    case denied(code: String, description: String?)
    /// The answer is not to the question that was asked: dropped, perhaps an attack.
    case stateMismatch
    case issuerMismatch
    case malformedCallback
    /// More than ten minutes have passed.
    case tooLate
    case idToken(IDTokenFailure)
    /// `openid` was asked for and no id_token came.
    case noIDToken
    /// The server's own description of itself can't be used.
    case discovery(String)
    /// The user info is not that of the user who signed in (OpenID Connect Core §5.3.2).
    case subjectMismatch
    /// The server has no app with this client id.
    case unknownClient(String)
    /// No page can be received on this machine.
    case cannotListen

    public var description: String {
        switch self {
        case .denied(let code, let text): "Quota did not grant it: \(text ?? code) (\(code))"
        case .stateMismatch, .issuerMismatch: "the answer does not belong to this sign-in; start again"
        case .malformedCallback: "what came back has no code; paste the whole address, or start again"
        case .tooLate: "this sign-in took more than ten minutes; start again"
        case .idToken(let failure): "the identity that came back was refused: \(failure)"
        case .noIDToken: "no identity came back although it was asked for"
        case .discovery(let detail): "the server's sign-in configuration can't be used: \(detail)"
        case .subjectMismatch: "the user info belongs to another user"
        case .unknownClient(let id):
            "the server does not know the client id \(Redaction.clean(id)); register a public app there with the redirect "
                + "URI http://127.0.0.1/callback, and give its id (--client-id, or QUOTA_CLIENT_ID)"
        case .cannotListen: "no port of 127.0.0.1 is free for the answer; is loopback up?"
        }
    }
}
