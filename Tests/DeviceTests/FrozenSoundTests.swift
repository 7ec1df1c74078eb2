import Foundation
import ProcessSupport
import Testing

/// A sound server that stands still: nobody waits for it without end, and whoever asks is told that it is the server.
@Suite(.boundedCrowd) struct FrozenSoundTests {
    private struct Report: Decodable {
        struct Finding: Decodable {
            let stage: String
            let verdict: String
            let sentence: String
        }

        let findings: [Finding]
    }

    @Test func theListOfDevicesSaysWhichDoNotAnswer() async throws {
        let system = try await SoundSystem()
        try await system.freezeDaemon()
        let result = try await system.run(Checkout.binary, ["devices"]).result()
        #expect(result.status == 0)
        #expect(result.output.contains("  pulse"), "\(result.output)")
        #expect(result.output.contains("does not answer; restart PipeWire or PulseAudio"), "\(result.output)")
        #expect(result.output.contains("Speakers\n* default"), "\(result.output)")
    }

    @Test func theDoctorBlamesTheServerAndNoDevice() async throws {
        let system = try await SoundSystem()
        try await system.freezeDaemon()
        let result = try await system.run(Checkout.binary, ["doctor", "--json", "--local"]).result()
        #expect(result.status == 69)
        let findings = try JSONDecoder().decode(Report.self, from: Data(result.output.utf8)).findings
        let problem = try #require(findings.first { $0.verdict == "problem" })
        #expect(problem.sentence.contains("does not answer"), "\(problem.sentence)")
        #expect(!findings.contains { $0.sentence.contains("choose another") }, "\(result.output)")
    }

    /// It goes on while the session waits for it, and then nothing is left there.
    @Test func aSessionThatEndsMeanwhileTakesItsMicrophoneAway() async throws {
        let system = try await SoundSystem()
        let live = try system.run(
            Checkout.binary, ["live", "--local", "--input", "vmic", "--virtual-mic", "frozen", "--json"])
        try await live.wait(for: "the session", within: 60) { live.outputSoFar.contains("\"status\"") }
        try await system.freezeDaemon()
        try await system.end(live, thawingAfter: 4.5)
        #expect(try await live.result().status == 143)
        let modules = try await system.run("/usr/bin/pactl", ["list", "short", "modules"]).result()
        #expect(modules.status == 0)
        #expect(!modules.output.contains("quota-voice"), "\(modules.output)")
    }
}
