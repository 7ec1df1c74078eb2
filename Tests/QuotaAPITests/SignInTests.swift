import AsyncHTTPClient
import Foundation
import QuotaAPI
import Testing

@Suite struct SignInTests {
    private func oauth(_ world: World, secret: String? = nil) throws -> QuotaOAuth {
        try QuotaOAuth(
            clientID: "quota_client_1", clientSecret: secret, redirectURI: "https://app.example/callback",
            options: world.options)
    }

    /// What a browser does: visits the address and gives where it is sent.
    private func visit(_ url: String) async throws -> String {
        var configuration = HTTPClient.Configuration()
        configuration.redirectConfiguration = .disallow
        let http = HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
        let response = try await http.execute(HTTPClientRequest(url: url), timeout: .seconds(30))
        try await http.shutdown()
        return try #require(response.headers.first(name: "Location"))
    }

    @Test func theAddressHasAllThatTheServerAsksFor() async throws {
        let world = try await Peer.shared.world()
        let start = try await oauth(world).start()
        let parts = try #require(URLComponents(string: start.url))
        let fields = Dictionary(uniqueKeysWithValues: (parts.queryItems ?? []).map { ($0.name, $0.value ?? "") })
        #expect(start.url.hasPrefix(world.baseURL + "/oauth/authorize?"))
        #expect(fields["response_type"] == "code")
        #expect(fields["client_id"] == "quota_client_1")
        #expect(fields["redirect_uri"] == "https://app.example/callback")
        #expect(fields["scope"] == "openid profile email credits.read credits.spend")
        #expect(fields["code_challenge_method"] == "S256")
        // 256 bits in base64url.
        #expect(fields["state"]?.count == 43)
        #expect(fields["nonce"]?.count == 43)
        #expect(fields["code_challenge"]?.count == 43)
        let other = try await oauth(world).start(scopes: .connectWallet)
        #expect(other.pending.state != start.pending.state)
        #expect(!other.url.contains("nonce="))
        #expect(!other.url.contains("openid"))
    }

