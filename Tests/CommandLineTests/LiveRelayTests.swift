import Foundation
import ProcessSupport
import Testing

/// `live` through a relay: voices, limits, money, and what is heard while the relay is away.
@Suite(.boundedCrowd) struct LiveRelayTests {
    private static let key = "sk-quota-live"

    private func relay(_ options: [String] = []) async throws -> ServedRelay {
        try await ServedRelay(keys: [Self.key: 1_000_000_000], options: options)
    }

    /// A voice that the relay doesn't have changes nothing, and whoever asked for it is told.
    @Test func anUnknownVoiceEndsNothing() async throws {
        let cards = try await LiveCards()
        let relay = try await relay()
        let process = try cards.live(["--relay", relay.url], key: Self.key)
        try await process.waitFor("converted sound") { $0.heard == "converted" }
        let wrong = try await cards.ctl("voice", "nosuch")
        #expect(wrong.status == 64)
        #expect(wrong.errors.contains("unknown voice nosuch"), "\(wrong.errors)")
        try await process.waitFor("the refusal") { $0.event == "voice_refused" && $0.voice == "nosuch" }
        #expect(try await cards.ctl("voice", "adam").status == 0)
        try await process.waitFor("the voice") { $0.event == "status" && $0.voice == "adam" }
        #expect(!process.lines.contains { $0.event == "lost" })
        #expect(!process.lines.contains { $0.event == "voice" && $0.voice == "nosuch" })
        #expect(try await cards.ctl("quit").status == 0)
        #expect(try await process.result(within: 60).status == 0)
    }

    /// A relay has the voices that come with quota-voice, and not those of this machine's user.
    @Test func stepsLeaveTheUsersOwnVoicesOut() async throws {
        let cards = try await LiveCards()
        let config = ["XDG_CONFIG_HOME": cards.scratch("config")]
        let made = try await Command.quotaVoice(
            ["voices", "new", "mine", "--like", "adam", "--pitch", "-1"], environment: config)
        #expect(made.status == 0, "\(made.errors)")
        let relay = try await relay()
        let process = try cards.live(["--relay", relay.url, "--voice", "none"], key: Self.key, adding: config)
        try await process.waitFor("converted sound") { $0.heard == "converted" }
        for request in ["next-voice", "previous-voice", "previous-voice"] {
            let answer = try await cards.ctl(request)
            #expect(answer.status == 0, "\(answer.errors)")
        }
        // The event follows the answer, when the session is next looked at.
        try await process.wait(for: "the voices") { process.lines.filter { $0.event == "voice" }.count >= 3 }
        #expect(!process.lines.contains { $0.voice == "mine" })
        #expect(try await cards.ctl("quit").status == 0)
        #expect(try await process.result(within: 60).status == 0)
    }

    /// A relay that doesn't answer requests, and ends the session for a voice that it doesn't have.
    @Test func aSessionThatEndsForAVoiceBeginsAnew() async throws {
        let cards = try await LiveCards()
        let relay = try await PeerRelay.shared
        let key = try relay.key(
            .init {
                $0.features = ["end", "voice"]
                $0.fault = "close"
                $0.at = "voice"
                $0.code = 1008
                $0.error = ["code": "unknown_voice", "message": "no voice of that name"]
            })
        let process = try cards.live(["--relay", relay.url, "--voice", "adam"], key: key)
        try await process.waitFor("converted sound") { $0.heard == "converted" }
        _ = try await cards.ctl("voice", "nosuch")
        try await process.waitFor("the refusal") {
            $0.event == "voice_refused" && $0.message?.contains("no voice of that name") == true
        }
        try await process.waitFor("the return") { $0.reconnects == 1 && $0.heard == "converted" && $0.voice == "adam" }
        #expect(try await cards.ctl("quit").status == 0)
        #expect(try await process.result(within: 60).status == 0)
    }

    @Test func theUsersOwnLimitIsNoFailure() async throws {
        let cards = try await LiveCards()
        let relay = try await PeerRelay.shared
        let key = try relay.key()
        let result = try await cards.live(
            ["--relay", relay.url, "--max-duration", "5"], key: key
        ).result(within: 60)
        #expect(result.status == 0, "\(result.errors)")
        let report = try await relay.report(key)
        #expect(report.closeCode == 1000)
        // Counted from the session's start: one that is connected late asks for less.
        let asked = try #require(report.auth.firstMatch(of: /"max_duration_seconds":(\d+)}/))
        #expect((1...5).contains(try #require(Int(asked.output.1))), "\(report.auth)")
    }

