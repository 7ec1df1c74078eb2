import Foundation
import ProcessSupport
import Testing

/// A server that is killed at any moment, and its ledger as SQLite's own command sees it.
@Suite(.boundedCrowd) struct CrashTests {
    private static let credits = 50_000_000
    private static let key = "sk-quota-crash"

    private func query(_ sql: String, _ folder: String) async throws -> [Substring] {
        try await Command.tool([
            "sqlite3", "-readonly", "-cmd", ".timeout 20000", "\(folder)/quota.sqlite", sql,
        ]).split(separator: "\n")
    }

    /// True at every commit, so also of what a killed process left behind.
    private func audit(_ folder: String) async throws {
        let sums = try await query(
            """
            SELECT COALESCE(SUM(amount), 0) FROM ledger_entries;
            SELECT COUNT(*) FROM ledger_transactions WHERE imbalance <> 0;
            SELECT COUNT(*) FROM ledger_accounts a WHERE balance <>
                (SELECT COALESCE(SUM(amount), 0) FROM ledger_entries WHERE account_id = a.id);
            SELECT (SELECT SUM(balance) FROM ledger_accounts WHERE kind = 'reserved') -
                (SELECT COALESCE(SUM(credits), 0) FROM reservations WHERE settled_at IS NULL);
            SELECT (SELECT balance FROM ledger_accounts WHERE kind = 'earned') -
                (SELECT COALESCE(SUM(used), 0) FROM reservations WHERE settled_at IS NOT NULL);
            SELECT (SELECT balance FROM ledger_accounts WHERE kind = 'sold') +
                (SELECT COALESCE(SUM(credits), 0) FROM checkouts WHERE state = 'paid' AND refunded_at IS NULL);
            PRAGMA integrity_check;
            SELECT COUNT(*) FROM pragma_foreign_key_check;
            """, folder)
        #expect(sums == ["0", "0", "0", "0", "0", "0", "ok", "0"])
    }

    @Test func noCreditIsLostDoubledOrLeaked() async throws {
        let folder = try Scratch()
        let data = folder("data")
        let options = ["--data", data]
        var sent = 0
        var sessions = 0
        for round in 0..<6 {
            let relay = try await ServedRelay(keys: [Self.key: Self.credits], options: options)
            // What the last server left open was settled before this one listened.
            #expect(try await query("SELECT COUNT(*) FROM reservations WHERE settled_at IS NULL", data) == ["0"])
            let steps: [PeerClient.Step] = [
                .auth(Self.key), .wait("ready"), .mark("in"), .audio(80_000), .close,
            ]
            // One ends by itself, so that settlements are among what is interrupted.
            let short: [PeerClient.Step] = [
                .auth(Self.key), .wait("ready"), .mark("in"), .audio(3_200 * (round + 1)), .end, .wait("close"),
            ]
            let clients = try PeerClient.start(relay.url, [steps, steps, short, steps])
            try await clients.wait(for: "the sessions") { clients.sessions(at: "in") == 4 }
            sessions += 4
            try await Task.sleep(for: .milliseconds(Int.random(in: 0...2_500)))
            relay.process.signal(SIGKILL)
            _ = try await relay.process.result()
            try await audit(data)
            sent += try await PeerClient.transcripts(clients).reduce(0) { $0 + $1.samplesSent }
        }
        let last = try await ServedRelay(keys: [Self.key: Self.credits], options: options)
        try await audit(data)
        let rows = try await query(
            """
            SELECT COUNT(*) FROM reservations WHERE settled_at IS NULL;
            SELECT COUNT(*) FROM reservations;
            SELECT SUM(used) FROM reservations;
            SELECT SUM(balance) FROM ledger_accounts WHERE kind = 'wallet';
            SELECT COUNT(*) FROM voice_sessions WHERE ended_at IS NULL;
            """, data)
        let numbers = rows.compactMap { Int($0) }
        try #require(numbers.count == 5)
        #expect(numbers[0] == 0)
        #expect(numbers[1] == sessions)
        #expect(numbers[3] == Self.credits - numbers[2])
        // Never more than was sent; each session's price is rounded up.
        #expect(numbers[2] <= sent * 2_500 / 16_000 + sessions)
        #expect(numbers[4] == 0)
        // The wallet still works, and has what the ledger says.
        let session = try await PeerClient.run(
            last.url, [.auth(Self.key, ["max_duration_seconds": 86_400]), .wait("close")])
        #expect(session.events.first?.balance == numbers[3])
    }

