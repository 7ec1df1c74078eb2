import Testing
import VoiceALSADevice
import VoiceKit
import quota_voice

/// The screen is a function of the snapshot: what it shows for what.
@Suite struct LiveScreenTests {
    private func snapshot() -> LiveSnapshot {
        var snapshot = LiveSnapshot()
        snapshot.voice = "rachel"
        snapshot.link = .running
        snapshot.inputLevels.peak = 0.5
        snapshot.outputLevels.peak = 1
        snapshot.budget.measured = 31_240_000
        snapshot.budget.playout = 8_100_000
        snapshot.playoutTargetNanoseconds = 7_500_000
        snapshot.driftPPM = -43.2
        snapshot.counts.playout.concealments = 3
        snapshot.sessionNanoseconds = 3_723_000_000_000
        return snapshot
    }

    private func text(_ snapshot: LiveSnapshot, _ change: (inout LiveScreen.Frame) -> Void = { _ in }) -> String {
        var frame = LiveScreen.Frame()
        frame.columns = 100
        change(&frame)
        return LiveScreen.lines(snapshot, frame).joined(separator: "\n")
    }

    @Test func showsDelayDriftAndTime() {
        let shown = text(snapshot())
        for part in [
            "rachel · on this machine", "delay 31.2 ms", "buffer 8.1 ms (aims at 7.5)", "drift -43.2 ppm", "gaps 3",
            "time 1:02:03", "free", "-6.0 dB", "0.0 dB", "q quit",
        ] { #expect(shown.contains(part), "\(part) in\n\(shown)") }
    }

    @Test func showsWhatIsOn() {
        var muted = snapshot()
        muted.isMuted = true
        muted.isBypassed = true
        let shown = text(muted) { $0.isRecording = true }
        for part in ["MUTED", "OWN VOICE", "REC"] { #expect(shown.contains(part)) }
        #expect(!text(snapshot()).contains("MUTED"))
    }

    @Test func showsTheRelaysStateAndBill() {
        var remote = snapshot()
        remote.isLocal = false
        remote.relayName = "relay.example"
        remote.link = .reconnecting(inNanoseconds: 1_500_000_000)
        remote.creditsUsed = 1_234
        remote.creditsLeft = 98_766
        let shown = text(remote)
        for part in ["through relay.example", "reconnecting in 1.5 s", "used 1234", "left 98766", "$9.00 an hour"] {
            #expect(shown.contains(part), "\(part) in\n\(shown)")
        }
    }

    @Test func beforeTheFirstSoundThereIsNoDelay() {
        let shown = text(LiveSnapshot())
        #expect(shown.contains("delay –"))
        #expect(shown.contains("connecting"))
        #expect(shown.contains("microphone: opening"))
    }

    /// What a person needs is there at each size of a terminal that people use, in whole words.
    @Test(arguments: [(80, 24), (60, 20), (120, 40)])
    func everythingIsThereAtEachSize(columns: Int, rows: Int) {
        var remote = snapshot()
        remote.isLocal = false
        remote.wire = .opus
        remote.relayName = "relay.example"
        remote.creditsUsed = 1_234
        remote.creditsLeft = 98_766
        remote.budget.gate = 10_000_000
        remote.budget.codec = 13_000_000
        remote.budget.packet = 20_000_000
        var frame = LiveScreen.Frame()
        (frame.columns, frame.rows) = (columns, rows)
        frame.messages = ["the newest"]
        let lines = LiveScreen.lines(remote, frame)
        #expect(lines.count <= rows)
        #expect(lines.allSatisfy { $0.count <= columns })
        let shown = lines.joined(separator: "\n")
        for part in [
            "delay 31.2 ms", "buffer 8.1 ms (aims at 7.5)", "drift -43.2 ppm", "gate 10.0", "Opus 13.0",
            "relay 0.0", "speaker 0.0 ms", "xruns 0 in, 0 out", "gaps 3", "dropped 0 ms", "reconnects 0",
            "time 1:02:03", "credits used 1234", "left 98766", "$9.00 an hour", "opus in packets of 20 ms", "q quit",
            "· the newest",
        ] { #expect(shown.contains(part), "\(part) in\n\(shown)") }
    }

    /// Gaps are told by the rate of the conversion, which is not that of an 8 kHz microphone.
    @Test(arguments: [(48_000, "gaps 3 (20 ms)", "dropped 10 ms"), (16_000, "gaps 3 (60 ms)", "dropped 30 ms")])
    func gapsAreToldByTheRateOfTheConversion(rate: Int, gaps: String, dropped: String) {
        var counted = snapshot()
        counted.streamRate = rate
        counted.counts.playout.concealed = 960
        counted.counts.playout.droppedLate = 480
        let shown = text(counted)
        #expect(shown.contains(gaps) && shown.contains(dropped), "\(shown)")
    }

    /// The stages that are shown as a sum are all that is measured.
    @Test func theStagesAddUpToTheDelay() throws {
        var counted = snapshot()
        counted.budget.capture = 2_700_000
        counted.budget.filters = 300_000
        counted.budget.converter = 17_000_000
        counted.budget.ring = 5_600_000
        counted.budget.playback = 10_700_000
        counted.budget.measured = 41_700_000
        let line = try #require(text(counted).split(separator: "\n").first { $0.contains("filters") })
        let figures = line.split(whereSeparator: { !"0123456789.".contains($0) }).compactMap { Double($0) }
        #expect(abs(figures.reduce(0, +) - 41.7) < 0.05, "\(line)")
    }

    @Test func pushToTalkSaysHow() {
        var quiet = snapshot()
        quiet.isMuted = true
        #expect(text(quiet) { $0.isPushToTalk = true }.contains("hold space to talk"))
        #expect(text(snapshot()) { $0.isPushToTalk = true }.contains("TALKING"))
        #expect(!text(snapshot()).contains("space"))
        let hotkeys = text(quiet) {
            $0.isPushToTalk = true
            $0.hasKeys = false
        }
        #expect(!hotkeys.contains("space"))
        #expect(!hotkeys.contains("q quit"))
    }

    /// Repeats of a held key keep it open; a while after the last one it closes, once.
    @Test func aHeldKeyTalks() {
        var key = TalkKey()
        // Milliseconds: a press, repeats from 720 on every 33 ms, the last one at 2997; then another press.
        var changes: [String] = []
        for time in Int64(0)...6_000 {
            if time == 0 || time == 5_000 || (720..<3_000).contains(time) && (time - 720) % 33 == 0 {
                if key.press(now: time * 1_000_000) { changes.append("open \(time)") }
            }
            if key.tick(now: time * 1_000_000) { changes.append("close \(time)") }
        }
        #expect(changes == ["open 0", "close 3397", "open 5000", "close 5800"])
    }

    @Test(arguments: [20, 40, 79, 200], [false, true])
    func noLineIsWiderThanTheTerminal(columns: Int, hasColours: Bool) {
        var frame = LiveScreen.Frame()
        frame.columns = columns
        frame.hasColours = hasColours
        frame.messages = Array(repeating: String(repeating: "word ", count: 60), count: 9)
        let lines = LiveScreen.lines(snapshot(), frame)
        #expect(lines.count <= 24)
        #expect(lines.count > 10)
        for line in lines {
            let width = line.replacing(/\u{1B}\[[0-9;]*m/, with: "").count
            #expect(width <= columns, "\(line)")
        }
    }
}