    @Test func aSessionRenewsItself() async throws {
        let cards = try await LiveCards()
        let relay = try await relay()
        let process = try cards.live(["--relay", relay.url, "--max-duration", "2", "--renew"], key: Self.key)
        try await process.wait(for: "three sessions", within: 60) {
            process.lines.count { $0.event == "ready" } >= 3 && process.lines.count { $0.event == "renewed" } >= 2
        }
        #expect(try await cards.ctl("quit").status == 0)
        #expect(try await process.result(within: 60).status == 0)
    }

    /// What ends a session in the middle of it, and what it says.
    @Test(
        arguments: [
            (4401, 77, ["refused the key"]), (4402, 80, ["can't pay for more", "topup"]), (4408, 81, ["--renew"]),
            (4415, 76, ["format or pace"]), (1000, 75, ["ended the session"]),
        ] as [(Int, Int32, [String])])
    func anEndInTheMiddleHasItsSentence(_ code: Int, _ status: Int32, _ parts: [String]) async throws {
        let cards = try await LiveCards()
        let relay = try await PeerRelay.shared
        let key = try relay.key(
            .init {
                $0.fault = "close"
                $0.code = code
            })
        let process = try cards.live(["--relay", relay.url], key: key)
        let result = try await process.result(within: 60)
        #expect(result.status == status, "\(result.errors)")
        for part in parts { #expect(result.errors.contains(part), "\(result.errors)") }
        #expect(result.errorLines.filter { $0.contains("127.0.0.1") }.count == 1, "\(result.errors)")
        #expect(process.lines.count { $0.event == "ready" } == 1)
    }

    @Test func aWalletForLessThanAnHourIsToldTheWay() async throws {
        let cards = try await LiveCards()
        let relay = try await ServedRelay(keys: ["sk-quota-five": 5_000_000])
        let result = try await cards.live(["--relay", relay.url], key: "sk-quota-five").result(within: 60)
        #expect(result.status == 80)
        for part in ["$5.00", "$9.00", "--max-duration 2000"] {
            #expect(result.errors.contains(part), "\(result.errors)")
        }
        let advised = try await cards.live(
            ["--relay", relay.url, "--max-duration", "3"], key: "sk-quota-five"
        ).result(within: 60)
        #expect(advised.status == 0, "\(advised.errors)")
    }

    /// Killed, and back: silence meanwhile.
    @Test func aLostRelayIsSilence() async throws {
        let cards = try await LiveCards()
        let first = try await relay()
        let process = try cards.live(["--relay", first.url], key: Self.key)
        try await process.waitFor("converted sound") { $0.heard == "converted" }
        first.process.signal(SIGKILL)
        try await process.waitFor("the loss") { $0.event == "lost" }
        try await process.waitFor("silence") { $0.link == "reconnecting" && $0.heard == "silence" }
        let second = try await relay(["--port", "\(first.port)"])
        try await process.waitFor("the return") { $0.reconnects == 1 && $0.heard == "converted" }
        #expect(!process.lines.contains { $0.heard == "ownVoice" })
        #expect(try await cards.ctl("quit").status == 0)
        #expect(try await process.result(within: 60).status == 0)
        second.process.signal(SIGTERM)
    }

    /// Stopped, while its connection lives: known long before the heartbeat is lost.
    @Test func aRelayThatStandsStillIsTold() async throws {
        let cards = try await LiveCards()
        let relay = try await relay(["--heartbeat", "60"])
        let process = try cards.live(["--relay", relay.url, "--on-loss", "bypass"], key: Self.key)
        try await process.waitFor("converted sound") { $0.heard == "converted" }
        relay.process.signal(SIGSTOP)
        try await process.waitFor("the stall") { $0.event == "relay_stalled" }
        try await process.waitFor("own voice") { $0.link == "stalled" && $0.heard == "ownVoice" }
        relay.process.signal(SIGCONT)
        try await process.waitFor("the return") { $0.event == "relay_answers" }
        let count = process.lines.count
        try await process.wait(for: "converted sound", within: 60) {
            process.lines.dropFirst(count).contains { $0.heard == "converted" && $0.link == "running" }
        }
        #expect(try await cards.ctl("quit").status == 0)
        #expect(try await process.result(within: 60).status == 0)
    }
}
