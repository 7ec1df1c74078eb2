import Foundation
import ProcessSupport
import Testing

/// `quota-voice live` from a sound card to another, with the faults of real ones.
@Suite(.boundedCrowd) struct LiveTests {
    /// The microphone's ramp comes out of the speaker, and the session ends by itself.
    @Test func ownVoiceComesThrough() async throws {
        let cards = try await LiveCards()
        let process = try cards.live(["--local", "--bypass", "--max-duration", "6"])
        let result = try await process.result(within: 90)
        #expect(result.status == 0, "\(result.errors)")
        let status = process.lines.filter { $0.event == "status" }
        #expect(status.last?.heard == "own_voice" || status.last?.heard == "ownVoice")
        #expect(status.last?.input?.name == "mic")
        #expect((status.last?.delayMs?.measured ?? 0) > 0)
        let played = try cards.played()
        // A rising ramp, but where it begins again, and where the machine was too busy.
        let rising = zip(played, played.dropFirst(48)).count { $1 - $0 > 20 && $1 - $0 < 80 }
        #expect(played.count > 48_000)
        #expect(Double(rising) > 0.5 * Double(played.count), "\(rising) of \(played.count)")
    }

    @Test(arguments: [(SIGINT, Int32(130)), (SIGTERM, Int32(143)), (SIGHUP, Int32(129))])
    func aSignalEndsItCleanlyWithWholeRecordings(_ signal: Int32, _ status: Int32) async throws {
        let cards = try await LiveCards()
        let process = try cards.live(["--local", "--voice", "adam", "--record", "take.wav"])
        try await process.waitFor("two seconds of sound") { ($0.seconds ?? 0) > 2 }
        process.signal(signal)
        let result = try await process.result(within: 60)
        #expect(result.status == status, "\(result.errors)")
        for name in ["take.original.wav", "take.converted.wav"] {
            let sound = try WaveSound(file: cards.scratch(name))
            #expect(sound.frames > 24_000, "\(name)")
        }
        #expect(cards.scratch.files.allSatisfy { !$0.hasSuffix(".part") && !$0.hasSuffix(".sock") })
    }

    @Test func hotkeysDriveIt() async throws {
        let cards = try await LiveCards()
        let process = try cards.live(["--local"])
        try await process.waitFor("the session") { $0.event == "status" }
        let socket = cards.scratch("runtime/quota-voice.sock")
        let attributes = try FileManager.default.attributesOfItem(atPath: socket)
        #expect(attributes[.posixPermissions] as? Int == 0o600)
        #expect(try await cards.ctl("mute").status == 0)
        try await process.waitFor("mute") { $0.muted == true }
        #expect(try await cards.ctl("unmute").status == 0)
        #expect(try await cards.ctl("bypass").status == 0)
        try await process.waitFor("bypass") { $0.bypassed == true && $0.muted == false }
        #expect(try await cards.ctl("voice", "robot").status == 0)
        try await process.waitFor("the voice") { $0.event == "status" && $0.voice == "robot" }
        let status = try await cards.ctl("status")
        #expect(LiveLine.parse(status.output).first?.voice == "robot")
        let wrong = try await cards.ctl("voice", "nobody-at-all")
        #expect(wrong.status == 64)
        #expect(wrong.errors.contains("no voice is called"))
        #expect(try await cards.ctl("dance").status == 64)
        let second = try await cards.live(["--local"]).result(within: 60)
        #expect(second.status == 75)
        #expect(second.errors.contains("another session runs already"))
        #expect(try await cards.ctl("quit").status == 0)
        #expect(try await process.result(within: 60).status == 0)
        #expect(!cards.scratch.exists("runtime/quota-voice.sock"))
        #expect(try await cards.ctl("status").status == 66)
    }

