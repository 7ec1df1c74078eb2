import HTTPTypes
import Hummingbird
import Synchronization

/// What the OAuth endpoints and the pages share.
package final class OAuthProvider: Sendable {
    let services: ServerServices
    let issuers: IssuerRule
    let cookies: PageCookies
    let keys: SigningKeyring
    let passwords = PasswordHasher()
    private let attempts = Mutex(AttemptLimit())

    package init(_ services: ServerServices, publicURL: String? = nil, isSecure: Bool = false) {
        self.services = services
        issuers = IssuerRule(fixed: publicURL, isSecure: isSecure)
        cookies = PageCookies(isSecure: isSecure)
        keys = SigningKeyring(store: services.store)
    }

    var store: Store { services.store }

    func session(of request: Request, now: WallTime) async throws -> BrowserSession? {
        try await BrowserSession.find(request, cookies: cookies, now: now, in: store)
    }

    /// Seconds to wait before a password may be tried; 0 to go on.
    func beginAttempt(account: String, address: String?, now: WallTime) -> Int {
        attempts.withLock {
            $0.begin(account: account.lowercased(), address: address ?? "", now: Int(now.seconds))
        }
    }

    func attemptSucceeded(account: String, address: String?) {
        attempts.withLock { $0.succeed(account: account.lowercased(), address: address ?? "") }
    }
}
