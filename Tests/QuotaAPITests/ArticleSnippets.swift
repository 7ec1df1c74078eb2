import Foundation
import QuotaAPI

// The code of the articles in QuotaAPI.docc, so that it is compiled; `ArticleTests` compares the two.

struct ArticleRequest { var url: String }

final class ArticleSession {
    var pending: PendingSignIn

    init(pending: PendingSignIn) { self.pending = pending }
}

actor ArticleSpeaker {
    private(set) var bytes = 0

    func play(_ pcm: [UInt8]) { bytes += pcm.count }
}

func overview(_ apiKey: String) async throws {
    let client = try QuotaClient(.apiKey(apiKey))
    let balance = try await client.getBalance()
    print(balance.balance.map(formatCredits) ?? "no wallet")
}

func developerPays(_ apiKey: String) async throws {
    let client = try QuotaClient(.apiKey(apiKey))
    let answer = try await client.chat(
        ChatRequest(model: "openai/gpt-4o-mini", messages: [ChatMessage(.user, "Hello")]))
    print(answer.text ?? "", answer.quota?.creditsUsed ?? 0)
}

func linkedUserPays(_ apiKey: String) async throws {
    let alice = try QuotaClient(.apiKey(apiKey)).onBehalf(of: "alice")
    if let linked = try await alice.users("alice") {
        print(linked.user.balance.map(formatCredits) ?? "no wallet")
    }
}

func signedInUserPays(
    _ clientID: String, _ clientSecret: String, _ request: ArticleRequest, _ session: ArticleSession
) async throws {
    let oauth = try QuotaOAuth(
        clientID: clientID, clientSecret: clientSecret, redirectURI: "https://app.example/callback")
    let start = try await oauth.start(scopes: .signIn)
    session.pending = start.pending
    // Send the browser to start.url. When it comes back:
    let signIn = try await oauth.finish(callback: request.url, pending: session.pending)
    print(signIn.identity?.subject ?? "")
}

func refreshing(
    _ store: any TokenStore, _ userID: String, _ tokens: TokenSet, _ clientID: String, _ clientSecret: String
) throws {
    var options = QuotaOptions()
    options.tokenStore = store
    options.tokenStoreKey = userID
    options.accessTokenExpiresAt = tokens.expiresAt
    let client = try QuotaClient(
        .oauth(
            accessToken: tokens.accessToken, refreshToken: tokens.refreshToken ?? "", clientID: clientID,
            clientSecret: clientSecret), options: options)
    print(client)
}

func nativeSignIn(_ clientID: String) async throws {
    let outcome = try await NativeSignIn(clientID: clientID).signIn(present: { url in
        print("Sign in at \(url)")
        _ = await Browser.open(url)
    })
    try await FileTokenStore().set(outcome.signIn.tokens, for: "default")
}

func errors(_ client: QuotaClient) async throws {
    do {
        print(try await client.getMe().email ?? "")
    } catch QuotaError.insufficientCredits(let balance, let required, _) {
        print("top up: \(balance ?? 0) of \(required ?? 0)")
    } catch QuotaError.notConnected, QuotaError.tokenExpired {
        print("connect again")
    } catch QuotaError.rateLimited(let retryAfterSeconds, _) {
        try await Task.sleep(for: .seconds(retryAfterSeconds))
    } catch QuotaError.insufficientScope(let answer) {
        print(answer.message)
    } catch QuotaError.server(let answer) {
        print(answer.status, answer.code, answer.message, answer.hint ?? "", answer.docsURL ?? "")
    } catch QuotaError.transport(let failure) {
        print(failure.mayHaveExecuted ? "it may have been done" : "it was not done")
    }
}

func retries() {
    var options = QuotaOptions()
    options.retry = RetryPolicy(attemptsMax: 5, delayMax: .seconds(2))
    options.timeout = .seconds(30)
    print(options.timeout)
}

func streaming(_ client: QuotaClient) async throws {
    let request = ChatRequest(model: "openai/gpt-4o-mini", messages: [ChatMessage(.user, "Hello")])
    for try await chunk in try await client.chatStream(request) {
        print(chunk.text, terminator: "")
        if let bill = chunk.quota { print("\n\(bill.creditsUsed ?? 0) credits") }
    }
}

func webhooks(_ webhookSecret: String, _ body: Data, _ signatureHeader: String) async throws {
    var webhooks = WebhookHandler(secret: webhookSecret)
    webhooks.on(.balanceLow) { event in
        guard case .balanceLow(let low) = event.payload else { return }
        print("\(low.userID): \(formatCredits(low.currentBalance))")
    }
    webhooks.onOther { event in print(event.type, event.data) }
    let outcome = try await webhooks.handle(payload: body, signature: signatureHeader)
    print(outcome)
}

func signature(_ webhookSecret: String, _ body: Data, _ signatureHeader: String) {
    guard verifyWebhookSignature(payload: body, signature: signatureHeader, secret: webhookSecret) else { return }
    print("good")
}

func voice(_ client: QuotaClient, _ speaker: ArticleSpeaker, _ microphone: AsyncStream<[UInt8]>) async throws {
    let session = try await client.connectVoiceConversion(VoiceSessionOptions(voice: "rachel"))
    session.onAudio { pcm in await speaker.play(pcm) }
    for await pcm in microphone { try await session.send(pcm) }
    session.finish()
    switch await session.end {
    case .finished(let bill): print(bill?.creditsUsed ?? 0)
    case .cancelled: print("stopped")
    case .failed(.closed(.balanceExhausted, _)): print("top up")
    case .failed(let failure): print(failure)
    }
}

func reconnectingVoice(_ client: QuotaClient) async throws {
    var options = VoiceSessionOptions(voice: "rachel")
    options.reconnects = true
    do {
        let session = try await client.connectVoiceConversion(options)
        for await event in session.events {
            switch event {
            case .lost(let failure, let wait): print("lost (\(failure)), next try in \(wait)")
            case .reconnected(_, let reserved, _): print("back, \(reserved ?? 0) credits set aside")
            }
        }
    } catch let error as VoiceConnectError {
        guard let lack = error.shortfall else { throw error }
        print("top up: \(formatCredits(lack.required)) needed, \(formatCredits(lack.balance)) there")
    }
}
