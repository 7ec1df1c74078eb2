import Foundation
import ProcessSupport
import QuotaAPI
import Synchronization
import Testing

@Suite struct WebhookTests {
    private let secret = "whsec_test"

    private func body(
        id: String = "evt_1", type: String = "balance.low", created: String? = nil,
        data: String = #"{"user_id":"u","current_balance":5,"threshold":10,"new":[1]}"#
    ) -> Data {
        let created = created ?? Date().formatted(.iso8601)
        return Data(#"{"id":"\#(id)","type":"\#(type)","created_at":"\#(created)","data":\#(data)}"#.utf8)
    }

    /// By Python's hmac.
    private func sign(_ payload: Data) async throws -> String {
        let answer = try await Peer.shared.ask(
            "/_webhook", ["body": .string(String(decoding: payload, as: UTF8.self)), "secret": .string(secret)])
        return try #require(answer["signature"]?.string)
    }

    /// By openssl.
    private func signByOpenSSL(_ payload: Data) async throws -> String {
        let file = try Scratch()
        let text = try await Command.tool(
            ["openssl", "dgst", "-sha256", "-hmac", secret, file.write("payload", payload)])
        return String(try #require(text.split(whereSeparator: \.isWhitespace).last))
    }

    @Test func signaturesOfOthersAreGood() async throws {
        for payload in [body(), Data(), Data("{\"a\": \"ü\"}\n".utf8)] {
            let python = try await sign(payload)
            #expect(try await signByOpenSSL(payload) == python)
            #expect(verifyWebhookSignature(payload: payload, signature: python, secret: secret))
            #expect(verifyWebhookSignature(payload: payload, signature: python.uppercased(), secret: secret))
        }
    }

    @Test func everyOtherSignatureIsFalse() async throws {
        let payload = body()
        let good = try await sign(payload)
        var bad = [
            "", "x", good + "0", String(good.dropLast()), String(good.dropLast(2)), good + "00", "sha256=" + good,
            " " + good, String(repeating: "0", count: 64), String(repeating: "ü", count: 64),
            String(repeating: "z", count: 64), String(repeating: "0", count: 1_000_000), "\u{0}" + good.dropFirst(),
        ]
        for index in good.indices {
            var changed = good
            changed.replaceSubrange(index...index, with: good[index] == "0" ? "1" : "0")
            bad.append(changed)
        }
        for signature in bad {
            #expect(
                !verifyWebhookSignature(payload: payload, signature: signature, secret: secret),
                "\(signature.prefix(80))")
        }
        #expect(!verifyWebhookSignature(payload: payload + [0x20], signature: good, secret: secret))
        #expect(!verifyWebhookSignature(payload: payload, signature: good, secret: "whsec_other"))
        #expect(!verifyWebhookSignature(payload: payload, signature: good, secret: ""))
    }

    @Test func payloadsAreTypedAndUnknownOnesPassThrough() async throws {
        let cases: [(String, String, WebhookPayload)] = [
            (
                "user.connected", #"{"user_id":"u","connected_at":"t"}"#,
                .userConnected(try decode(#"{"user_id":"u","connected_at":"t"}"#))
            ),
            (
                "user.disconnected", #"{"user_id":"u","disconnected_at":"t"}"#,
                .userDisconnected(try decode(#"{"user_id":"u","disconnected_at":"t"}"#))
            ),
            (
                "balance.updated", #"{"user_id":"u","new_balance":-5,"amount_spent":7,"model":"m","endpoint":"/v1/x"}"#,
                .balanceUpdated(
                    try decode(#"{"user_id":"u","new_balance":-5,"amount_spent":7,"model":"m","endpoint":"/v1/x"}"#))
            ),
            (
                "usage.completed", #"{"user_id":"u","credits_used":9,"total_tokens":3}"#,
                .usageCompleted(try decode(#"{"user_id":"u","credits_used":9,"total_tokens":3}"#))
            ),
            ("moon.full", #"{"phase":1}"#, .other),
        ]
        for (type, data, payload) in cases {
            let bytes = body(type: type, created: "2026-01-02T03:04:05.678Z", data: data)
            let event = try parseWebhook(payload: bytes, signature: try await sign(bytes), secret: secret)
            #expect(event.payload == payload)
            #expect(event.type.rawValue == type)
            #expect(event.createdAt.timeIntervalSince1970.rounded() == 1_767_323_046)
        }
        let unknown = body(type: "moon.full", data: #"{"phase":1}"#)
        #expect(
            try parseWebhook(payload: unknown, signature: try await sign(unknown), secret: secret).data == ["phase": 1])
    }

    private func decode<Value: Decodable>(_ text: String) throws -> Value {
        try JSONDecoder().decode(Value.self, from: Data(text.utf8))
    }

    @Test func whatIsNoEventIsRefused() async throws {
        #expect(throws: WebhookError.badSignature) {
            try parseWebhook(payload: body(), signature: nil, secret: secret)
        }
        for bytes in [Data("[".utf8), Data("{}".utf8), body(created: "yesterday"), body(data: #"{"user_id":7}"#)] {
            let signature = try await sign(bytes)
            do {
                _ = try parseWebhook(payload: bytes, signature: signature, secret: secret)
                Issue.record("taken: \(String(decoding: bytes, as: UTF8.self))")
            } catch WebhookError.malformed {}
        }
    }

    private final class Seen: Sendable {
        let ids = Mutex<[String]>([])
        func add(_ id: String) { ids.withLock { $0.append(id) } }
    }

    @Test func handlersAreCalledByType() async throws {
        let seen = Seen()
        var handler = WebhookHandler(secret: secret)
        handler.on(.balanceLow) { seen.add("low \($0.id)") }
        handler.on(.balanceLow) { seen.add("again \($0.id)") }
        let plain = handler
        handler.onOther { seen.add("other \($0.type)") }
        let low = body()
        let moon = body(id: "evt_2", type: "moon.full", data: "{}")
        #expect(try await handler.handle(payload: low, signature: try await sign(low)) == .handled)
        #expect(try await handler.handle(payload: moon, signature: try await sign(moon)) == .handled)
        #expect(try await plain.handle(payload: moon, signature: try await sign(moon)) == .ignored)
        #expect(seen.ids.withLock { $0 } == ["low evt_1", "again evt_1", "other moon.full"])
    }

    @Test func aReplayIsHandledOnce() async throws {
        let seen = Seen()
        var handler = WebhookHandler(secret: secret)
        handler.on(.balanceLow) { seen.add($0.id) }
        let bytes = body()
        let signature = try await sign(bytes)
        let ready = handler
        let outcomes = try await withThrowingTaskGroup(of: WebhookHandler.Outcome.self) { group in
            for _ in 0..<50 { group.addTask { try await ready.handle(payload: bytes, signature: signature) } }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(outcomes.count { $0 == .handled } == 1)
        #expect(outcomes.count { $0 == .duplicate } == 49)
        #expect(seen.ids.withLock { $0 } == ["evt_1"])
        for days in [2.0, -1.0] {
            await #expect(throws: WebhookError.outOfTime) {
                try await ready.handle(
                    payload: bytes, signature: signature, now: Date().addingTimeInterval(days * 86_400))
            }
        }
    }

    private struct Broken: Error {}

    @Test func aDeliveryThatFailedMayComeAgain() async throws {
        let seen = Seen()
        var handler = WebhookHandler(secret: secret)
        handler.on(.balanceLow) { event in
            seen.add(event.id)
            if seen.ids.withLock({ $0.count }) == 1 { throw Broken() }
        }
        let bytes = body()
        let signature = try await sign(bytes)
        let ready = handler
        await #expect(throws: Broken.self) { try await ready.handle(payload: bytes, signature: signature) }
        #expect(try await ready.handle(payload: bytes, signature: signature) == .handled)
        #expect(try await ready.handle(payload: bytes, signature: signature) == .duplicate)
    }

    @Test func theMemoryOfEventsIsBounded() async {
        let store = InMemoryWebhookEventStore(countMax: 100)
        let later = Date().addingTimeInterval(1_000)
        for index in 0..<1_000 {
            #expect(await store.claim("evt_\(index)", until: later.addingTimeInterval(Double(index))))
        }
        #expect(await store.claim("evt_999", until: later) == false)
        #expect(await store.claim("evt_0", until: later))
    }
}
