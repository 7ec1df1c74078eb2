import Foundation
import ProcessSupport
import Testing

/// `quota-voice doctor` on sound cards that lack something.
@Suite(.boundedCrowd) struct DoctorFaultTests {
    private struct Report: Decodable {
        struct Finding: Decodable {
            let stage: String
            let verdict: String
            let sentence: String
            let figures: [String: Double]
        }

        let findings: [Finding]

        subscript(_ stage: String) -> Finding? { findings.first { $0.stage == stage } }
    }

    private func doctor(_ card: TestCard, _ words: [String]) throws -> RunningProcess {
        let scratch = try Scratch()
        return try RunningProcess(
            Checkout.binary, ["doctor", "--json", "--local"] + words,
            environment: [
                "ALSA_CONFIG_PATH": card.configurationFile, "XDG_RUNTIME_DIR": scratch.path,
                "PULSE_SERVER": "unix:\(scratch("none"))",
            ])
    }

    private func report(_ process: RunningProcess) async throws -> Report {
        let result = try await process.result()
        return try JSONDecoder().decode(Report.self, from: Data(result.output.utf8))
    }

    /// What the card has played that is no silence: about as long as six chirps.
    private func isChirped(_ card: TestCard, _ name: String) throws -> Bool {
        let chirped = try card.played(name).count { abs($0) > 30 }
        return (Int(4 * 0.08 * 48_000)...Int(6 * 0.08 * 48_000)).contains(chirped)
    }

    @Test func aSpeakerIsTestedWithoutAMicrophone() async throws {
        let card = try await TestCard(["spk": ""])
        let report = try await report(doctor(card, ["--input", "none-such", "--output", "spk"]))
        let stages = ["microphone", "speaker", "real-time", "playback", "round trip"]
        #expect(report.findings.map(\.stage) == stages)
        #expect(report["microphone"]?.verdict == "problem")
        #expect(report["playback"]?.verdict == "good")
        #expect(report["round trip"]?.sentence.contains("no microphone") == true)
        #expect(try isChirped(card, "spk"))
    }

    /// As a headset's microphone beside another card's speaker.
    @Test func chirpsGoBetweenDevicesOfDifferentRates() async throws {
        let card = try await TestCard(["mic": "rate_min 16000 rate_max 16000", "spk": ""])
        let report = try await report(doctor(card, ["--input", "mic", "--output", "spk"]))
        #expect(report["microphone"]?.figures["rate_hertz"] == 16_000)
        #expect(report["speaker"]?.figures["rate_hertz"] == 48_000)
        #expect(report["round trip"]?.figures["sent"] == 6)
        #expect(try isChirped(card, "spk"))
    }

    /// A standstill of the device makes what follows no later than what came before.
    @Test func soundThatWasLostIsNoLateness() async throws {
        let card = try await TestCard(["mic": "", "spk": ""])
        // In the middle of the six seconds that it listens.
        let stop = try card.stop("mic", onceFedBy: "spk")
        let process = try doctor(card, ["--input", "mic", "--output", "spk"])
        #expect(try await stop.result().status == 0)
        let finding = try #require(try await report(process)["scheduling"])
        #expect(finding.verdict == "warning")
        #expect((finding.figures["gaps"] ?? 0) >= 1, "\(finding.sentence)")
        #expect((200...2_000).contains(finding.figures["lost_ms"] ?? 0), "\(finding.sentence)")
        #expect((finding.figures["late_p50_ms"] ?? 99) < 20, "\(finding.sentence)")
    }
}
