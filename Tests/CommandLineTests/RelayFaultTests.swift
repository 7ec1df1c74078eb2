import Foundation
import ProcessSupport
import Testing

/// A relay that closes with every code there is, breaks the protocol, or goes away: each has its exit code and sentence.
@Suite(.boundedCrowd) struct RelayFaultTests {
    struct Fault: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let behaviour: PeerRelay.Case
        let status: Int32
        let parts: [String]

        static func close(
            _ code: Int, _ reason: String = "", at: String = "audio", error: [String: String]? = nil,
            gives status: Int32, _ parts: [String]
        ) -> Fault {
            Fault(
                testDescription: "close \(code) \(reason) at \(at)",
                behaviour: .init {
                    $0.fault = "close"
                    $0.code = code
                    $0.reason = reason
                    $0.at = at
                    $0.error = error
                }, status: status, parts: parts)
        }

        static func fault(
            _ name: String, at: String = "audio", _ status: Int32, _ parts: [String],
            _ change: (inout PeerRelay.Case) -> Void = { _ in }
        ) -> Fault {
            var behaviour = PeerRelay.Case()
            behaviour.fault = name
            behaviour.at = at
            change(&behaviour)
            return Fault(
                testDescription: "\(name) \(behaviour.text ?? "") at \(at)", behaviour: behaviour, status: status,
                parts: parts)
        }
    }

    static let closes: [Fault] = [
        .close(4401, at: "auth", gives: 77, ["key", "QUOTA_API_KEY"]),
        .close(4402, at: "auth", gives: 80, ["top up"]),
        .close(4402, gives: 80, ["top up"]),
        .close(4408, gives: 81, ["time limit", "split"]),
        .close(4415, gives: 76, ["format or pace", "report"]),
        .close(4502, gives: 75, ["lost its converter", "try again"]),
        .close(4504, gives: 75, ["heartbeat lost", "try again"]),
        // The name leads, whatever the number.
        .close(4999, "INVALID_AUTH: key revoked", gives: 77, ["key", "QUOTA_API_KEY"]),
        .close(1008, "BALANCE_EXHAUSTED", gives: 80, ["top up"]),
        .close(3000, "SESSION_TIMEOUT", gives: 81, ["time limit"]),
        .close(1003, "FORMAT_VIOLATION: odd", gives: 76, ["format or pace"]),
        .close(1011, "UPSTREAM_DISCONNECTED", gives: 75, ["lost its converter"]),
        .close(1000, "HEARTBEAT_LOST", gives: 75, ["heartbeat lost"]),
        // RFC 6455's own, and what nobody knows.
        .close(1000, gives: 75, ["before all sound was back", "try again"]),
        .close(1000, at: "ready", gives: 75, ["before all sound was back"]),
        .close(1001, gives: 75, ["going away", "try again"]),
        .close(1002, gives: 76, ["1002", "URL"]),
        .close(1008, "no such voice", at: "auth", gives: 64, ["refused the request", "no such voice"]),
        .close(1009, gives: 76, ["1009", "URL"]),
        .close(1011, "oops", gives: 75, ["failed", "oops", "try again"]),
        .close(1012, gives: 75, ["try again"]),
        .close(1013, at: "auth", gives: 75, ["busy", "try again"]),
        .close(3456, "strange", gives: 76, ["3456", "strange", "try again"]),
        .close(4999, "INVALID_AUTHORITY", gives: 76, ["4999", "INVALID_AUTHORITY"]),
        // The error frame explains the close.
        .close(
            4402, at: "auth", error: ["code": "insufficient_credits", "message": "balance 5, required 32500"],
            gives: 80,
            ["balance 5, required 32500", "top up"]),
        .close(
            4502, at: "end", error: ["code": "UPSTREAM_DISCONNECTED", "message": "gone"], gives: 75,
            ["gone", "try again"]),
        // What a relay says is shown on one line and can't paint the terminal.
        .close(1011, "two\nlines \u{1B}[31mred\u{7}", gives: 75, ["two", "lines", "try again"]),
    ]

    static let breakage: [Fault] = [
        .fault("abort", 75, ["connection broke", "try again"]),
        .fault("abort", at: "auth", 75, ["connection broke", "try again"]),
        .fault("abort", at: "end", 75, ["connection broke", "try again"]),
        .fault("silent", 75, ["heartbeat lost", "try again"]) { $0.heartbeatSeconds = 0.3 },
        .fault("silent", at: "end", 75, ["heartbeat lost", "try again"]) { $0.heartbeatSeconds = 0.3 },
        .fault("mute", at: "auth", 75, ["did not answer the handshake", "10 s"]),
        .fault("mute", at: "end", 75, ["no sound for 30 s", "try again"]),
        .fault("binary", 76, ["1 bytes"]) { $0.bytes = 1 },
        .fault("binary", 76, ["641 bytes"]) { $0.bytes = 641 },
        .fault("binary", 76, ["65538 bytes"]) { $0.bytes = 65_538 },
        .fault("binary", at: "auth", 76, ["before the session was ready"]) { $0.bytes = 640 },
        .fault("text", at: "auth", 76, ["not of the protocol"]) { $0.text = "{\"type\":" },
        .fault("text", 76, ["not of the protocol"]) { $0.text = "hello" },
        .fault("text", 76, ["not of the protocol"]) { $0.text = "[1,2]" },
        .fault("text", 76, ["not of the protocol"]) { $0.text = "{\"type\":7}" },
        .fault("text", at: "auth", 76, ["not of the protocol"]) { $0.text = "{\"type\":\"ready\"}" },
        .fault("text", 76, ["out of turn"]) { $0.text = "{\"type\":\"done\",\"seconds\":1}" },
        .fault("text", at: "auth", 76, ["out of turn"]) { $0.text = "{\"type\":\"done\"}" },
        .fault("text", 76, ["out of turn"]) { $0.text = "{\"type\":\"ready\",\"session_id\":\"x\"}" },
        .fault("text", at: "auth", 76, ["pcm_16le_16k_mono"]) {
            $0.text = "{\"type\":\"ready\",\"session_id\":\"x\",\"formats\":[\"opus_16k_mono\"]}"
        },
        .fault("short", at: "end", 75, ["0.7 s of 1.5 s", "try again"]) {
            $0.answerBytes = 65_536
            $0.samples = 12_000
        },
    ]

    @Test(arguments: closes + breakage) func endsWithItsCodeAndSentence(_ fault: Fault) async throws {
        let folder = try Scratch()
        let input = try WaveSound.speech(from: 1, seconds: 1.5).write(to: folder("in.wav"))
        let relay = try await PeerRelay.shared
        let key = try relay.key(fault.behaviour)
        let result = try await Command.quotaVoice(
            ["convert", input, "--relay", relay.url, "-o", folder("out.wav")], environment: ["QUOTA_API_KEY": key])
        expectFailure(
            result, fault.status, saying: fault.parts + ["127.0.0.1:\(relay.port)"], leaving: ["in.wav"], in: folder)
    }

    @Test func aRelayThatDiesInMidStream() async throws {
        let folder = try Scratch()
        let input = try WaveSound.speech(seconds: 1.5).write(to: folder("in.wav"))
        let relay = try await PeerRelay()
        let result = try await Command.quotaVoice(
            ["convert", input, "--relay", relay.url, "-o", folder("out.wav")],
            environment: ["QUOTA_API_KEY": relay.key(.init { $0.fault = "die" })])
        expectFailure(result, 75, saying: ["connection broke", "try again"], leaving: ["in.wav"], in: folder)
    }

    /// The sentence must not help to spread the key, also when the relay repeats it.
    @Test func aRelayThatRepeatsTheKey() async throws {
        let folder = try Scratch()
        let input = try WaveSound.speech(seconds: 0.5).write(to: folder("in.wav"))
        let relay = try await PeerRelay.shared
        let key = try relay.key(
            .init {
                $0.fault = "close"
                $0.code = 4401
                $0.error = ["code": "INVALID_AUTH", "message": "no such key: {token}!"]
            })
        let result = try await Command.quotaVoice(
            ["convert", input, "--relay", relay.url, "-o", folder("out.wav")], environment: ["QUOTA_API_KEY": key])
        expectFailure(result, 77, saying: ["no such key: [key]!", "QUOTA_API_KEY"], leaving: ["in.wav"], in: folder)
        #expect(!result.errors.contains(key.dropFirst("sk-quota-".count)), "\(result.errors)")
    }

    @Test(arguments: [
        (401, Int32(77)), (402, Int32(77)), (403, Int32(77)), (404, Int32(69)), (429, Int32(69)), (500, Int32(69)),
        (503, Int32(69)), (200, Int32(69)),
    ]) func anHTTPAnswerInsteadOfTheUpgrade(_ status: Int, _ code: Int32) async throws {
        let folder = try Scratch()
        let input = try WaveSound.speech(seconds: 0.2).write(to: folder("in.wav"))
        let relay = try await PeerRelay.shared
        let result = try await Command.quotaVoice(
            ["convert", input, "--relay", "\(relay.url)/v1?status=\(status)", "-o", folder("out.wav")],
            environment: ["QUOTA_API_KEY": "sk-quota-x"])
        expectFailure(result, code, saying: ["\(status)"], leaving: ["in.wav"], in: folder)
    }

    @Test func nobodyListens() async throws {
        let folder = try Scratch()
        let input = try WaveSound.speech(seconds: 0.2).write(to: folder("in.wav"))
        let (port, descriptor) = try unusedPort()
        defer { close(descriptor) }
        let result = try await Command.quotaVoice(
            ["convert", input, "--relay", "ws://127.0.0.1:\(port)", "-o", folder("out.wav")],
            environment: ["QUOTA_API_KEY": "sk-quota-x"])
        expectFailure(
            result, 69, saying: ["127.0.0.1:\(port)", "refused", "check"], leaving: ["in.wav"], in: folder)
    }

    @Test(arguments: [
        ("ws://192.0.2.1", "wss://"), ("ftp://127.0.0.1", "wss"), ("ws://127.0.0.1:99999", "99999"),
    ]) func aURLThatCantBeUsed(_ url: String, _ part: String) async throws {
        let folder = try Scratch()
        let input = try WaveSound.speech(seconds: 0.2).write(to: folder("in.wav"))
        let result = try await Command.quotaVoice(
            ["convert", input, "--relay", url, "-o", folder("out.wav")], environment: ["QUOTA_API_KEY": "sk-quota-x"])
        expectFailure(result, 64, saying: [part], leaving: ["in.wav"], in: folder)
    }

    /// A port that nobody else gets while the descriptor is open, and that nobody listens at.
    private func unusedPort() throws -> (port: UInt16, descriptor: Int32) {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = in_addr_t(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let done = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, length) == 0 && getsockname(descriptor, $0, &length) == 0
            }
        }
        guard done else { throw ProcessFailure("no free port") }
        return (UInt16(bigEndian: address.sin_port), descriptor)
    }
}
