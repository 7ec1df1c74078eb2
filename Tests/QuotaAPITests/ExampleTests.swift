import AsyncHTTPClient
import Foundation
import NIOCore
import NIOHTTP1
import ProcessSupport
import QuotaAPI
import Testing

/// The examples as they are run, with a browser's requests.
@Suite struct ExampleTests {
    /// An example that runs, and a browser with its cookies.
    private actor Visit {
        let origin: String
        private let port: HeldPort
        private let process: ChildProcess
        private let http: HTTPClient
        private var cookie: String?

        init(_ name: String, _ world: World, callback: String) async throws {
            port = try HeldPort()
            origin = "http://127.0.0.1:\(port.number)"
            var configuration = HTTPClient.Configuration()
            configuration.redirectConfiguration = .disallow
            http = HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
            process = ChildProcess()
            process.executableURL = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
                .deletingLastPathComponent().appendingPathComponent(name)
            process.environment = [
                "PATH": "/usr/bin:/bin", "PORT": "\(port.number)", "QUOTA_BASE_URL": world.baseURL,
                "QUOTA_CLIENT_ID": "quota_client_1", "QUOTA_CLIENT_SECRET": "quota_secret_1",
                "QUOTA_WEBHOOK_SECRET": "whsec_1", "REDIRECT_URI": origin + callback,
            ]
            process.standardError = FileHandle.nullDevice
            process.standardOutput = FileHandle.nullDevice
            try process.run()
            while (try? await http.execute(HTTPClientRequest(url: origin + "/"), timeout: .seconds(5))) == nil {
                try #require(process.isRunning)
                try await Task.sleep(for: .milliseconds(50))
            }
        }

        func end() async throws {
            // The browser first: a server that ends waits for its open connections.
            try await http.shutdown()
            await withCheckedContinuation { continuation in
                Thread.detachNewThread { [process] in
                    process.terminate()
                    process.waitUntilExit()
                    continuation.resume()
                }
            }
        }

        func request(
            _ url: String, headers: [(String, String)] = [], body: String? = nil
        ) async throws -> (status: UInt, text: String, location: String?) {
            var request = HTTPClientRequest(url: url.hasPrefix("/") ? origin + url : url)
            for (name, value) in headers { request.headers.add(name: name, value: value) }
            if let cookie, url.hasPrefix("/") || url.hasPrefix(origin) {
                request.headers.add(name: "Cookie", value: cookie)
            }
            if let body {
                request.method = .POST
                request.body = .bytes(ByteBuffer(string: body))
            }
            let response = try await http.execute(request, timeout: .seconds(30))
            if let set = response.headers.first(name: "Set-Cookie") {
                cookie = set.split(separator: ";").first.map(String.init)
            }
            let text = String(buffer: try await response.body.collect(upTo: 1 << 20))
            return (response.status.code, text, response.headers.first(name: "Location"))
        }
    }

    /// A port that nobody else gets while this is there: a socket with SO_REUSEADDR, as servers have it, can be bound
    /// to it besides, and listen there, but none that takes just any port, and no outgoing connection.
    private final class HeldPort: Sendable {
        let number: Int
        private let descriptor: Int32

        deinit { close(descriptor) }

        init() throws {
            let held = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
            descriptor = held
            var yes: Int32 = 1
            setsockopt(held, SOL_SOCKET, SO_REUSEADDR, &yes, socklen_t(MemoryLayout<Int32>.size))
            var address = sockaddr_in()
            address.sin_family = sa_family_t(AF_INET)
            address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
            var length = socklen_t(MemoryLayout<sockaddr_in>.size)
            let isBound = withUnsafeMutablePointer(to: &address) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                    bind(held, address, length) == 0 && getsockname(held, address, &length) == 0
                }
            }
            number = Int(UInt16(bigEndian: address.sin_port))
            try #require(isBound)
        }
    }

    @Test func signingInShowsWhoAndTheBalance() async throws {
        let world = try await Peer.shared.world()
        let visit = try await Visit("SignInWithQuota", world, callback: "/auth/callback")
        #expect(try await visit.request("/").text.contains("Sign in with Quota"))
        let authorize = try #require(try await visit.request("/auth/login").location)
        let callback = try #require(try await visit.request(authorize).location)
        #expect(try await visit.request(callback.replacing("state=", with: "state=x")).status == 400)
        // That used the session up; the right address no longer helps.
        #expect(try await visit.request(callback).status == 400)
        let again = try #require(try await visit.request("/auth/login").location)
        let back = try #require(try await visit.request(again).location)
        #expect(try await visit.request(back).location == "/")
        #expect(try await visit.request("/").text.contains("Hello A, $5.00"))
        let bye = try await visit.request("/auth/logout").location
        #expect(bye?.hasPrefix(world.baseURL + "/oauth/logout?id_token_hint=") == true)
        #expect(try await world.count("POST /oauth/revoke") == 1)
        #expect(try await visit.request("/").text.contains("Sign in with Quota"))
        try await visit.end()
    }

    @Test func aConnectedWalletPays() async throws {
        let world = try await Peer.shared.world()
        let visit = try await Visit("ConnectQuotaWallet", world, callback: "/wallet/callback")
        let alice = [("X-User", "alice")]
        #expect(try await visit.request("/ask?q=abc", headers: alice).status == 403)
        let authorize = try #require(try await visit.request("/wallet/connect", headers: alice).location)
        #expect(!authorize.contains("openid"))
        let callback = try #require(try await visit.request(authorize).location)
        // Another user of the app can't take it.
        #expect(try await visit.request(callback, headers: [("X-User", "bob")]).status == 400)
        #expect(try await visit.request(callback, headers: alice).text == "connected\n")
        #expect(try await visit.request("/ask?q=abc", headers: alice).text == "cba\n")
        let event = """
            {"id":"evt_1","type":"balance.low","created_at":"\(Date().formatted(.iso8601))",\
            "data":{"user_id":"u","current_balance":1,"threshold":2}}
            """
        let signed = try await Peer.shared.ask("/_webhook", ["body": .string(event), "secret": "whsec_1"])
        let signature = [("X-Quota-Signature", signed["signature"]?.string ?? "")]
        #expect(try await visit.request("/webhooks/quota", headers: signature, body: event).status == 200)
        #expect(try await visit.request("/webhooks/quota", headers: signature, body: event + " ").status == 401)
        #expect(try await visit.request("/webhooks/quota", body: event).status == 401)
        try await visit.end()
    }
}
