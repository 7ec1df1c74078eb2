import Foundation
import ProcessSupport
import Testing

/// `quota-voice doctor` where sound comes back from the speaker, where it is muted, and where there is none.
@Suite(.boundedCrowd) struct DoctorTests {
    private struct Report: Decodable {
        struct Finding: Decodable {
            let stage: String
            let verdict: String
            let sentence: String
            let figures: [String: Double]
        }

        let isGood: Bool
        let findings: [Finding]

        subscript(_ stage: String) -> Finding? { findings.first { $0.stage == stage } }
    }

    private func report(_ result: ProcessResult) throws -> Report {
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        return try decoder.decode(Report.self, from: Data(result.output.utf8))
    }

    @Test func measuresTheWholeWay() async throws {
        let system = try await SoundSystem()
        let relay = try await ServedRelay(keys: ["sk-quota-test-doctor": 100])
        // The room: the speaker is heard by the microphone.
        try await system.wait(for: "a link from the speaker to the microphone") {
            try await system.run("/usr/bin/pw-link", ["vspk:monitor_FL", "vmic:playback_MONO"]).result().status == 0
        }
        let voice = try system.speak()
        let result = try await system.run(Checkout.binary, ["doctor", "--json", "--relay", relay.url]).result()
        withExtendedLifetime(voice) {}
        let report = try report(result)
        #expect(report.isGood, "\(result.output)")
        #expect(result.status == 0)
        let stages = [
            "microphone", "speaker", "real-time", "scheduling", "capture", "playback", "round trip", "relay",
        ]
        #expect(report.findings.map(\.stage) == stages)
        let trip = try #require(report["round trip"])
        #expect((trip.figures["heard"] ?? 0) >= 4, "\(trip.sentence)")
        // The buffers alone are 20 ms; how much more it is depends on how busy the machine is.
        #expect((10...400).contains(trip.figures["median_ms"] ?? 0), "\(trip.sentence)")
        #expect(report["relay"]?.sentence.contains("without TLS") == true)
    }

    @Test func saysThatTheMicrophoneIsMuted() async throws {
        let system = try await SoundSystem()
        let result = try await system.run(Checkout.binary, ["doctor", "--json", "--local", "--silent"]).result()
        let report = try report(result)
        #expect(!report.isGood)
        #expect(result.status == 69)
        #expect(report["capture"]?.sentence.contains("only zeros") == true)
        #expect(report["speaker"]?.verdict == "good")
        #expect(result.errors.contains("the sound stops at the capture"))
    }

    /// A microphone that is silent until it hears the speaker is no fault.
    @Test func chirpsThatAreHeardAcquitASilentMicrophone() async throws {
        let system = try await SoundSystem()
        let result = try await system.run(
            Checkout.binary, ["doctor", "--json", "--local", "--input", "vmic", "--output", "vmic"]
        ).result()
        let report = try report(result)
        #expect((report["round trip"]?.figures["heard"] ?? 0) > 0, "\(result.output)")
        #expect(report["capture"]?.verdict == "good", "\(result.output)")
        #expect(report.isGood, "\(result.output)")
        #expect(result.status == 0)
    }

    /// Something answers there, but it is not a relay.
    @Test func saysThatTheServerIsNotARelay() async throws {
        let scratch = try Scratch()
        let relay = try await ServedRelay(keys: ["sk-quota-test-doctor": 100])
        let result = try await RunningProcess(
            Checkout.binary, ["doctor", "--json", "--relay", relay.url + "/no/relay/here"],
            environment: ["XDG_RUNTIME_DIR": scratch.path, "PULSE_SERVER": "unix:\(scratch("none"))"]
        ).result()
        let finding = try #require(try report(result)["relay"])
        #expect(finding.verdict == "problem")
        #expect(finding.sentence.contains("404"), "\(finding.sentence)")
    }

    @Test func saysThatThereIsNoSoundSystemAndNoRelay() async throws {
        let scratch = try Scratch()
        let result = try await RunningProcess(
            Checkout.binary, ["doctor", "--relay", "ws://127.0.0.1:9"],
            environment: ["XDG_RUNTIME_DIR": scratch.path, "PULSE_SERVER": "unix:\(scratch("none"))"]
        ).result()
        #expect(result.status == 69)
        #expect(result.outputLines.count == 3)
        #expect(result.outputLines.allSatisfy { $0.hasPrefix("PROBLEM") })
        #expect(result.errors.contains("the sound stops at the microphone"))
    }
}
