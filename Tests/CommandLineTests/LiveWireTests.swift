import Foundation
import ProcessSupport
import Testing

/// `live --wire opus`, and what else goes before the wire.
@Suite(.boundedCrowd) struct LiveWireTests {
    /// A relay that has no Opus gets plain samples, and the user is told.
    @Test(arguments: ["not offered", "refused"]) func whereThereIsNoOpusItIsPCM(_ how: String) async throws {
        let cards = try await LiveCards()
        let relay = try await PeerRelay.shared
        let key = try relay.key(
            .init {
                $0.formats = ["pcm_16le_16k_mono"]
                if how == "refused" { $0.fault = "unless_pcm" }
                $0.at = "auth"
                $0.code = 4415
                $0.reason = "FORMAT_VIOLATION: unknown format"
            })
        let process = try cards.live(["--relay", relay.url, "--wire", "opus"], key: key)
        try await process.waitFor("converted sound") { $0.heard == "converted" }
        let told = try #require(process.lines.first { $0.event == "wire" })
        #expect(told.message?.contains("does not take opus_16k_mono") == true)
        #expect(process.lines.last { $0.event == "status" }?.wire == "pcm_16le_16k_mono")
        process.signal(SIGTERM)
        #expect(try await process.result(within: 60).status == 143)
    }

    /// A relay with an Opus that is not ours; the packets keep to the ceiling and to one size.
    @Test func packetsKeepTheCeiling() async throws {
        let cards = try await LiveCards()
        let relay = try await PeerRelay.shared
        let key = try relay.key(.init { $0.delaySamples = 100 })
        let process = try cards.live(
            ["--relay", "ws://127.0.0.1:\(relay.tapPort)", "--wire", "opus", "--high-pass", "--level"], key: key)
        try await process.waitFor("three seconds") { $0.heard == "converted" && ($0.seconds ?? 0) > 3 }
        #expect(process.lines.last { $0.event == "status" }?.wire == "opus_16k_mono")
        #expect(try await cards.ctl("quit").status == 0)
        #expect(try await process.result(within: 60).status == 0)
        let report = try await relay.report(key)
        #expect(report.frameSizes.keys.sorted() == ["60"])
        let window = try #require(report.fullestWindow)
        #expect(window <= 4_500, "one and a half seconds of 24 kbit/s in any second")
        #expect(report.closeCode == 1000)
    }

    @Test func opusIsForARelay() async throws {
        let result = try await Command.quotaVoice(["live", "--local", "--wire", "opus"])
        #expect(result.status == 64)
        #expect(result.errors.contains("--relay"))
    }

    @Test func theMonitorIsAnotherSpeaker() async throws {
        let cards = try await LiveCards()
        let result = try await cards.live(["--local", "--monitor", "spk"]).result(within: 60)
        #expect(result.status == 64)
        #expect(result.errors.contains("is the output already"))
    }
}