    /// A session that is stopped answers nobody, and whoever asks it is told so.
    @Test func aStoppedSessionIsNotWaitedForWithoutEnd() async throws {
        let cards = try await LiveCards()
        let process = try cards.live(["--local"])
        try await process.waitFor("the session") { $0.event == "status" }
        process.signal(SIGSTOP)
        let result = try await Command.quotaVoice(["ctl", "status"], environment: cards.environment)
        #expect(result.status == 75)
        #expect(result.errors.contains("is it stopped?"))
        let second = try await cards.live(["--local"]).result(within: 60)
        #expect(second.status == 75)
        process.signal(SIGCONT)
        #expect(try await cards.ctl("quit").status == 0)
        #expect(try await process.result(within: 60).status == 0)
    }

    @Test(arguments: ["mic", "spk"])
    func anUnpluggedDeviceIsToldAndComesBack(_ card: String) async throws {
        let cards = try await LiveCards()
        let process = try cards.live(["--local"])
        try await process.waitFor("the session") { $0.event == "status" }
        try cards.fault(card, "unplugged")
        try await process.waitFor("the loss") { $0.event == "device" && $0.message?.contains("lost") == true }
        try cards.mend(card, "unplugged")
        try await process.waitFor("the return") { $0.event == "device" && $0.message?.contains("is back") == true }
        process.signal(SIGTERM)
        #expect(try await process.result(within: 60).status == 143)
    }

    /// The relay is killed and comes back: the user is told, and the session goes on.
    @Test func aLostRelayIsComeBackTo() async throws {
        let cards = try await LiveCards()
        let key = "sk-quota-live"
        let first = try await ServedRelay(keys: [key: 1_000_000_000])
        let process = try cards.live(["--relay", first.url, "--on-loss", "bypass"], key: key)
        try await process.waitFor("converted sound") { $0.heard == "converted" }
        first.process.signal(SIGKILL)
        try await process.waitFor("the loss") { $0.event == "lost" }
        try await process.waitFor("own voice") { $0.heard == "ownVoice" }
        let second = try await ServedRelay(keys: [key: 1_000_000_000], options: ["--port", "\(first.port)"])
        try await process.waitFor("the return") { $0.reconnects == 1 && $0.heard == "converted" }
        process.signal(SIGTERM)
        #expect(try await process.result(within: 60).status == 143)
        second.process.signal(SIGTERM)
    }

    @Test func whatCantBeginSaysWhy() async throws {
        let cards = try await LiveCards()
        let relay = try await ServedRelay(keys: ["sk-quota-rich": 1_000_000_000, "sk-quota-poor": 100])
        let refused = try await cards.live(["--relay", relay.url], key: "sk-quota-wrong").result(within: 60)
        #expect(refused.status == 77)
        #expect(refused.errorLines.count == 1, "\(refused.errors)")
        let poor = try await cards.live(["--relay", relay.url], key: "sk-quota-poor").result(within: 60)
        #expect(poor.status == 80)
        #expect(poor.errors.contains("top up"))
        let nowhere = try await cards.live(["--relay", "ws://127.0.0.1:1"], key: "sk-quota-rich").result(within: 60)
        #expect(nowhere.status == 69)
        let missing = try await Command.quotaVoice(
            ["live", "--local", "--input", "no-such-card", "--output", "spk"], environment: cards.environment)
        #expect(missing.status == 66, "\(missing.errors)")
        #expect(missing.errorLines.count == 1, "\(missing.errors)")
        let scratch = try Scratch()
        let silent = try await Command.quotaVoice(
            ["live", "--local", "--input", "pipewire", "--output", "pipewire"],
            environment: ["XDG_RUNTIME_DIR": scratch.path, "ALSA_CONFIG_PATH": "/usr/share/alsa/alsa.conf"])
        #expect(silent.status == 66, "\(silent.errors)")
        #expect(silent.errors.contains("the sound system behind pipewire is not running"))
    }

    @Test(arguments: [
        ["--gain", "50"], ["--gate", "3"], ["--max-duration", "0"], ["--latency", "quick"], ["--on-loss", "music"],
    ])
    func wrongOptionsAreRefused(_ words: [String]) async throws {
        let result = try await Command.quotaVoice(["live"] + words)
        #expect(result.status == 64)
    }
}
