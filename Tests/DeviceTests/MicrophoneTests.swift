import Foundation
import ProcessSupport
import Testing
import VoiceVirtualMicrophone

/// A microphone of our own on a real sound server, heard by programs that are not ours.
@Suite(.boundedCrowd) struct MicrophoneTests {
    private static let probe = ((Checkout.binary as NSString).deletingLastPathComponent as NSString)
        .appendingPathComponent("DeviceProbe")

    private func output(_ system: SoundSystem, _ arguments: [String]) async throws -> String {
        try await system.run("/usr/bin/pactl", arguments).result().output
    }

    private func open(_ system: SoundSystem, _ name: String) async throws -> RunningProcess {
        let probe = try system.run(Self.probe, ["vmic", "microphone:\(name)", "20"])
        try await probe.wait(for: "the microphone") { probe.outputSoFar.contains("opened playback") }
        return probe
    }

    @Test func isASourceThatOthersHearAndGoesAwayWithItsOwner() async throws {
        let system = try await SoundSystem()
        let probe = try await open(system, "spoken.voice")
        try await system.wait(forSource: "spoken.voice")
        let voice = try system.speak(hertz: 600)
        try await probe.wait(for: "sound") { probe.outputSoFar.contains("\nsound\n") }
        let loudest = try await system.hear(600) { try await system.record(microphone: "spoken.voice", seconds: 3) }
        // Mono all the way: what went in at 0.3 comes out at 0.3, unless a busy machine leaves holes.
        #expect((0.1...0.305).contains(loudest), "\(loudest)")
        withExtendedLifetime(voice) {}

        probe.signal(SIGTERM)
        #expect(try await probe.result().status == 0)
        try await system.wait(forSource: "spoken.voice", isThere: false)
        #expect(try await !output(system, ["list", "short", "modules"]).contains("quota-voice"))
    }

    /// The whole way: a voice goes in at one microphone, `live` is another one, and a recorder that is not ours hears it.
    @Test func liveIsAMicrophoneForOthers() async throws {
        let system = try await SoundSystem()
        let live = try system.run(
            Checkout.binary, ["live", "--local", "--voice", "none", "--input", "vmic", "--virtual-mic", "spoken.live"])
        try await live.wait(for: "the session") { (live.outputSoFar + live.errorsSoFar).contains("delay") }
        try await system.wait(forSource: "spoken.live")
        let voice = try system.speak(hertz: 600)
        let loudest = try await system.hear(600) { try await system.record(microphone: "spoken.live", seconds: 5) }
        #expect((0.1...0.305).contains(loudest), "\(loudest)")
        withExtendedLifetime(voice) {}

        live.signal(SIGINT)
        #expect(try await live.result().status == 130)
        try await system.wait(forSource: "spoken.live", isThere: false)
    }

    /// Where `pactl` is not installed, PipeWire's own tool does it; what it leaves behind goes as well.
    @Test func withoutPactlItIsASourceAllTheSame() async throws {
        let system = try await SoundSystem()
        let tools = try Scratch()
        for tool in ["pw-cli", "pw-loopback"] {
            try FileManager.default.createSymbolicLink(atPath: tools(tool), withDestinationPath: "/usr/bin/\(tool)")
        }
        func open(_ name: String) async throws -> RunningProcess {
            let probe = try system.run(
                Self.probe, ["vmic", "microphone:\(name)", "20"], adding: ["PATH": tools.path])
            try await probe.wait(for: "the microphone", within: 60) { probe.outputSoFar.contains("opened playback") }
            return probe
        }
        let crashed = try await open("tool.first")
        let voice = try system.speak(hertz: 600)
        try await crashed.wait(for: "sound", within: 60) { crashed.outputSoFar.contains("\nsound\n") }
        let loudest = try await system.hear(600) { try await system.record(microphone: "tool.first", seconds: 3) }
        #expect((0.1...0.305).contains(loudest), "\(loudest)")
        withExtendedLifetime(voice) {}

        crashed.signal(SIGKILL)
        _ = try await crashed.result()
        // Whoever makes the next microphone on this machine takes it away: another check may have come first.
        let next = try await open("tool.second")
        try await system.wait(forSource: "tool.first", isThere: false)
        try await system.wait(forSource: "tool.second")
        next.signal(SIGTERM)
        #expect(try await next.result().status == 0)
        try await system.wait(forSource: "tool.second", isThere: false)
    }

    @Test func knowsItsOwnToolsByTheirCommandLine() {
        #expect(
            MicrophoneTool.owner(commandLine: "/usr/bin/pw-loopback\0-n\0quota-voice-123-mine\0-m\0[ MONO ]\0") == 123)
        #expect(MicrophoneTool.owner(commandLine: "pw-loopback\0-m\0[ MONO ]\0") == nil)
        #expect(MicrophoneTool.owner(commandLine: "vi\0-n\0quota-voice-123-mine\0") == nil)
        #expect(MicrophoneTool.owner(commandLine: "") == nil)
    }

    @Test func leftoversOfACrashGoWhenTheNextOneIsMadeAndTheLivingStay() async throws {
        let system = try await SoundSystem()
        let crashed = try await open(system, "first")
        let living = try await open(system, "second")
        crashed.signal(SIGKILL)
        _ = try await crashed.result()
        try await system.wait(forSource: "first")
        let next = try await open(system, "third")
        try await system.wait(forSource: "first", isThere: false)
        try await system.wait(forSource: "second")
        try await system.wait(forSource: "third")
        let refused = try await system.run(Self.probe, ["vmic", "microphone:second"]).result()
        #expect(refused.output.contains("there is a microphone named second already"))
        withExtendedLifetime((living, next)) {}
    }

    @Test func comesBackWithTheSoundServer() async throws {
        let system = try await SoundSystem()
        let probe = try await open(system, "again")
        try system.killDaemon()
        try await probe.wait(for: "the loss", within: 60) { probe.outputSoFar.contains("playback lost") }
        try system.restartDaemon()
        try await probe.wait(for: "the recovery", within: 60) { probe.outputSoFar.contains("playback recovered") }
        try await system.wait(forSource: "again")
    }

    @Test func saysWhatToInstallWhereNothingIs() async throws {
        let scratch = try Scratch()
        let result = try await RunningProcess(
            Self.probe, ["null", "microphone:lonely"],
            environment: ["XDG_RUNTIME_DIR": scratch.path, "PULSE_SERVER": "unix:\(scratch("none"))"]
        ).result()
        #expect(result.status == 1)
        #expect(result.output.contains("modprobe snd-aloop"))
    }

    @Test func findsTheKernelsLoopbackCardByItsDriver() {
        let cards = """
             0 [PCH            ]: HDA-Intel - HDA Intel PCH
                                  HDA Intel PCH at 0xf7e10000 irq 31
             1 [Loop           ]: Loopback - Loopback
                                  Loopback 1
            """
        #expect(LoopbackCard.find(cards: cards)?.playbackName == "hw:CARD=Loop,DEV=0")
        #expect(LoopbackCard.find(cards: cards)?.otherEnd == "hw:CARD=Loop,DEV=1")
        #expect(LoopbackCard.find(cards: " 0 [PCH            ]: HDA-Intel - HDA Intel PCH") == nil)
    }
}
