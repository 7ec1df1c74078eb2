import Foundation
import ProcessSupport
import Testing
import VoiceVirtualMicrophone

/// A microphone of our own whose parts are taken away, that others would take away, or that hears itself.
@Suite(.boundedCrowd) struct MicrophoneLossTests {
    private static let probe = ((Checkout.binary as NSString).deletingLastPathComponent as NSString)
        .appendingPathComponent("DeviceProbe")

    private func pactl(_ system: SoundSystem, _ arguments: String...) async throws -> String {
        try await system.run("/usr/bin/pactl", arguments, adding: ["LC_ALL": "C"]).result().output
    }

    private func open(_ system: SoundSystem, _ name: String) async throws -> RunningProcess {
        let probe = try system.run(Self.probe, ["vmic", "microphone:\(name)", "20"])
        try await probe.wait(for: "the microphone") { probe.outputSoFar.contains("opened playback") }
        return probe
    }

    private func live(_ system: SoundSystem, _ name: String) async throws -> RunningProcess {
        let live = try system.run(
            Checkout.binary,
            ["live", "--local", "--voice", "none", "--input", "vmic", "--virtual-mic", name, "--json"])
        try await live.wait(for: "the session", within: 60) { live.outputSoFar.contains("\"status\"") }
        return live
    }

    /// The numbers of the modules that make a microphone, the source first.
    private func modules(_ system: SoundSystem, _ name: String) async throws -> [String] {
        try await pactl(system, "list", "short", "modules").split(separator: "\n")
            .filter { $0.contains("-\(name)") || $0.contains("source_name=\(name)") }
            .map { String($0.prefix { $0 != "\t" }) }.reversed()
    }

    private func count(_ text: String, in process: RunningProcess) -> Int {
        process.outputSoFar.components(separatedBy: text).count - 1
    }

    /// Whether anything but the tests' recorder is connected with the speaker.
    private func speakerIsUsed(_ system: SoundSystem) async throws -> Bool {
        let links = try await system.run("/usr/bin/pw-link", ["-l"]).result().output
        return links.components(separatedBy: "\n").contains { $0.contains("-> vspk:playback") }
    }

    @Test func isHeardByNobodyWhileItsPartsAreGoneAndComesBack() async throws {
        let system = try await SoundSystem()
        let probe = try await open(system, "loss")
        let voice = try system.speak(hertz: 600)
        try await probe.wait(for: "sound") { probe.outputSoFar.contains("\nsound\n") }
        for module in try await modules(system, "loss") { _ = try await pactl(system, "unload-module", module) }
        try await probe.wait(for: "the loss") { probe.outputSoFar.contains("playback lost") }
        #expect(probe.outputSoFar.contains("the sink of the virtual microphone is gone"))
        #expect(try await !speakerIsUsed(system))
        try await probe.wait(for: "the return") { probe.outputSoFar.contains("playback recovered") }
        #expect(try await !speakerIsUsed(system))
        try await system.wait(forSource: "loss")
        let loudest = try await system.hear(600) { try await system.record(microphone: "loss", seconds: 3) }
        #expect((0.1...0.305).contains(loudest), "\(loudest)")
        withExtendedLifetime(voice) {}
        probe.signal(SIGTERM)
        #expect(try await probe.result().status == 0)
        #expect(try await !pactl(system, "list", "short", "modules").contains("quota-voice"))
    }

    /// Nothing that is played into fails then; only a look tells.
    @Test func aSourceThatGoesAloneIsMadeAgain() async throws {
        let system = try await SoundSystem()
        let live = try await live(system, "alone")
        let source = try #require(try await modules(system, "alone").first)
        _ = try await pactl(system, "unload-module", source)
        try await live.wait(for: "the loss") { live.outputSoFar.contains("\"microphone_gone\"") }
        try await live.wait(for: "the return") { live.outputSoFar.contains("\"microphone_back\"") }
        try await system.wait(forSource: "alone")
        live.signal(SIGTERM)
        #expect(try await live.result().status == 143)
    }

    /// The server's modules live in pipewire-pulse, which may crash alone.
    @Test func comesBackWithPulse() async throws {
        let system = try await SoundSystem()
        let live = try await live(system, "pulse")
        try await system.replacePulse()
        try await live.wait(for: "the loss", within: 60) { live.outputSoFar.contains("speaker lost") }
        #expect(try await !speakerIsUsed(system))
        try await live.wait(for: "the return", within: 60) { live.outputSoFar.contains("speaker is back") }
        #expect(try await !speakerIsUsed(system))
        try await system.wait(forSource: "pulse")
        live.signal(SIGTERM)
        #expect(try await live.result().status == 143)
        #expect(try await !pactl(system, "list", "short", "modules").contains("quota-voice"))
    }

