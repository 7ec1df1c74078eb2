import HTTPTypes
import Hummingbird

/// What the OAuth endpoints and the pages share.
package final class OAuthProvider: Sendable {
    let services: ServerServices
    let cookies: PageCookies
    let keys: SigningKeyring

    package init(_ services: ServerServices) {
        self.services = services
        cookies = PageCookies(isSecure: services.isSecure)
        keys = SigningKeyring(store: services.store)
    }

    /// Under which address this server speaks to a request.
    ///
    /// Without one that the operator gave it is the one that the client used. A client compares it with the address that
    /// it asked (OpenID Connect Discovery §4.3), and one machine has many: 127.0.0.1, localhost, a name in the LAN, a
    /// forwarded port. Lying about `Host` gives a caller a token that nobody takes.
    func issuer(of request: Request) -> String { services.baseURL(for: request) }

    var store: Store { services.store }

    func session(of request: Request, now: WallTime) async throws -> BrowserSession? {
        try await BrowserSession.find(request, cookies: cookies, now: now, in: store)
    }
}