    /// Purchases, refunds and chats from several threads at once, and the plug pulled at any moment.
    @Test func allKindsOfMoneySurvive() async throws {
        let folder = try Scratch()
        let data = folder("data")
        let script = #"""
            import http.client, json, re, sys, threading, urllib.parse
            port, key = int(sys.argv[1]), sys.argv[2]
            def call(method, path, body=None, headers={}):
                connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
                connection.request(method, path, body, {"X-API-Key": key, **headers})
                answer = connection.getresponse()
                return answer, answer.read().decode()
            def said(method, path, body=None):
                text = call(method, path, json.dumps(body) if body else None, {"Content-Type": "application/json"})[1]
                return json.loads(text)
            told = set()
            def tell(word):
                if word not in told:
                    told.add(word)
                    print(word, flush=True)
            def spend():
                while True:
                    if "choices" in said("POST", "/v1/chat/completions", {
                        "model": "m", "messages": [{"role": "user", "content": "hello"}], "max_tokens": 20}):
                        tell("spent")
            def buy():
                while True:
                    made = said("POST", "/api/payments/checkout", {
                        "package_id": "pack_5", "success_url": "https://a.example/", "cancel_url": "https://a.example/"})
                    path = "/checkout/" + made["session_id"]
                    answer, page = call("GET", path)
                    cookie = answer.headers["Set-Cookie"].split(";")[0]
                    token = re.search('name="form_token" value="([^"]+)"', page).group(1)
                    call("POST", path + "/pay", urllib.parse.urlencode({"form_token": token}), {
                        "Cookie": cookie, "Content-Type": "application/x-www-form-urlencoded"})
                    if "error" not in said("POST", "/api/payments" + path + "/refund"):
                        tell("refunded")
            def until_it_ends(work):
                try: work()
                except (OSError, http.client.HTTPException): pass
            threads = [threading.Thread(target=until_it_ends, args=(work,)) for work in [spend, spend, buy, buy]]
            for thread in threads: thread.start()
            print("running", flush=True)
            for thread in threads: thread.join()
            """#
        for round in 0..<5 {
            let relay = try await ServedRelay(keys: [Self.key: Self.credits], options: ["--data", data])
            let open = "SELECT COUNT(*) FROM reservations WHERE settled_at IS NULL"
            #expect(try await query(open, data) == ["0"])
            let traffic = try RunningProcess(Checkout.python, ["-c", script, "\(relay.port)", Self.key])
            try await traffic.wait(for: "the traffic") { traffic.outputSoFar.contains("running") }
            // At any moment; in the end, however slow the machine, after one of each kind has happened.
            if round == 4 {
                try await traffic.wait(for: "money") {
                    traffic.outputSoFar.contains("spent") && traffic.outputSoFar.contains("refunded")
                }
            }
            try await Task.sleep(for: .milliseconds(Int.random(in: 200...1_500)))
            relay.process.signal(SIGKILL)
            _ = try await relay.process.result()
            let ended = try await traffic.result()
            #expect(ended.status == 0, "\(ended.errors)")
            try await audit(data)
        }
        let happened = try await query(
            """
            SELECT COUNT(*) > 0 FROM reservations WHERE used > 0;
            SELECT COUNT(*) > 0 FROM checkouts WHERE refunded_at IS NOT NULL;
            """, data)
        #expect(happened == ["1", "1"])
    }

    @Test func oneFolderHasOneServer() async throws {
        let folder = try Scratch()
        let first = try await ServedRelay(keys: [Self.key: 1], options: ["--data", folder("data")])
        let second = try await Command.quotaVoice(
            ["serve", "--port", "0", "--token-file", try folder.write("keys", "sk-x\n"), "--data", folder("data")])
        #expect(second.status == 73)
        #expect(second.errors.contains("another server"), "\(second.errors)")
        #expect(!first.process.hasEnded)
    }
}
