import Foundation
import HTTPTypes
import Hummingbird
import QuotaAPI

/// "Connect Quota Wallet": the app has users of its own; a user connects a wallet, and it pays for their chats.
///
///     QUOTA_CLIENT_ID=… QUOTA_CLIENT_SECRET=… QUOTA_WEBHOOK_SECRET=… swift run ConnectQuotaWallet
///
/// Register http://localhost:8080/wallet/callback as the redirect URI, and /webhooks/quota for webhooks. Who the user is
/// comes from the app's own sign-in; here from the header X-User, to keep the example short.
@main
struct ConnectQuotaWallet {
    static func main() async throws {
        let environment = ProcessInfo.processInfo.environment
        let port = environment["PORT"].flatMap(Int.init) ?? 8080
        var options = QuotaOptions()
        options.baseURL = environment["QUOTA_BASE_URL"] ?? QuotaOptions.defaultBaseURL
        let oauth = try QuotaOAuth(
            clientID: environment["QUOTA_CLIENT_ID"] ?? "quota_client_example",
            clientSecret: environment["QUOTA_CLIENT_SECRET"],
            redirectURI: environment["REDIRECT_URI"] ?? "http://localhost:\(port)/wallet/callback", options: options)
        let wallets = Wallets(oauth: oauth, options: options, clientSecret: environment["QUOTA_CLIENT_SECRET"])
        var webhooks = WebhookHandler(secret: environment["QUOTA_WEBHOOK_SECRET"] ?? "")
        webhooks.on(.balanceLow) { event in
            guard case .balanceLow(let low) = event.payload else { return }
            print("\(low.userID) has \(formatCredits(low.currentBalance)) left")
        }
        let app = Application(
            router: router(wallets, webhooks), configuration: .init(address: .hostname("127.0.0.1", port: port)))
        try await app.runService()
    }

    static func router(_ wallets: Wallets, _ webhooks: WebhookHandler) -> Router<BasicRequestContext> {
        let router = Router()
        router.get("/wallet/connect") { request, _ -> Response in
            guard let user = request.appUser else { return text("sign in first", .unauthorized) }
            return Response(status: .seeOther, headers: [.location: try await wallets.connect(user)])
        }
        router.get("/wallet/callback") { request, _ -> Response in
            guard let user = request.appUser else { return text("sign in first", .unauthorized) }
            do {
                try await wallets.finish(user, callback: request.uri.description)
                return text("connected")
            } catch let error as SignInError {
                return text("\(error)", .badRequest)
            }
        }
        router.get("/ask") { request, _ -> Response in
            guard let user = request.appUser, let client = try await wallets.client(of: user) else {
                return text("connect a wallet at /wallet/connect", .forbidden)
            }
            let question = request.uri.queryParameters["q"].map { String($0) } ?? "Hello"
            do {
                let answer = try await client.chat(
                    ChatRequest(model: "openai/gpt-4o-mini", messages: [ChatMessage(.user, question)]))
                return text(answer.text ?? "")
            } catch QuotaError.insufficientCredits {
                return text("your wallet is empty: top it up", .forbidden)
            } catch QuotaError.tokenExpired, QuotaError.notConnected {
                return text("connect your wallet again at /wallet/connect", .forbidden)
            } catch QuotaError.rateLimited(let seconds, _) {
                return text("try again in \(seconds) s", .tooManyRequests)
            }
        }
        router.post("/webhooks/quota") { request, _ -> Response in
            // The raw bytes: parsing and writing them again would change what was signed.
            let body = try await request.body.collect(upTo: 1 << 20)
            let signature = HTTPField.Name("X-Quota-Signature").flatMap { request.headers[$0] }
            do {
                _ = try await webhooks.handle(payload: Data(body.readableBytesView), signature: signature)
                return text("ok")
            } catch WebhookError.badSignature {
                return text("bad signature", .unauthorized)
            } catch is WebhookError {
                return text("not an event", .badRequest)
            }
        }
        return router
    }

    static func text(_ text: String, _ status: HTTPResponse.Status = .ok) -> Response {
        Response(
            status: status, headers: [.contentType: "text/plain; charset=utf-8"],
            body: ResponseBody(byteBuffer: ByteBuffer(string: text + "\n")))
    }
}

/// The wallets that users connected. Tokens are kept in the store, by the app's own user id.
actor Wallets {
    private let oauth: QuotaOAuth
    private let options: QuotaOptions
    private let clientSecret: String?
    private let store = InMemoryTokenStore()
    private var pending: [String: PendingSignIn] = [:]
    /// One client a user: its copies share refreshes.
    private var clients: [String: QuotaClient] = [:]

    init(oauth: QuotaOAuth, options: QuotaOptions, clientSecret: String?) {
        self.oauth = oauth
        self.options = options
        self.clientSecret = clientSecret
    }

    func connect(_ user: String) async throws -> String {
        let start = try await oauth.start(scopes: .connectWallet)
        pending[user] = start.pending
        return start.url
    }

    func finish(_ user: String, callback: String) async throws {
        guard let pending = pending.removeValue(forKey: user) else { throw SignInError.stateMismatch }
        let signIn = try await oauth.finish(callback: callback, pending: pending)
        await store.set(signIn.tokens, for: user)
        clients[user] = nil
    }

    func client(of user: String) async throws -> QuotaClient? {
        if let client = clients[user] { return client }
        guard let tokens = await store.get(user), let refreshToken = tokens.refreshToken else { return nil }
        var options = options
        options.tokenStore = store
        options.tokenStoreKey = user
        options.accessTokenExpiresAt = tokens.expiresAt
        let client = try QuotaClient(
            .oauth(
                accessToken: tokens.accessToken, refreshToken: refreshToken, clientID: oauth.clientID,
                clientSecret: clientSecret), options: options)
        clients[user] = client
        return client
    }
}

extension Request {
    var appUser: String? { HTTPField.Name("X-User").flatMap { headers[$0] } }
}
