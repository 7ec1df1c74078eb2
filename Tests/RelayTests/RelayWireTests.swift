import Testing
import VoiceRealtime
import VoiceRelay

/// What Opus on the wire changes in the client's protocol.
@Suite struct RelayWireTests {
    private let start = MonotonicTime(nanoseconds: 1_000_000_000)

    private func session(offering formats: String) -> (session: RelaySession, actions: [RelaySession.Action]) {
        var session = RelaySession(
            auth: RelayAuth(token: "t", voice: "v", format: RelayWire.opus.format, maxDurationSeconds: 60))
        let first = session.handle(.opened, now: start)
        #expect(first.contains { if case .sendText(let text) = $0 { text.contains("opus_16k_mono") } else { false } })
        let ready = #"{"type":"ready","session_id":"s","features":["end"],"formats":[\#(formats)]}"#
        let actions = session.handle(.text(ready), now: start)
        return (session, actions)
    }

    private func packet(_ bytes: [UInt8]) -> OpusPacket? { bytes.withUnsafeBytes { OpusPacket($0) } }

    @Test func opusIsUsedOnlyWhereReadyOffersIt() {
        let (good, streams) = session(offering: #""pcm_16le_16k_mono","opus_16k_mono""#)
        #expect(streams.contains { if case .startStreaming = $0 { true } else { false } })
        #expect(!good.isFormatRefused)
        let (refused, ends) = session(offering: #""pcm_16le_16k_mono""#)
        #expect(refused.isFormatRefused)
        #expect(ends.contains(.close(.normal)))
    }

    @Test func aRelayThatRefusesTheFormatIsTakenAtItsWord() {
        var session = RelaySession(
            auth: RelayAuth(token: "t", voice: "v", format: RelayWire.opus.format, maxDurationSeconds: 60))
        _ = session.handle(.opened, now: start)
        _ = session.handle(.closed(.formatViolation), now: start)
        #expect(session.isFormatRefused)
        var later = self.session(offering: #""opus_16k_mono""#).session
        _ = later.handle(.closed(.formatViolation), now: start)
        #expect(!later.isFormatRefused, "after ready it is the sound that was wrong")
    }

    @Test func packetsCountAsTheirSamples() {
        var (session, _) = session(offering: #""opus_16k_mono""#)
        #expect(session.handle(.packet(packet([0x48, 1, 2, 3])), now: start) == [.deliver])
        #expect(session.samplesReceived == 320)
        #expect(session.handle(.packet(packet([0x41, 1, 2])), now: start) == [.deliver])
        #expect(session.samplesReceived == 640, "two frames of 10 ms")
    }

    @Test(arguments: [[], [0x49, 1, 2], [0x50], [0x4B, 0]] as [[UInt8]])
    func whatIsNoPacketOfTheProfileEndsTheSession(_ bytes: [UInt8]) {
        var (session, _) = session(offering: #""opus_16k_mono""#)
        let actions = session.handle(.packet(packet(bytes)), now: start)
        guard case .finish(.failed(.violation(let what))) = actions.first else {
            Issue.record("\(actions)")
            return
        }
        #expect(what.contains("Opus packet"))
    }

    /// However fast the source: never more than one and a half seconds of packets in any second.
    @Test func theCeilingIsThatOfThePackets() throws {
        var ceiling = RelayWire.opus.rateCeiling
        var now = start
        var departures: [MonotonicTime] = []
        while departures.count < 1_000 {
            let earliest = ceiling.earliestDeparture(of: RelayWire.opus.packetBytesMax, now: now)
            now = try #require(earliest)
            ceiling.depart(RelayWire.opus.packetBytesMax, now: now)
            departures.append(now)
        }
        for (index, first) in departures.enumerated() {
            let inOneSecond = departures[index...].prefix { $0.nanoseconds(since: first) <= .seconds(1) }.count
            #expect(inOneSecond <= 75)
        }
        let seconds = Double(now.nanoseconds(since: start)) / 1e9
        #expect(Double(departures.count) / seconds > 70, "1.4 times real time")
    }

    @Test func namesAreThoseOfTheProtocol() {
        #expect(RelayWire(format: "pcm_16le_16k_mono") == .pcm)
        #expect(RelayWire(format: "opus_16k_mono") == .opus)
        #expect(RelayWire(format: "mp3") == nil)
        #expect(RelayWire.opus.packetBytesMax == 60)
        #expect(RelayWire.pcm.packetBytesMax == 640)
    }
}
