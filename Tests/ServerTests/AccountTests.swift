import Foundation
import ProcessSupport
import Testing

/// Accounts, keys and apps over HTTP.
@Suite(.boundedCrowd) struct AccountTests {
    private static let relay = Task { try await ServedRelay(keys: ["sk-file": 50_000]) }
    private var quota: ServedQuota { get async throws { ServedQuota(try await Self.relay.value) } }

    @Test func aPersonRegistersAndSignsIn() async throws {
        let quota = try await quota
        let email = "\(UUID().uuidString)@Test.Example"
        let first = try await quota.register(email)
        #expect(first.hasPrefix("sess_"))
        let again = try await quota.ask(
            "POST", "/auth/register", json: #"{"email":"\#(email.lowercased())","password":"another one"}"#)
        #expect(again.status == 409)
        #expect(again.string("error.code") == "email_taken")
        let wrong = try await quota.ask(
            "POST", "/auth/login", json: #"{"email":"\#(email)","password":"correct hors"}"#)
        let nobody = try await quota.ask("POST", "/auth/login", json: #"{"email":"no@x.example","password":"a"}"#)
        #expect(wrong.status == 401)
        // Nothing tells an address that exists from one that does not.
        #expect(wrong.text == nobody.text)
        let login = try await quota.ask(
            "POST", "/auth/login", json: #"{"email":"\#(email)","password":"correct horse"}"#)
        let second = try #require(login.string("session_token"))
        let me = try await quota.ask("GET", "/auth/me", second)
        #expect(me.string("user.email") == email.lowercased())
        #expect(me.number("user.balance") == 1_000_000)
        #expect(me.headers["cache-control"] == "no-store")
        #expect(try await quota.ask("POST", "/auth/logout", second).status == 200)
        #expect(try await quota.ask("GET", "/auth/me", second).string("error.code") == "invalid_token")
        #expect(try await quota.ask("GET", "/auth/me", first).status == 200)
    }

    @Test func aKeyIsShownOnceAndEndsWhenItIsDeleted() async throws {
        let quota = try await quota
        let session = try await quota.register()
        let made = try await quota.ask("POST", "/developers/keys", session, json: #"{"name":"one"}"#)
        #expect(made.status == 201)
        let key = try #require(made.string("key"))
        let id = try #require(made.string("id"))
        #expect(key.hasPrefix("sk-quota-"))
        let list = try await quota.ask("GET", "/developers/keys", session)
        #expect(list.text.contains(id))
        #expect(!list.text.contains(key))
        for header in ["Authorization: Bearer \(key)", "authorization: bearer \(key)", "X-API-Key: \(key)"] {
            #expect(try await quota.ask("GET", "/v1/me", headers: [header]).number("balance") == 1_000_000)
        }
        // Someone else can't end it, and does not learn that it exists.
        let other = try await quota.register()
        #expect(try await quota.ask("DELETE", "/developers/keys/\(id)", other).status == 404)
        // A key is no session, and a session no key.
        #expect(try await quota.ask("GET", "/developers/keys", key).string("error.code") == "invalid_api_key")
        #expect(try await quota.ask("GET", "/v1/me", session).string("error.code") == "invalid_token")
        #expect(try await quota.ask("DELETE", "/developers/keys/\(id)", session).status == 200)
        #expect(try await quota.ask("GET", "/v1/me", key).string("error.code") == "invalid_api_key")
        #expect(try await quota.ask("DELETE", "/developers/keys/\(id)", session).status == 404)
    }

    @Test func anAppHasASecretOnce() async throws {
        let quota = try await quota
        let session = try await quota.register()
        let made = try await quota.ask(
            "POST", "/developers/apps", session,
            json: #"{"name":"App","redirect_uris":["http://127.0.0.1:9/cb"],"allowed_scopes":["openid","email"]}"#)
        #expect(made.status == 201)
        let id = try #require(made.string("id"))
        #expect(made.string("client_id")?.hasPrefix("quota_client_") == true)
        let secret = try #require(made.string("client_secret"))
        #expect(try await !quota.ask("GET", "/developers/apps/\(id)", session).text.contains(secret))
        let changed = try await quota.ask(
            "PATCH", "/developers/apps/\(id)", session,
            json: #"{"post_logout_redirect_uris":["https://a.example/bye"],"allowed_scopes":["openid"]}"#)
        #expect(changed.string("name") == "App")
        #expect(changed.value("post_logout_redirect_uris") as? [String] == ["https://a.example/bye"])
        #expect(changed.value("allowed_scopes") as? [String] == ["openid"])
        let open = try await quota.ask(
            "POST", "/developers/apps", session,
            json: #"{"name":"P","redirect_uris":["https://a.example/"],"token_endpoint_auth_method":"none"}"#)
        #expect(open.status == 201)
        #expect(open.string("client_secret") == nil)
        let other = try await quota.register()
        #expect(try await quota.ask("GET", "/developers/apps/\(id)", other).status == 404)
        #expect(try await quota.ask("DELETE", "/developers/apps/\(id)", session).status == 200)
        #expect(try await quota.ask("GET", "/developers/apps/\(id)", session).status == 404)
    }

    @Test(arguments: [
        "http://a.example/cb", "https://a.example/*", "https://a.example/#x", "https://u:p@a.example/", "javascript:1",
        "//a.example/", "", "http://127.0.0.1.evil.example/", "http://localhost@evil.example/", "https://a.example/ x",
    ]) func redirectTricksAreRefused(_ uri: String) async throws {
        let quota = try await quota
        let session = try await quota.register()
        let answer = try await quota.ask(
            "POST", "/developers/apps", session, json: #"{"name":"A","redirect_uris":["\#(uri)"]}"#)
        #expect(answer.status == 400)
        #expect(answer.string("error.code") == "bad_request")
    }

    /// Whatever comes, the answer is a 4xx with the API's body.
    @Test(arguments: [
        "", "{", "[]", "null", "5", "\"x\"", "{\"email\":5,\"password\":7}", "{\"email\":null}",
        "{\"email\":\"a\",\"password\":\"12345678\"}", "{\"email\":\"a@b.c\",\"password\":\"short\"}",
        "{\"email\":\"a@b@c\",\"password\":\"12345678\"}", "{\"email\":\"a\\u0000@b.c\",\"password\":\"12345678\"}",
        "{\"email\":\"a@b.c\",\"password\":{\"$ne\":1}}", String(repeating: "[", count: 5_000), "\u{0}\u{1}",
    ]) func badBodiesAreNamed(_ body: String) async throws {
        let file = try Scratch()
        let answer = try await quota.ask(
            "POST", "/auth/register", headers: ["Content-Type: application/json"],
            options: ["--data-binary", "@" + file.write("body", body)])
        #expect(answer.status == 400)
        #expect(answer.string("error.code") == "bad_request")
        #expect(answer.string("error.message")?.isEmpty == false)
    }

    @Test func bodiesAreBounded() async throws {
        let file = try Scratch()
        let large = try file.write("large", Data(repeating: 32, count: 2 << 20))
        for more in [[], ["Transfer-Encoding: chunked"]] {
            let answer = try await quota.ask(
                "POST", "/auth/login", headers: ["Content-Type: application/json"] + more,
                options: ["--data-binary", "@" + large])
            #expect(answer.status == 413)
            #expect(answer.string("error.code") == "payload_too_large")
        }
        let form = try await quota.ask("POST", "/auth/login", options: ["-d", "email=a"])
        #expect(form.status == 415)
    }

    @Test(arguments: [
        "/v1/../auth/me", "/auth/%2e%2e/v1/me", "/v1/me%00", "/v1/me/..%2f", "/V1/me", "/v1/users/%ff", "/v1/users/%zz",
        "/v1/users/a/b", "/auth/register/", "/..;/v1/me", "/%2fv1%2fme",
    ]) func pathTricksFindNothing(_ path: String) async throws {
        let answer = try await quota.ask("GET", path, "sk-file")
        #expect([400, 401, 404, 405].contains(answer.status), "\(answer.status)")
        #expect(answer.string("error.code") != nil)
    }

    @Test func whoAsksTooOftenWaits() async throws {
        let relay = try await ServedRelay(keys: ["sk-file": 1], options: ["--requests-per-minute", "60"])
        // By one process and over one connection: a slow machine must not make it the patient client.
        let url = "http://127.0.0.1:\(relay.port)/v1/packages?n=[1-300]"
        let answers = try await Command.tool(["curl", "-sS", "-i", url]).components(separatedBy: "HTTP/1.1 ")
            .dropFirst()
        #expect(answers.count == 300)
        let refused = try #require(answers.first { !$0.hasPrefix("200 ") })
        #expect(refused.hasPrefix("429 "))
        #expect(refused.contains(#""code":"rate_limit_exceeded""#), "\(refused)")
        let seconds = try #require(refused.firstMatch(of: /(?i)\r\nretry-after: (\d+)\r\n/)).output.1
        #expect((1...60).contains(Int(seconds) ?? 0))
    }

    @Test func otherOriginsMayAskWithoutCookies() async throws {
        let quota = try await quota
        let preflight = try await quota.ask(
            "OPTIONS", "/v1/me",
            headers: ["Origin: https://app.example", "Access-Control-Request-Method: GET"])
        #expect(preflight.status == 204)
        #expect(preflight.headers["access-control-allow-headers"]?.contains("Authorization") == true)
        let refused = try await quota.ask("GET", "/v1/me", headers: ["Origin: https://app.example"])
        #expect(refused.status == 401)
        #expect(refused.headers["access-control-allow-origin"] == "*")
        #expect(refused.headers["access-control-allow-credentials"] == nil)
        #expect(try await quota.ask("GET", "/v1/me").headers["access-control-allow-origin"] == nil)
    }

    @Test func itIsAliveReadyAndCounted() async throws {
        let quota = try await quota
        #expect(try await quota.ask("GET", "/healthz").text == "ok\n")
        #expect(try await quota.ask("GET", "/readyz").text == "ready\n")
        _ = try await quota.ask("GET", "/v1/users/someone-secret", "sk-file")
        let metrics = try await quota.ask("GET", "/metrics").text
        #expect(metrics.contains("# TYPE quota_voice_http_requests_total counter"))
        #expect(metrics.contains(#"route="/v1/users/{external_user_id}",status="404"}"#), "\(metrics)")
        #expect(!metrics.contains("someone-secret"))
        #expect(metrics.contains("quota_voice_reservations_open 0"))
    }
}
