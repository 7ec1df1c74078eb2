import Foundation
import GRDB

/// An app as the OAuth endpoints see it.
struct OAuthClient: Sendable, Equatable {
    /// Of the app's row.
    let appID: String
    /// The public `client_id`.
    let id: String
    let name: String
    private let secretHash: Data?
    /// A program that people install: it has no secret, and PKCE is its only proof.
    var isPublic: Bool { secretHash == nil }
    let redirectURIs: [String]
    let allowedScopes: Set<Scope>
    let postLogoutRedirectURIs: [String]

    /// The registered address that `asked` is.
    func redirect(for asked: String) -> RedirectAddress? {
        let isRegistered = redirectURIs.contains {
            RedirectAddress($0)?.matches(asked, isProgram: isPublic) ?? false
        }
        return isRegistered ? RedirectAddress(asked) : nil
    }

    /// Where a browser may go after signing out; compared as text.
    func isPostLogoutRedirect(_ asked: String) -> Bool {
        postLogoutRedirectURIs.contains(asked) && RedirectAddress(asked) != nil
    }

    /// Holds a credential against the registration (RFC 6749 §2.3.1).
    func accepts(_ credential: ClientCredential) -> Bool {
        guard let secretHash else { return credential.secret == nil }
        return credential.secret.map { equalInConstantTime(Token.hash($0), secretHash) } ?? false
    }
}

extension OAuthClient {
    /// The app under a `client_id`, unless it was removed.
    static func find(_ clientID: String, in database: Database) throws -> OAuthClient? {
        try Row.fetchOne(
            database, sql: "SELECT * FROM apps WHERE client_id = ? AND deleted_at IS NULL", arguments: [clientID]
        ).map(OAuthClient.init(row:))
    }

    init(row: Row) throws {
        func list(_ column: String) throws -> [String] {
            try JSONDecoder().decode([String].self, from: Data((row[column] as String).utf8))
        }
        appID = row["id"]
        id = row["client_id"]
        name = row["name"]
        secretHash = row["secret_hash"]
        redirectURIs = try list("redirect_uris")
        postLogoutRedirectURIs = try list("post_logout_redirect_uris")
        allowedScopes = Set(try list("allowed_scopes").compactMap(Scope.init(rawValue:)))
    }
}
