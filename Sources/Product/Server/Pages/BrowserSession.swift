import Foundation
import GRDB
import HTTPTypes
import Hummingbird

/// A person who is signed in to the server's pages, by a cookie.
struct BrowserSession: Sendable {
    static let lifeSeconds: Int64 = 7 * 86_400

    let id: String
    let userID: String
    let email: String
    let name: String?
    /// When the password was given.
    let authTime: WallTime
    /// The cookie's value: forms are tied to it.
    let secret: String

    /// What people are shown of themselves.
    var displayName: String { name.flatMap { $0.isEmpty ? nil : $0 } ?? email }

    func formField(_ purpose: String) -> HTML { FormGuard.field(secret: secret, purpose: purpose) }

    func admits(_ fields: FormFields, _ purpose: String, _ request: Request) -> Bool {
        FormGuard.admits(fields, secret: secret, purpose: purpose, fetchSite: request.headers[.fetchSite])
    }

    /// Of the browser that sent `request`, if anyone is signed in there.
    static func find(_ request: Request, cookies: PageCookies, now: WallTime, in store: Store) async throws
        -> BrowserSession?
    {
        guard let secret = cookies.session(of: request) else { return nil }
        return try await store.read { database in
            let row = try Row.fetchOne(
                database,
                sql: """
                    SELECT s.id, s.user_id, s.created_at, u.email, u.name FROM sessions s JOIN users u ON u.id = s.user_id
                    WHERE s.token_hash = ? AND s.kind = 'browser' AND s.revoked_at IS NULL AND s.expires_at > ?
                    """, arguments: [Token.hash(secret), now])
            return row.map { row in
                BrowserSession(
                    id: row["id"], userID: row["user_id"], email: row["email"] ?? "", name: row["name"],
                    authTime: row["created_at"], secret: secret)
            }
        }
    }
}

/// The cookies of the server's pages.
struct PageCookies: Sendable {
    /// Over TLS the names get `__Host-`, so that no other host and no unencrypted page can set them (RFC 6265bis §4.1.3).
    let isSecure: Bool

    private var sessionName: String { isSecure ? "__Host-quota_session" : "quota_session" }
    private var formName: String { isSecure ? "__Host-quota_form" : "quota_form" }

    func session(of request: Request) -> String? { value(sessionName, request) }

    /// What ties a form to a browser in which nobody is signed in.
    func formSecret(of request: Request) -> String? { value(formName, request) }

    private func value(_ name: String, _ request: Request) -> String? {
        request.cookies[name].flatMap { (16...128).contains($0.value.utf8.count) ? $0.value : nil }
    }

    func settingSession(_ secret: String) -> Cookie {
        cookie(sessionName, secret, seconds: Int(BrowserSession.lifeSeconds))
    }

    func settingForm(_ secret: String) -> Cookie { cookie(formName, secret, seconds: 86_400) }

    var endingSession: Cookie { cookie(sessionName, "", seconds: 0) }

    /// Lax, not Strict: people come back from the pages of apps.
    private func cookie(_ name: String, _ value: String, seconds: Int) -> Cookie {
        Cookie(
            name: name, value: value, maxAge: seconds, path: "/", secure: isSecure, httpOnly: true, sameSite: .lax)
    }
}

extension HTTPField.Name {
    static let fetchSite = HTTPField.Name("Sec-Fetch-Site")!
}

extension Request {
    /// The fields of a form body; `nil` for anything else than a form of reasonable size.
    func formFields() async throws -> FormFields? {
        let type = headers[.contentType]?.prefix { $0 != ";" }.lowercased()
        guard type == "application/x-www-form-urlencoded" else { return nil }
        let body = try await body.collect(upTo: FormFields.bytesMax)
        guard let text = String(validating: body.readableBytesView, as: UTF8.self) else { return nil }
        return FormFields.parse(text)
    }

    /// The fields of the address; `nil` where they can't be read.
    var queryFields: FormFields? { FormFields.parse(uri.query ?? "") }
}

extension Response {
    /// On to another page. 303, never 307: a form that was sent must not be sent on (RFC 9700 §4.12).
    static func seeOther(_ address: String, cookies: [Cookie] = []) -> Response {
        var response = Response(
            status: .seeOther,
            headers: [
                .location: address, .cacheControl: "no-store",
                // What is in an address that leads away stays out of the next request.
                HTTPField.Name("Referrer-Policy")!: "no-referrer",
            ])
        for cookie in cookies { response.setCookie(cookie) }
        return response
    }
}