    /// The same program from elsewhere, as after an update during a session.
    @Test func aProgramFromAnotherPlaceLeavesItAlone() async throws {
        let system = try await SoundSystem()
        let scratch = try Scratch()
        let copy = scratch("DeviceProbe")
        // By a process of its own: what this one has just written can't be run while another of its children begins.
        try await Command.tool(["cp", Self.probe, copy])
        let living = try await open(system, "living")
        let other = try system.run(copy, ["vmic", "microphone:other", "20"])
        try await other.wait(for: "the other one") { other.outputSoFar.contains("opened playback") }
        try await system.wait(forSource: "living")
        try await system.wait(forSource: "other")
        #expect(!living.outputSoFar.contains("lost"))
    }

    /// As people do who want every program to use it.
    @Test func doesNotHearItselfWhenItBecomesTheDefault() async throws {
        let system = try await SoundSystem()
        let live = try await live(system, "self")
        _ = try await pactl(system, "set-default-source", "self")
        try await live.wait(for: "the notice") { live.outputSoFar.contains("\"microphone_heard_itself\"") }
        #expect(live.outputSoFar.contains("\"now\":\"vmic\""))
        let voice = try system.speak(hertz: 600)
        let loudest = try await system.hear(600) { try await system.record(microphone: "self", seconds: 5) }
        #expect((0.1...0.305).contains(loudest), "\(loudest)")
        withExtendedLifetime(voice) {}
        // The same again tells it again, and it stays a microphone of others.
        let link = try await system.run("/usr/bin/pw-link", ["-l"]).result().output
        #expect(link.contains("vmic:capture_MONO"))
        live.signal(SIGTERM)
        #expect(try await live.result().status == 143)
    }

    @Test func aSignalAtTheStartLeavesNothing() async throws {
        let system = try await SoundSystem()
        let live = try system.run(
            Checkout.binary, ["live", "--local", "--input", "vmic", "--virtual-mic", "early"])
        let deadline = ContinuousClock.now + .seconds(60)
        while try await !pactl(system, "list", "short", "modules").contains("-early") {
            try #require(ContinuousClock.now < deadline)
        }
        live.signal(SIGTERM)
        #expect(try await live.result().status == 143)
        #expect(try await !pactl(system, "list", "short", "modules").contains("quota-voice"))
    }

    /// Of two sessions the second one ends before it has made anything; what a crash has left goes with any session.
    @Test func leavesTheFirstSessionAloneAndTidiesUpAfterACrash() async throws {
        let system = try await SoundSystem()
        let first = try await live(system, "crashed")
        let second = try await system.run(
            Checkout.binary, ["live", "--local", "--input", "vmic", "--virtual-mic", "crashed"]
        ).result()
        #expect(second.status == 75)
        #expect(second.errors.contains("another session runs already"), "\(second.errors)")
        first.signal(SIGKILL)
        _ = try await first.result()
        try await system.wait(forSource: "crashed")
        let third = try await system.run(
            Checkout.binary, ["live", "--local", "--input", "vmic", "--output", "vspk", "--max-duration", "1"]
        ).result()
        #expect(third.status == 0, "\(third.errors)")
        try await system.wait(forSource: "crashed", isThere: false)
    }

    @Test func aNameThatWontDoIsToldByTheRightCode() async throws {
        let system = try await SoundSystem()
        func status(_ name: String) async throws -> Int32 {
            try await system.run(
                Checkout.binary, ["live", "--local", "--input", "vmic", "--virtual-mic", name]
            ).result().status
        }
        #expect(try await status("two words") == 64)
        #expect(try await status("vmic") == 73)
    }

    @Test func knowsTheOwnerOfASinkAndWhenAProcessBegan() throws {
        let owner = try #require(MicrophoneOwner(sink: "quota-voice-123-456-my-microphone"))
        #expect((owner.process, owner.start) == (123, 456))
        #expect(!owner.isAlive)
        #expect(MicrophoneOwner(sink: "quota-voice-123-mine") == nil)
        #expect(MicrophoneOwner(sink: "alsa_output.quota-voice-1-2-x") == nil)
        #expect(MicrophoneOwner.own.isAlive)
        func stat(_ state: String) -> String {
            "7 (a ) b (c) \(state) 1 7 7 0 -1 4194304 0 0 0 0 0 0 0 0 20 0 1 0 4242 1000 10\n"
        }
        #expect(MicrophoneOwner.start(stat: stat("S")) == 4_242)
        #expect(MicrophoneOwner.start(stat: stat("Z")) == nil)
        #expect(MicrophoneOwner.start(stat: "") == nil)
        #expect(MicrophoneOwner.start(stat: "7 (x) S 1") == nil)
    }
}
