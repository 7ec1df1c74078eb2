import Foundation
import ProcessSupport
import Testing

/// What the server does not take: each has its typed close, after an error frame that says why.
@Suite(.boundedCrowd) struct RefusalTests {
    private static let key = "sk-quota-refusal"
    private static let relay = Task { try await ServedRelay(keys: [key: 1_000_000_000, "sk-poor": 24_999]) }

    private func expectClose(
        _ code: Int, _ name: String, _ said: String, _ steps: [PeerClient.Step],
        sourceLocation: SourceLocation = #_sourceLocation
    ) async throws {
        let session = try await PeerClient.run(Self.relay.value.url, steps + [.wait("close")])
        #expect(session.closeCode == code, sourceLocation: sourceLocation)
        let reason = session.closeReason ?? ""
        #expect(reason.hasPrefix(name) || name.hasPrefix("close"), "\(reason)", sourceLocation: sourceLocation)
        #expect(reason.contains(said), "\(reason)", sourceLocation: sourceLocation)
        #expect(session.events.last?.type == "error", sourceLocation: sourceLocation)
        #expect(session.events.last?.message?.contains(said) == true, sourceLocation: sourceLocation)
    }

    struct Wrong: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let code: Int
        let name: String
        let said: String
        let steps: [PeerClient.Step]

        init(_ description: String, _ code: Int, _ name: String, _ said: String, _ steps: [PeerClient.Step]) {
            testDescription = description
            self.code = code
            self.name = name
            self.said = said
            self.steps = steps
        }
    }

    static let wrongs: [Wrong] = [
        Wrong("bad key", 4401, "INVALID_AUTH", "no such key", [.auth("sk-quota-other")]),
        Wrong("key with another's beginning", 4401, "INVALID_AUTH", "no such key", [.auth("sk-quota-refusa")]),
        Wrong("no key", 4401, "INVALID_AUTH", "no token", [.auth("x", ["token": NSNull()]), .sleep(0)]),
        Wrong("empty key", 4401, "INVALID_AUTH", "no token", [.auth("")]),
        Wrong("not an auth message", 4401, "INVALID_AUTH", "first frame", [.end]),
        Wrong("junk for auth", 4401, "INVALID_AUTH", "first frame", [.text("hello {")]),
        Wrong("a list for auth", 4401, "INVALID_AUTH", "first frame", [.text("[]")]),
        Wrong("no auth in time", 4401, "INVALID_AUTH", "10 s", [.wait("close")]),
        Wrong("audio before ready", 4415, "FORMAT_VIOLATION", "before", [.binary(640)]),
        Wrong("odd frame", 4415, "FORMAT_VIOLATION", "641", [.auth(key), .wait("ready"), .binary(641)]),
        Wrong("one byte", 4415, "FORMAT_VIOLATION", "1 bytes", [.auth(key), .wait("ready"), .binary(1)]),
        Wrong("too large", 4415, "FORMAT_VIOLATION", "65538", [.auth(key), .wait("ready"), .binary(65_538)]),
        Wrong("text junk", 4415, "FORMAT_VIOLATION", "JSON", [.auth(key), .wait("ready"), .text("hello")]),
        Wrong("no type", 4415, "FORMAT_VIOLATION", "type", [.auth(key), .wait("ready"), .text("{\"a\":1}")]),
        Wrong("unknown format", 4415, "FORMAT_VIOLATION", "pcm_16le", [.auth(key, ["format": "mp3"])]),
        Wrong("no format", 4415, "FORMAT_VIOLATION", "pcm_16le", [.auth(key, ["format": NSNull()])]),
        Wrong("unknown voice", 1008, "close", "nobody", [.auth(key, ["voice": "nobody"])]),
        Wrong("no voice", 1008, "close", "voice", [.auth(key, ["voice": NSNull()])]),
        Wrong("unknown model", 1008, "close", "model", [.auth(key, ["model": "elevenlabs/other"])]),
        Wrong("no duration", 1008, "close", "max_duration", [.auth(key, ["max_duration_seconds": NSNull()])]),
        Wrong("negative duration", 1008, "close", "max_duration", [.auth(key, ["max_duration_seconds": -5])]),
        Wrong("endless", 1008, "close", "max_duration", [.auth(key, ["max_duration_seconds": 1e300])]),
        Wrong(
            "time is up", 4408, "SESSION_TIMEOUT", "max_duration",
            [.auth(key, ["max_duration_seconds": 1]), .wait("ready")]),
        Wrong(
            "sound is up", 4408, "SESSION_TIMEOUT", "max_duration",
            [.auth(key, ["max_duration_seconds": 1]), .wait("ready"), .audio(16_001, frame: 16_001, speed: 0)]),
    ]

    @Test(arguments: wrongs) func isRefusedByName(_ wrong: Wrong) async throws {
        try await expectClose(wrong.code, wrong.name, wrong.said, wrong.steps)
    }

    @Test func aWalletThatIsTooSmallIsToldSo() async throws {
        let session = try await PeerClient.run(
            Self.relay.value.url, [.auth("sk-poor", ["max_duration_seconds": 10]), .wait("close")])
        let error = try #require(session.events.first)
        #expect(error.type == "error")
        #expect(error.code == "insufficient_credits")
        #expect(error.balance == 24_999)
        #expect(error.required == 25_000)
        #expect(session.closeCode == 4402)
        #expect(session.closeReason?.hasPrefix("BALANCE_EXHAUSTED") == true)
    }
}
