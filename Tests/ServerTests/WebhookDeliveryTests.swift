import Foundation
import ProcessSupport
import QuotaAPI
import Testing
import VoiceServer

/// Webhooks from the server to a receiver that is not ours, their signatures judged by the client's own code.
@Suite(.boundedCrowd) struct WebhookDeliveryTests {
    /// A receiver that writes down what comes, and answers as its folder's `status` file says.
    private final class Receiver: Sendable {
        let process: RunningProcess
        let scratch: Scratch
        let port: Int

        struct Delivery: Decodable {
            let path: String
            let signature: String?
            let body: String
        }

        init() async throws {
            scratch = try Scratch()
            try scratch.write("status", "200")
            let script = """
                import http.server, json, os, sys
                folder = sys.argv[1]
                class Handler(http.server.BaseHTTPRequestHandler):
                    count = 0
                    def log_message(self, *_): pass
                    def do_POST(self):
                        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                        status = int(open(folder + "/status").read())
                        Handler.count += 1
                        name = f"{folder}/{Handler.count:04}.json"
                        with open(name + ".new", "w") as file:
                            json.dump({"path": self.path, "signature": self.headers["X-Quota-Signature"], "body": body}, file)
                        os.rename(name + ".new", name)
                        self.send_response(status)
                        if status == 302: self.send_header("Location", "/elsewhere")
                        self.send_header("Content-Length", "0")
                        self.end_headers()
                server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
                print(server.server_port, flush=True)
                server.serve_forever()
                """
            process = try RunningProcess(Checkout.python, ["-c", script, scratch.path])
            try await process.wait(for: "the receiver's port") { [process] in process.outputSoFar.hasSuffix("\n") }
            port = Int(process.outputSoFar.trimmingCharacters(in: .whitespacesAndNewlines)) ?? 0
        }

        var url: String { "http://127.0.0.1:\(port)/hook" }

        func deliveries() throws -> [Delivery] {
            try scratch.files.filter { $0.hasSuffix(".json") }.map {
                try JSONDecoder().decode(Delivery.self, from: scratch.read($0))
            }
        }

        func wait(for count: Int) async throws -> [Delivery] {
            try await process.wait(for: "\(count) deliveries") { try self.deliveries().count >= count }
            return try deliveries()
        }
    }

    private static let options = ["--webhooks-to-loopback", "--webhook-retry", "0.05"]
    private static let hello = #"{"model":"any","messages":[{"role":"user","content":"hello there"}]}"#

