import Foundation
import ProcessSupport
import Testing

/// Devices behind a real sound server, in processes of their own, as ALSA finds it through the environment.
@Suite(.boundedCrowd) struct SoundSystemTests {
    private static let probe = ((Checkout.binary as NSString).deletingLastPathComponent as NSString)
        .appendingPathComponent("DeviceProbe")

    @Test func carriesSoundAndComesBackAfterTheDaemonHasDied() async throws {
        let system = try await SoundSystem()
        let probe = try system.run(Self.probe, ["vmic", "vspk", "20"])
        try await probe.wait(for: "two devices") { probe.outputSoFar.contains("opened playback vspk 48000 Hz") }
        let voice = try system.speak()
        try await probe.wait(for: "sound") { probe.outputSoFar.contains("\nsound\n") }
        // PipeWire mixes the speaker's two channels by 1/sqrt(2) each.
        let loudest = try await system.hear(440) { try await system.record("vspk", isSpeaker: true, seconds: 3) }
        #expect((0.1...0.43).contains(loudest), "\(loudest)")
        withExtendedLifetime(voice) {}

        try system.killDaemon()
        for direction in ["capture", "playback"] {
            try await probe.wait(for: "the loss", within: 60) {
                probe.outputSoFar.contains("\(direction) lost daemonGone")
            }
        }
        try system.restartDaemon()
        for direction in ["capture", "playback"] {
            try await probe.wait(for: "the recovery", within: 60) {
                probe.outputSoFar.contains("\(direction) recovered")
            }
        }
    }

    @Test func theCommandListsDevicesByNameAndMarksTheDefault() async throws {
        let system = try await SoundSystem()
        let command = try system.run(Checkout.binary, ["devices", "--json"])
        let result = try await command.result()
        #expect(result.status == 0)
        struct Row: Decodable {
            let name: String
            let direction: String
            let isDefault: Bool
            let channels: [Int]?
            let formats: [String]?
            let problem: String?
        }
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        let rows = try decoder.decode([Row].self, from: Data(result.output.utf8))
        for direction in ["capture", "playback"] {
            let defaults = rows.filter { $0.direction == direction && $0.isDefault }
            #expect(defaults.map(\.name) == ["default"])
            #expect(defaults.first?.problem == nil)
            let speaker = rows.first { $0.direction == direction && $0.name == "vspk" }
            #expect(speaker?.formats?.contains("float") == true)
        }
        let table = try await system.run(Checkout.binary, ["devices"]).result()
        #expect(table.output.contains("Microphones\n* default"))
        #expect(table.output.contains("  vmic  Virtual microphone\n"))
    }

    @Test func theCommandSaysWhatToDoWithoutASoundSystem() async throws {
        let scratch = try Scratch()
        let result = try await RunningProcess(
            Checkout.binary, ["devices", "--all"],
            environment: ["XDG_RUNTIME_DIR": scratch.path, "PULSE_SERVER": "unix:\(scratch("none"))"]
        ).result()
        #expect(result.status == 0)
        #expect(result.output.contains("start PipeWire or PulseAudio"))
    }
}
