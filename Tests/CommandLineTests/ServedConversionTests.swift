import Foundation
import ProcessSupport
import Testing

/// Both of our programs, as people run them: `serve` in one place, `convert` in another.
@Suite(.boundedCrowd) struct ServedConversionTests {
    @Test func aWholeConversion() async throws {
        let folder = try Scratch()
        let relay = try await ServedRelay(keys: ["sk-quota-served": 1_000_000])
        let sound = try WaveSound.speech("speech-female.wav", from: 0.5, seconds: 1.5)
        try sound.write(to: folder("in.wav"))
        for (voice, isSame) in [("none", true), ("rachel", false)] {
            let result = try await Command.quotaVoice(
                ["convert", "in.wav", "--voice", voice, "--relay", relay.url],
                environment: ["QUOTA_API_KEY": "sk-quota-served"], folder: folder.path)
            #expect(result.status == 0, "\(result.errors)")
            let answer = try WaveSound(file: folder("in.\(voice).wav"))
            #expect(answer.frames == sound.frames)
            let lag = Comparison.lag(of: answer.samples, behind: sound.samples, within: 300)
            #expect(!isSame || abs(lag) <= 1)
            #expect((Comparison.largestDifference(answer.samples, sound.samples) < 0.05) == isSame)
        }
    }

    @Test func aKeyThatTheServerDoesNotKnow() async throws {
        let folder = try Scratch()
        let relay = try await ServedRelay(keys: ["sk-quota-served": 1_000_000])
        try WaveSound.speech(seconds: 0.3).write(to: folder("in.wav"))
        let result = try await Command.quotaVoice(
            ["convert", "in.wav", "--relay", relay.url], environment: ["QUOTA_API_KEY": "sk-quota-stranger"],
            folder: folder.path)
        expectFailure(
            result, 77, saying: ["127.0.0.1:\(relay.port)", "no such key", "QUOTA_API_KEY"], leaving: ["in.wav"],
            in: folder)
        #expect(!result.errors.contains("stranger"))
    }

    @Test func aWalletThatIsEmpty() async throws {
        let folder = try Scratch()
        let relay = try await ServedRelay(keys: ["sk-quota-empty": 3])
        try WaveSound.speech(seconds: 0.3).write(to: folder("in.wav"))
        let result = try await Command.quotaVoice(
            ["convert", "in.wav", "--relay", relay.url], environment: ["QUOTA_API_KEY": "sk-quota-empty"],
            folder: folder.path)
        expectFailure(result, 80, saying: ["3 credits", "top up"], leaving: ["in.wav"], in: folder)
    }

    /// A relay's voices are its own, so it is the relay that refuses one.
    @Test func aVoiceThatTheServerDoesNotHave() async throws {
        let folder = try Scratch()
        let relay = try await ServedRelay(keys: ["sk-quota-served": 1_000_000])
        try WaveSound.speech(seconds: 0.3).write(to: folder("in.wav"))
        let result = try await Command.quotaVoice(
            ["convert", "in.wav", "--relay", relay.url, "--voice", "nobody"],
            environment: ["QUOTA_API_KEY": "sk-quota-served"], folder: folder.path)
        expectFailure(result, 64, saying: ["unknown voice nobody"], leaving: ["in.wav"], in: folder)
    }

    @Test func aServerThatIsStoppedInMidStream() async throws {
        let folder = try Scratch()
        let relay = try await ServedRelay(keys: ["sk-quota-served": 1_000_000])
        try WaveSound.speech(seconds: 5).repeated(6).write(to: folder("in.wav"))
        let process = try RunningProcess(
            Checkout.binary, ["convert", "in.wav", "--relay", relay.url],
            environment: ["QUOTA_API_KEY": "sk-quota-served"], folder: folder.path)
        try await process.wait(for: "a temporary file") { folder.files.contains { $0.hasSuffix(".part") } }
        try await pause(.milliseconds(500))
        relay.process.signal(SIGTERM)
        let result = try await process.result()
        expectFailure(result, 75, saying: ["shutting down", "try again"], leaving: ["in.wav"], in: folder)
        #expect(try await relay.process.result().status == 0)
    }

    @Test func aServerThatIsKilledInMidStream() async throws {
        let folder = try Scratch()
        let relay = try await ServedRelay(keys: ["sk-quota-served": 1_000_000])
        try WaveSound.speech(seconds: 5).repeated(6).write(to: folder("in.wav"))
        let process = try RunningProcess(
            Checkout.binary, ["convert", "in.wav", "--relay", relay.url],
            environment: ["QUOTA_API_KEY": "sk-quota-served"], folder: folder.path)
        try await process.wait(for: "a temporary file") { folder.files.contains { $0.hasSuffix(".part") } }
        try await pause(.milliseconds(500))
        relay.process.signal(SIGKILL)
        expectFailure(
            try await process.result(), 75, saying: ["connection broke", "try again"], leaving: ["in.wav"],
            in: folder)
    }
}
