import Crypto
import Foundation

/// Ties a form to the browser that it was made for, so that no other site can send it (CSRF).
///
/// The browser holds a random secret in an HttpOnly cookie; the form holds its hash. Another site makes the browser send
/// the cookie, but it can't read it, so it can't know the hash. Nothing is kept on the server.
enum FormGuard {
    static let field = "form_token"

    /// - Parameter purpose: a form's token is worth nothing in another form.
    static func token(secret: String, purpose: String) -> String {
        Base64URLText.encode(SHA256.hash(data: Data("quota-voice form\u{0}\(purpose)\u{0}\(secret)".utf8)))
    }

    /// - Parameters:
    ///   - fetchSite: the header `Sec-Fetch-Site`, which no page can forge; older browsers send none.
    static func admits(
        _ fields: FormFields, secret: String?, purpose: String, fetchSite: String?
    ) -> Bool {
        guard let secret, let sent = fields[field] else { return false }
        if let fetchSite, fetchSite != "same-origin", fetchSite != "none" { return false }
        return isEqual(sent, token(secret: secret, purpose: purpose))
    }

    /// Compares hashes of both, so that the time taken tells nothing of either.
    static func isEqual(_ left: String, _ right: String) -> Bool {
        let left = Data(SHA256.hash(data: Data(left.utf8)))
        let right = Data(SHA256.hash(data: Data(right.utf8)))
        var difference: UInt8 = 0
        for (one, other) in zip(left, right) { difference |= one ^ other }
        return difference == 0
    }

    /// The hidden field.
    static func field(secret: String, purpose: String) -> HTML {
        "<input type=\"hidden\" name=\"\(field)\" value=\"\(token(secret: secret, purpose: purpose))\">"
    }
}