    @Test func deliveriesAreSignedRetriedAndLogged() async throws {
        let receiver = try await Receiver()
        let quota = ServedQuota(try await ServedRelay(keys: ["sk-x": 1], options: Self.options))
        let session = try await quota.register()
        let key = try await quota.key(session)
        let hook = try await quota.ask(
            "POST", "/v1/webhooks", session,
            json: #"{"url":"\#(receiver.url)","balance_low_threshold":1000000}"#)
        #expect(hook.status == 201)
        let secret = try #require(hook.string("secret"))
        let id = try #require(hook.string("id"))
        try receiver.scratch.write("status", "500")
        let chat = try await quota.ask("POST", "/v1/chat/completions", key, json: Self.hello)
        _ = try await receiver.wait(for: 4)
        try receiver.scratch.write("status", "200")
        var log = try await quota.ask("GET", "/v1/webhooks/\(id)/deliveries", session)
        for _ in 0..<1_000 where log.text.contains("pending") {
            try await Task.sleep(for: .milliseconds(50))
            log = try await quota.ask("GET", "/v1/webhooks/\(id)/deliveries", session)
        }
        let entries = try #require(log.value("deliveries") as? [[String: Any]])
        #expect(entries.count == 3)
        #expect(entries.allSatisfy { $0["state"] as? String == "delivered" })
        #expect(entries.contains { ($0["attempts"] as? Int ?? 0) > 1 })
        var types: Set<String> = []
        var ids: [String: String] = [:]
        for delivery in try receiver.deliveries() {
            let event = try parseWebhook(
                payload: Data(delivery.body.utf8), signature: delivery.signature, secret: secret)
            types.insert(event.type.rawValue)
            // Each event keeps its id, however often it comes.
            #expect(ids.updateValue(event.id, forKey: event.type.rawValue) ?? event.id == event.id)
            if case .usageCompleted(let usage) = event.payload {
                #expect(usage.creditsUsed == chat.number("quota.credits_used"))
                #expect(usage.totalTokens == chat.number("usage.total_tokens"))
            }
            if case .balanceLow(let low) = event.payload { #expect(low.threshold == 1_000_000) }
        }
        #expect(types == ["usage.completed", "balance.updated", "balance.low"])
        let first = try #require(entries.first?["id"] as? String)
        let before = try receiver.deliveries().count
        let again = try await quota.ask("POST", "/v1/webhooks/\(id)/deliveries/\(first)/redeliver", session)
        #expect(again.status == 202)
        _ = try await receiver.wait(for: before + 1)
        // The threshold was crossed once.
        _ = try await quota.ask("POST", "/v1/chat/completions", key, json: Self.hello)
        let rest = try await receiver.wait(for: before + 3)
        #expect(rest.suffix(2).allSatisfy { !$0.body.contains("balance.low") })
    }

    @Test func whatWaitsSurvivesTheServer() async throws {
        let receiver = try await Receiver()
        let folder = try Scratch()
        let options = Self.options + ["--data", folder("data")]
        try receiver.scratch.write("status", "503")
        let relay = try await ServedRelay(keys: ["sk-x": 1], options: options)
        let quota = ServedQuota(relay)
        let session = try await quota.register()
        let key = try await quota.key(session)
        _ = try await quota.ask(
            "POST", "/v1/webhooks", session, json: #"{"url":"\#(receiver.url)","events":["usage.completed"]}"#)
        _ = try await quota.ask("POST", "/v1/chat/completions", key, json: Self.hello)
        _ = try await receiver.wait(for: 1)
        relay.process.signal(SIGKILL)
        _ = try await relay.process.result()
        try receiver.scratch.write("status", "200")
        let before = try receiver.deliveries().count
        let next = try await ServedRelay(keys: ["sk-x": 1], options: options)
        let all = try await receiver.wait(for: before + 1)
        #expect(Set(all.map(\.body)).count == 1)
        #expect(!next.process.hasEnded)
    }

    @Test func aRedirectIsNotFollowed() async throws {
        let receiver = try await Receiver()
        let quota = ServedQuota(try await ServedRelay(keys: ["sk-x": 1], options: Self.options))
        let session = try await quota.register()
        let key = try await quota.key(session)
        try receiver.scratch.write("status", "302")
        _ = try await quota.ask(
            "POST", "/v1/webhooks", session, json: #"{"url":"\#(receiver.url)","events":["usage.completed"]}"#)
        _ = try await quota.ask("POST", "/v1/chat/completions", key, json: Self.hello)
        let all = try await receiver.wait(for: 2)
        #expect(all.allSatisfy { $0.path == "/hook" })
    }

    @Test(arguments: [
        "http://127.0.0.1/", "https://127.0.0.1/", "https://127.1.2.3/", "https://[::1]/", "https://10.1.2.3/",
        "https://192.168.1.1/", "https://172.16.0.1/", "https://169.254.169.254/latest", "https://0.0.0.0/",
        "https://[fe80::1]/", "https://[fd00::1]/", "https://[::ffff:10.0.0.1]/", "https://[::ffff:7f00:1]/",
        "https://[64:ff9b::a00:1]/", "https://100.64.0.1/", "https://224.0.0.1/", "https://255.255.255.255/",
        "https://[2002:7f00:1::]/", "https://[ff02::1]/", "http://example.com/", "ftp://example.com/",
        "https://u:p@example.com/", "https://", "example.com", "https://example.com/#a", "https://exa mple.com/",
    ]) func noWayIntoTheServersNetwork(_ url: String) {
        #expect(throws: DeliveryAddress.Refusal.self) {
            _ = try DeliveryAddress.check(url, allowsLoopback: false)
        }
    }

    @Test func loopbackNamesAreRefusedWhenTheyResolve() async throws {
        let folder = try Scratch()
        let relay = try await ServedRelay(
            keys: ["sk-x": 1], options: ["--webhook-retry", "0.05", "--data", folder("data")])
        let quota = ServedQuota(relay)
        let session = try await quota.register()
        let key = try await quota.key(session)
        let literal = try await quota.ask("POST", "/v1/webhooks", session, json: #"{"url":"https://127.0.0.1/"}"#)
        #expect(literal.string("error.code") == "invalid_url")
        let hook = try await quota.ask("POST", "/v1/webhooks", session, json: #"{"url":"https://localhost:1/"}"#)
        let id = try #require(hook.string("id"))
        _ = try await quota.ask("POST", "/v1/chat/completions", key, json: Self.hello)
        var log = ""
        for _ in 0..<200 where !log.contains("public address") {
            try await Task.sleep(for: .milliseconds(50))
            log = try await quota.ask("GET", "/v1/webhooks/\(id)/deliveries", session).text
        }
        #expect(log.contains("localhost does not have a public address"), "\(log)")
        // A key manages no webhooks.
        #expect(try await quota.ask("GET", "/v1/webhooks", key).status == 401)
    }
}