    @Test func signingInBringsTokensAndWho() async throws {
        let world = try await Peer.shared.world()
        let oauth = try oauth(world, secret: "quota_secret_1")
        let start = try await oauth.start()
        // Kept in a session, as an app does.
        let pending = try JSONDecoder().decode(PendingSignIn.self, from: JSONEncoder().encode(start.pending))
        let signIn = try await oauth.finish(callback: try await visit(start.url), pending: pending)
        #expect(signIn.identity?.subject == "user_1")
        #expect(signIn.identity?.email == "a@b.example")
        #expect(signIn.tokens.accessToken == "quota_token_1")
        let exchange = try #require(try await world.log().first { $0.endpoint == "POST /oauth/token" })
        #expect(exchange.body.contains("grant_type=authorization_code"))
        #expect(exchange.body.contains("client_secret=quota_secret_1"))
        #expect(exchange.body.contains("redirect_uri=https%3A%2F%2Fapp.example%2Fcallback"))
        let info = try await oauth.userInfo(accessToken: signIn.tokens.accessToken, subject: "user_1")
        #expect(info.name == "A")
        await #expect(throws: SignInError.subjectMismatch) {
            try await oauth.userInfo(accessToken: signIn.tokens.accessToken, subject: "user_2")
        }
        try await oauth.revoke(signIn.tokens)
        #expect(try await world.log().last?.body.contains("token=quota_refresh_1") == true)
        let end = try await oauth.endSessionURL(
            idToken: signIn.tokens.idToken, postLogoutRedirectURI: "https://app.example/bye", state: "s")
        #expect(end?.hasPrefix(world.baseURL + "/oauth/logout?id_token_hint=ey") == true)
        #expect(end?.contains("post_logout_redirect_uri=https%3A%2F%2Fapp.example%2Fbye&state=s") == true)
        #expect(try await world.count("GET /.well-known/openid-configuration") == 1)
        #expect(try await world.count("GET /.well-known/jwks.json") == 1)
    }

    @Test func connectingAWalletNeedsNoIdentity() async throws {
        let world = try await Peer.shared.world()
        let oauth = try oauth(world)
        let start = try await oauth.start(scopes: .connectWallet)
        let signIn = try await oauth.finish(callback: try await visit(start.url), pending: start.pending)
        #expect(signIn.identity == nil)
        #expect(signIn.tokens.refreshToken == "quota_refresh_1")
        #expect(try await world.count("GET /.well-known/jwks.json") == 0)
    }

    @Test func aCallbackIsCheckedBeforeAnythingIsSent() async throws {
        let world = try await Peer.shared.world()
        let pending = try await oauth(world).start().pending
        let state = pending.state
        func failure(_ callback: String, _ issuer: String? = nil, _ now: Date = Date()) -> SignInError? {
            do throws(SignInError) {
                _ = try pending.code(fromCallback: callback, issuer: issuer, now: now)
                return nil
            } catch {
                return error
            }
        }
        #expect(failure("https://app.example/callback?code=c&state=\(state)") == nil)
        #expect(failure("code=c&state=\(state)#x") == nil)
        #expect(failure("code=c&state=\(state)&iss=https%3A%2F%2Fa", "https://a") == nil)
        #expect(failure("code=c&state=\(state)&iss=https%3A%2F%2Fb", "https://a") == .issuerMismatch)
        for callback in ["code=c", "code=c&state=", "code=c&state=\(state)x", "code=c&state=\(state.lowercased())", ""]
        {
            #expect(failure(callback) == .stateMismatch)
        }
        #expect(failure("error=access_denied") == .stateMismatch)
        for callback in [
            "state=\(state)", "state=\(state)&code=", "code=a&code=b&state=\(state)", "code=%zz&state=\(state)",
        ] {
            #expect(failure(callback) == .malformedCallback)
        }
        #expect(failure("code=c&state=\(state)&state=\(state)") == .malformedCallback)
        #expect(failure("code=c&state=\(state)", nil, Date().addingTimeInterval(601)) == .tooLate)
        #expect(
            failure("state=\(state)&error=access_denied&error_description=no%1B%5B2J")
                == .denied(code: "access_denied", description: "no [2J"))
        #expect(try pending.code(fromPasted: "  code_7\n") == "code_7")
        #expect(try pending.code(fromPasted: "http://127.0.0.1:1/callback?code=c&state=\(state)") == "c")
        #expect(throws: SignInError.stateMismatch) { try pending.code(fromPasted: "http://x/?code=c&state=y") }
        var dumped = ""
        dump(pending, to: &dumped)
        #expect(!dumped.contains(state))
        #expect(!"\(pending)".contains(state))
    }

    @Test func metadataOfAnotherServerIsRefused() async throws {
        let good: [String: QuotaJSON] = [
            "issuer": "https://other.example", "authorization_endpoint": "https://a/x", "token_endpoint": "https://a/y",
            "jwks_uri": "https://a/z",
        ]
        let world = try await Peer.shared.world(["GET /.well-known/openid-configuration": ["json": .object(good)]])
        await #expect(throws: SignInError.discovery("its issuer is another address")) {
            try await oauth(world).start()
        }
    }

    @Test func onlySafeRedirectURIsAreTaken() throws {
        for text in ["http://app.example/cb", "https://*.app.example/cb", "app.example", "https://a/#x", "myapp://cb"] {
            #expect(throws: QuotaConfigurationError.redirectURI(text)) {
                try QuotaOAuth(clientID: "c", redirectURI: text)
            }
        }
        for text in ["https://app.example/cb", "http://localhost:8080/cb", "http://127.0.0.1:1/cb"] {
            _ = try QuotaOAuth(clientID: "c", redirectURI: text)
        }
    }

    // MARK: - On this machine

    @Test func theBrowserComesBackToThisMachine() async throws {
        let world = try await Peer.shared.world()
        let native = NativeSignIn(clientID: "quota_client_cli", options: world.options)
        // A browser of its own: it goes on reading when the sign-in is done.
        let outcome = try await native.signIn(present: { url in await Task { await browse(url) }.value })
        #expect(outcome.signIn.identity?.subject == "user_1")
        let exchange = try #require(try await world.log().first { $0.endpoint == "POST /oauth/token" })
        #expect(!exchange.body.contains("client_secret"))
        #expect(exchange.body.contains("code_verifier="))
    }

    private func browse(_ url: String) async {
        do {
            let back = try await visit(url)
            let origin = back.prefix(while: { $0 != "?" })
            #expect(origin.hasPrefix("http://127.0.0.1:"))
            // What others on this machine send does not end it.
            for wrong in [
                "\(origin)?code=x&state=y", "\(origin)", "\(origin.dropLast())", "\(origin)?error=access_denied",
            ] {
                let answer = try await HTTPClient.shared.execute(HTTPClientRequest(url: wrong), timeout: .seconds(30))
                #expect([400, 404].contains(answer.status.code))
            }
            var rebound = HTTPClientRequest(url: back)
            rebound.headers.add(name: "Host", value: "evil.example")
            #expect(try await HTTPClient.shared.execute(rebound, timeout: .seconds(30)).status.code == 404)
            let answer = try await HTTPClient.shared.execute(HTTPClientRequest(url: back), timeout: .seconds(30))
            let page = String(buffer: try await answer.body.collect(upTo: 1 << 16))
            #expect(answer.status == .ok)
            #expect(page.contains("You are signed in"))
            #expect(answer.headers["Cache-Control"] == ["no-store"])
        } catch {
            Issue.record(error)
        }
    }

    @Test func aCodeMayBePasted() async throws {
        let world = try await Peer.shared.world()
        let native = NativeSignIn(clientID: "quota_client_cli", options: world.options)
        let (addresses, continuation) = AsyncStream.makeStream(of: String.self)
        let outcome = try await native.signIn(
            present: { url in
                // Nonsense first: the person is asked again.
                continuation.yield("not=this")
                continuation.yield((try? await visit(url)) ?? "")
                continuation.finish()
            },
            pasted: {
                for await address in addresses { return address }
                return nil
            })
        #expect(outcome.signIn.tokens.accessToken == "quota_token_1")
    }

    @Test func aDeniedSignInSaysSo() async throws {
        let world = try await Peer.shared.world([:], ["deny": true])
        let native = NativeSignIn(clientID: "quota_client_cli", options: world.options)
        await #expect(throws: SignInError.denied(code: "access_denied", description: "no [31m thanks")) {
            try await native.signIn(present: { url in
                guard let back = try? await visit(url) else { return }
                _ = try? await HTTPClient.shared.execute(HTTPClientRequest(url: back), timeout: .seconds(30))
            })
        }
    }
}
