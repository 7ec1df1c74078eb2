import Foundation
import Hummingbird
import QuotaAPI

/// "Sign in with Quota": Quota says who the user is, and the user's wallet pays for what the app does.
///
///     QUOTA_CLIENT_ID=… QUOTA_CLIENT_SECRET=… swift run SignInWithQuota
///
/// Register http://localhost:8080/auth/callback as the redirect URI.
@main
struct SignInWithQuota {
    static func main() async throws {
        let environment = ProcessInfo.processInfo.environment
        let port = environment["PORT"].flatMap(Int.init) ?? 8080
        var options = QuotaOptions()
        options.baseURL = environment["QUOTA_BASE_URL"] ?? QuotaOptions.defaultBaseURL
        let oauth = try QuotaOAuth(
            clientID: environment["QUOTA_CLIENT_ID"] ?? "quota_client_example",
            clientSecret: environment["QUOTA_CLIENT_SECRET"],
            redirectURI: environment["REDIRECT_URI"] ?? "http://localhost:\(port)/auth/callback", options: options)
        let app = Application(
            router: router(oauth, options, Sessions()),
            configuration: .init(address: .hostname("127.0.0.1", port: port)))
        try await app.runService()
    }

    static func router(_ oauth: QuotaOAuth, _ options: QuotaOptions, _ sessions: Sessions) -> Router<
        BasicRequestContext
    > {
        let router = Router()
        router.get("/") { request, _ -> Response in
            guard let user = await sessions[request.sessionID]?.user else {
                return page("<a href=\"/auth/login\">Sign in with Quota</a>")
            }
            let balance = try await user.client.getBalance().balance
            let name = (user.identity.name ?? user.identity.subject).htmlEscaped
            // No wallet is not a wallet with nothing in it.
            return page(
                "Hello \(name), \(balance.map(formatCredits) ?? "no wallet"). <a href=\"/auth/logout\">Sign out</a>")
        }
        router.get("/auth/login") { request, _ -> Response in
            let start = try await oauth.start(scopes: .signIn)
            // A new session for each sign-in: one that an attacker planted is worth nothing.
            let id = await sessions.make(Session(pending: start.pending))
            return redirect(start.url, session: id)
        }
        router.get("/auth/callback") { request, _ -> Response in
            guard let pending = await sessions.remove(request.sessionID)?.pending else {
                return page("This sign-in was not begun here.", .badRequest)
            }
            do {
                let signIn = try await oauth.finish(callback: request.uri.description, pending: pending)
                guard let identity = signIn.identity else { return page("Quota did not say who you are.", .badGateway) }
                let user = Session.User(
                    identity: identity, client: try client(signIn.tokens, oauth, options), tokens: signIn.tokens)
                let id = await sessions.make(Session(user: user))
                return redirect("/", session: id)
            } catch let error as SignInError {
                return page("\(error)".htmlEscaped, .badRequest)
            }
        }
        router.get("/auth/logout") { request, _ -> Response in
            guard let user = await sessions.remove(request.sessionID)?.user else { return redirect("/") }
            try? await oauth.revoke(await user.client.tokens ?? user.tokens)
            let end = try await oauth.endSessionURL(idToken: user.tokens.idToken, postLogoutRedirectURI: nil)
            return redirect(end ?? "/")
        }
        return router
    }

    /// A client that goes on with refreshed tokens by itself. An app with a database gives it a `TokenStore` of its own.
    static func client(_ tokens: TokenSet, _ oauth: QuotaOAuth, _ options: QuotaOptions) throws -> QuotaClient {
        var options = options
        options.accessTokenExpiresAt = tokens.expiresAt
        let secret = ProcessInfo.processInfo.environment["QUOTA_CLIENT_SECRET"]
        return try QuotaClient(
            QuotaCredentials(
                accessToken: tokens.accessToken, refreshToken: tokens.refreshToken,
                clientID: tokens.refreshToken == nil ? nil : oauth.clientID,
                clientSecret: tokens.refreshToken == nil ? nil : secret), options: options)
    }
}
