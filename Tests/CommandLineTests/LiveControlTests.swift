import Foundation
import ProcessSupport
import Testing

/// `quota-voice ctl` when more than one asks, or the session can't do what is asked.
@Suite(.boundedCrowd) struct LiveControlTests {
    private static let key = "sk-quota-live-control"

    /// The own voice is heard while the relay stands still, and whoever mutes must not be held up by a request for a
    /// voice that the relay does not answer.
    @Test func aMuteDoesNotWaitForAVoice() async throws {
        let cards = try await LiveCards()
        let relay = try await ServedRelay(keys: [Self.key: 1_000_000_000])
        let process = try cards.live(["--relay", relay.url, "--on-loss", "bypass"], key: Self.key)
        try await process.waitFor("converted sound") { $0.heard == "converted" }
        relay.process.signal(SIGSTOP)
        try await process.waitFor("own voice") { $0.heard == "ownVoice" }
        // By one process: three may take longer to begin than the session waits for its relay.
        let script = """
            import os, select, socket, time
            def ask(words):
                one = socket.socket(socket.AF_UNIX)
                one.connect(os.environ["XDG_RUNTIME_DIR"] + "/quota-voice.sock")
                one.sendall(words)
                return one
            voice = ask(b"voice adam\\n")
            # Long enough for the request to be there first; a shorter pause makes the test weaker, not wrong.
            time.sleep(0.3)
            print(ask(b"mute\\n").recv(100).decode(), end="")
            print(ask(b"status\\n").recv(100).decode()[:1])
            print("answered" if select.select([voice], [], [], 0)[0] else "waits")
            print(voice.recv(1000).decode(), end="")
            """
        let asked = try await Command.run("/usr/bin/python3", ["-c", script], environment: cards.environment)
        #expect(asked.outputLines.prefix(3) == ["ok", "{", "waits"], "\(asked.output)\(asked.errors)")
        #expect(asked.output.contains("error 75: the relay has not answered yet"), "\(asked.output)")
        try await process.waitFor("mute") { $0.muted == true }
        // Later than the session's own limit, sooner than the client's.
        let answer = try await cards.ctl("voice", "bella")
        #expect(answer.status == 75)
        #expect(answer.errors.contains("the relay has not answered yet"), "\(answer.errors)")
        relay.process.signal(SIGCONT)
        #expect(try await cards.ctl("quit").status == 0)
        #expect(try await process.result(within: 60).status == 0)
    }

    /// Those that say nothing, as many as there may be, keep nobody out for longer than their second.
    @Test func clientsThatSayNothingKeepNobodyOut() async throws {
        let cards = try await LiveCards()
        let process = try cards.live(["--local"])
        try await process.waitFor("the session") { $0.event == "status" }
        let script = """
            import os, socket, time
            def told():
                silent = [socket.socket(socket.AF_UNIX) for _ in range(20)]
                for one in silent: one.connect(os.environ["XDG_RUNTIME_DIR"] + "/quota-voice.sock")
                # Those beyond the limit are told so, the others end after a second.
                answers = [one.recv(100).decode() for one in silent]
                return sum(answer.startswith("error 75: too many") for answer in answers)
            # Where the machine stands still for that second, the first have gone when the last come.
            counts = [told()]
            while counts[-1] < 4 and len(counts) < 5: counts.append(told())
            print(counts[-1])
            """
        let silent = try await Command.run(
            "/usr/bin/python3", ["-c", script], environment: cards.environment, within: 60)
        #expect(silent.output == "4\n", "\(silent.output)\(silent.errors)")
        #expect(try await cards.ctl("status").status == 0)
        #expect(try await cards.ctl("quit").status == 0)
        #expect(try await process.result(within: 60).status == 0)
    }

    @Test func aSessionThatCanNotBeReachedSaysSo() async throws {
        let cards = try await LiveCards()
        let process = try RunningProcess(
            Checkout.binary,
            ["live", "--local", "--input", "mic", "--output", "spk", "--max-duration", "1", "--guest"],
            environment: ["ALSA_CONFIG_PATH": cards.scratch("asound.conf")], folder: cards.scratch.path)
        let result = try await process.result(within: 60)
        #expect(result.status == 0, "\(result.errors)")
        #expect(result.errors.contains("XDG_RUNTIME_DIR is not set; quota-voice ctl won't reach"), "\(result.errors)")
    }
}
