import Foundation
import ProcessSupport
import QuotaAPI
import Synchronization
import Testing
import VoiceRelay

/// Voice sessions through a real relay over a real WebSocket.
@Suite struct VoiceSessionTests {
    /// A relay in a process of its own: this one's threads may be busy with other tests for longer than a heartbeat.
    static func withRelay(
        credits: Int = 100_000_000, _ body: (QuotaClient) async throws -> Void
    ) async throws {
        let relay = try await ServedRelay(keys: ["sk-quota-good": credits])
        var options = QuotaOptions()
        options.baseURL = "http://127.0.0.1:\(relay.port)"
        try await body(try QuotaClient(.apiKey("sk-quota-good"), options: options))
        withExtendedLifetime(relay) {}
    }

    private func tone(seconds: Double) -> [UInt8] {
        (0..<Int(seconds * 16_000)).flatMap { index -> [UInt8] in
            let sample = Int16(8_000 * sin(2 * .pi * 150 * Double(index) / 16_000))
            return [UInt8(truncatingIfNeeded: sample), UInt8(truncatingIfNeeded: sample >> 8)]
        }
    }

    private final class Ears: Sendable {
        let bytes = Mutex(0)
        let ends = Mutex<[VoiceSessionEnd]>([])
    }

    @Test func soundGoesInAndComesOutWithABill() async throws {
        try await Self.withRelay { client in
            let session = try await client.connectVoiceConversion(VoiceSessionOptions(voice: "rachel"))
            #expect(session.reservedCredits == 600 * 2_500)
            #expect(!session.id.isEmpty)
            async let heard = session.audio.reduce(0) { $0 + $1.count }
            try await session.send(tone(seconds: 2))
            session.finish()
            let count = await heard
            #expect(count >= 2 * 32_000 - 16_000)
            #expect(count % 2 == 0)
            guard case .finished(let bill) = await session.end else {
                Issue.record("\(await session.end)")
                return
            }
            #expect(bill?.creditsUsed == 5_000)
            #expect(throws: VoiceSendError.ended) { try session.sendNow([0, 0]) }
        }
    }

    @Test func handlersHearSoundAndTheEndOnce() async throws {
        try await Self.withRelay { client in
            let session = try await client.connectVoiceConversion(VoiceSessionOptions(voice: "rachel"))
            let ears = Ears()
            let hearing = session.onAudio { piece in ears.bytes.withLock { $0 += piece.count } }
            let closing = session.onClose { end in ears.ends.withLock { $0.append(end) } }
            try session.sendNow(tone(seconds: 1))
            #expect(throws: VoiceSendError.oddLength) { try session.sendNow([1]) }
            session.finish()
            await hearing.value
            await closing.value
            #expect(ears.bytes.withLock { $0 } > 16_000)
            #expect(ears.ends.withLock { $0.count } == 1)
        }
    }

    @Test func closingIsHeard() async throws {
        try await Self.withRelay { client in
            let session = try await client.connectVoiceConversion(VoiceSessionOptions(voice: "rachel"))
            session.close()
            #expect(await session.end == .cancelled)
            for await _ in session.audio { Issue.record("sound after the end") }
        }
    }

    @Test func whatWaitsIsBounded() async throws {
        try await Self.withRelay { client in
            var options = VoiceSessionOptions(voice: "rachel")
            options.waitingBytesMax = 64_000
            let session = try await client.connectVoiceConversion(options)
            try session.sendNow(tone(seconds: 1.5))
            var taken = 0
            do throws(VoiceSendError) {
                while taken < 100 {
                    try session.sendNow(tone(seconds: 0.5))
                    taken += 1
                }
                Issue.record("never full")
            } catch {
                #expect(error == .full)
            }
            session.close()
        }
    }

    @Test func anEmptyWalletIsTyped() async throws {
        try await Self.withRelay(credits: 10) { client in
            do {
                _ = try await client.connectVoiceConversion(VoiceSessionOptions(voice: "rachel"))
                Issue.record("opened with an empty wallet")
            } catch let error as VoiceConnectError {
                guard case .session(.closed(.balanceExhausted, _)) = error.cause else {
                    Issue.record(error)
                    return
                }
                #expect(!error.description.contains("sk-quota"))
            }
        }
    }

    @Test func aRefusedKeyIsTypedAndNoServerToo() async throws {
        try await Self.withRelay { good in
            var options = QuotaOptions()
            options.baseURL = good.description.split(separator: "(")[1].split(separator: ",")[0].description
            let client = try QuotaClient(.apiKey("sk-quota-bad"), options: options)
            do {
                _ = try await client.connectVoiceConversion(VoiceSessionOptions(voice: "rachel"))
                Issue.record("opened with a wrong key")
            } catch let error as VoiceConnectError {
                guard case .session(.closed(.invalidAuth, _)) = error.cause else {
                    Issue.record(error)
                    return
                }
            }
        }
        var options = QuotaOptions()
        options.baseURL = "http://127.0.0.1:1"
        let client = try QuotaClient(.apiKey("sk-quota-good"), options: options)
        do {
            _ = try await client.connectVoiceConversion(VoiceSessionOptions(voice: "rachel"))
            Issue.record("connected to nothing")
        } catch let error as VoiceConnectError {
            #expect(error.cause == .unreachable)
        }
    }
}
