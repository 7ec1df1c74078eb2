import Foundation
import ProcessSupport
import Testing

/// What is spoken once is not lost: recordings of `quota-voice live`, and readers of its events that stop reading.
@Suite(.boundedCrowd) struct LiveRecordingTests {
    private func shell(_ cards: LiveCards, _ script: String) throws -> RunningProcess {
        try RunningProcess(
            "/bin/sh", ["-c", script, Checkout.binary], environment: cards.environment, folder: cards.scratch.path)
    }

    /// The limit of a file's size stands for a disk that gets full: both end in a write that fails.
    @Test func aDiskThatGetsFullKeepsWhatCameBefore() async throws {
        let cards = try await LiveCards()
        let process = try shell(
            cards,
            """
            trap '' XFSZ; ulimit -f 500
            exec "$0" live --local -i mic -o spk --json --record take.wav
            """)
        try await process.waitFor("the failure") { $0.event == "recording_failed" }
        try await process.waitFor("that the session goes on") { ($0.seconds ?? 0) > 4 }
        #expect(try await cards.ctl("quit").status == 0)
        let result = try await process.result(within: 60)
        #expect(result.status == 74, "\(result.errors)")
        let failures = process.lines.filter { $0.event == "recording_failed" }
        #expect(failures.count == 1)
        #expect(failures.first?.message?.contains("what came before is in take.original.wav and take.con") == true)
        #expect(!process.lines.contains { $0.event == "recording_overflowed" })
        for name in ["take.original.wav", "take.converted.wav"] {
            #expect(try WaveSound(file: cards.scratch(name)).frames > 48_000, "\(name)")
        }
        #expect(cards.scratch.files.allSatisfy { !$0.hasSuffix(".part") })
    }

    @Test func aKilledSessionLeavesReadableRecordings() async throws {
        let cards = try await LiveCards()
        let process = try cards.live(["--local", "--record", "take.wav"])
        try await process.waitFor("more than two looks at the header") { ($0.seconds ?? 0) > 12 }
        process.signal(SIGKILL)
        #expect(try await process.result(within: 60).status == -SIGKILL)
        let parts = cards.scratch.files.filter { $0.hasSuffix(".part") }
        #expect(parts.count == 2, "\(cards.scratch.files)")
        for part in parts { #expect(try WaveSound(file: cards.scratch(part)).frames > 4 * 48_000, "\(part)") }
    }

    /// Either device is pulled out for some seconds: that side is silent then, and both files last for the same time.
    @Test(arguments: ["mic", "spk"])
    func aDeviceThatIsPulledOutLeavesBothFilesInStep(_ name: String) async throws {
        let cards = try await LiveCards()
        let process = try cards.live(["--local", "--voice", "none", "--record", "take.wav"])
        try await process.waitFor("some sound") { ($0.seconds ?? 0) > 2 }
        try cards.fault(name, "unplugged")
        try await process.waitFor("an outage of some seconds") { ($0.seconds ?? 0) > 5 }
        try cards.mend(name, "unplugged")
        let device = name == "mic" ? "microphone" : "speaker"
        try await process.waitFor("its return") { $0.message?.contains("\(device) is back") == true }
        let back = process.lines.compactMap(\.seconds).max() ?? 0
        try await process.waitFor("some sound after it") { ($0.seconds ?? 0) > back + 1.5 }
        process.signal(SIGTERM)
        #expect(try await process.result(within: 60).status == 143)
        let original = try WaveSound(file: cards.scratch("take.original.wav")).frames
        let converted = try WaveSound(file: cards.scratch("take.converted.wav")).frames
        #expect(original > 6 * 48_000)
        #expect(abs(original - converted) < 48_000 / 4, "\(original) and \(converted) frames")
    }

    @Test(arguments: [
        ("take.wv", Int32(64), "recordings end in .wav"), ("/nonexistent/take.wav", 73, "No such file"),
        ("take.wav", 73, "exists already"),
    ])
    func whatCanNotBeRecordedIsToldAtOnce(_ path: String, _ status: Int32, _ says: String) async throws {
        let cards = try await LiveCards()
        try cards.scratch.write("take.converted.wav", "")
        let result = try await cards.live(["--local", "--record", path]).result(within: 60)
        #expect(result.status == status, "\(result.errors)")
        #expect(result.errors.contains(says) && result.errors.contains("--record"), "\(result.errors)")
        #expect(result.output.isEmpty)
    }

    /// Its devices were open for a moment, so that there would have been something to record.
    @Test func aSessionThatFailsAtOnceLeavesNoFiles() async throws {
        let cards = try await LiveCards()
        for _ in 0..<3 {
            let result = try await cards.live(
                ["--relay", "ws://127.0.0.1:1", "--record", "take.wav", "--force"], key: "sk-quota-none"
            ).result(within: 60)
            #expect(result.status == 69, "\(result.errors)")
            #expect(result.errorLines.count == 1, "\(result.errors)")
            #expect(cards.scratch.files.allSatisfy { !$0.hasSuffix(".part") }, "\(cards.scratch.files)")
        }
    }

    @Test func aReaderThatLeavesEndsTheSession() async throws {
        let cards = try await LiveCards()
        let process = try shell(cards, "\"$0\" live --local -i mic -o spk --json | head -n 1")
        #expect(try await process.result(within: 60).status == 0)
        #expect(!cards.scratch.exists("runtime/quota-voice.sock"))
    }

    /// A pipe of one page is full after some seconds; what is to be tidied up is tidied up all the same.
    @Test func aReaderThatStandsStillDoesNotKeepTheSessionFromEnding() async throws {
        let cards = try await LiveCards()
        let script = """
            import array, fcntl, os, signal, subprocess, sys, termios, time
            reads, writes = os.pipe()
            fcntl.fcntl(writes, 1031, 4096)
            words = [sys.argv[1], "live", "--local", "-i", "mic", "-o", "spk", "--json"]
            session = subprocess.Popen(words, stdout=writes)
            waiting, last, since = array.array("i", [0]), 0, time.monotonic()
            # A line comes every second: what has not grown for three has no room.
            while last == 0 or time.monotonic() < since + 3:
                time.sleep(0.1)
                fcntl.ioctl(reads, termios.FIONREAD, waiting)
                if waiting[0] != last: last, since = waiting[0], time.monotonic()
            session.send_signal(signal.SIGTERM)
            print(session.wait(30), os.path.exists(os.environ["XDG_RUNTIME_DIR"] + "/quota-voice.sock"))
            """
        let result = try await Command.run(
            "/usr/bin/python3", ["-c", script, Checkout.binary], environment: cards.environment,
            folder: cards.scratch.path, within: 120)
        #expect(result.output == "143 False\n", "\(result.output)\(result.errors)")
    }
}
