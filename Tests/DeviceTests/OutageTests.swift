import ProcessSupport
import Testing
import VoiceALSADevice

/// What is told of a device that is away for a while: one loss, and its return once sound moves.
@Suite(.boundedCrowd) struct OutageTests {
    /// As a sound server that stands still: every opening succeeds, and nothing ever moves.
    @Test(arguments: DeviceDirection.allCases)
    func isBackOnlyOnceSoundMoves(direction: DeviceDirection) async throws {
        let card = try await TestCard()
        let device = try open(direction, card.options())
        let log = EventLog(device)
        let frames = device.status.counters.frames
        try await eventually("sound") { device.status.counters.frames > frames + 4_800 }
        try card.fault("stopped")
        try await log.waitForLoss(.stalled)
        try await eventually("two attempts") { device.status.counters.reopenings >= 2 }
        guard case .lost = device.status.phase else { throw Failure("it says that it runs") }
        try card.mend("stopped")
        try await log.waitForRecovery()
        #expect(device.status.phase == .running)
        let moved = device.status.counters.frames
        try await eventually("more sound") { device.status.counters.frames > moved + 24_000 }
        device.stop()
        let events = log.events + device.takeEvents()
        let kinds = events.map { event in
            switch event {
            case .stalled: "stalled"
            case .lost: "lost"
            case .recovered(_, let nanoseconds): nanoseconds > 2_000_000_000 ? "recovered" : "recovered too soon"
            default: "\(event)"
            }
        }
        #expect(kinds == ["stalled", "lost", "recovered"], "\(events)")
    }

    /// What was silent before the loss is no complaint about what is heard after it.
    @Test func silenceIsCountedAnewAfterALoss() async throws {
        let card = try await TestCard()
        try card.fault("zeros")
        let capture = try SoundDevice.openCapture(card.options()).device
        let log = EventLog(capture)
        try await log.wait("the silence") { $0 == .onlyZeros }
        try card.fault("unplugged")
        // On a busy machine it may have been lost as one that stands still, before it could be pulled out.
        try await eventually("the loss") { if case .lost = capture.status.phase { true } else { false } }
        // Nothing comes from here to the recovery.
        let before = capture.status.counters.zeroFrames
        try card.mend("unplugged")
        var events: [DeviceEvent] = []
        try await eventually("the same silence again") {
            events += capture.takeEvents()
            return events.contains(.onlyZeros)
        }
        let zeros = capture.status.counters.zeroFrames - before
        #expect(zeros >= 48_000, "\(zeros)")
        let recovery = events.firstIndex { if case .recovered = $0 { true } else { false } }
        let silence = try #require(events.firstIndex(of: .onlyZeros))
        #expect(try #require(recovery) < silence, "\(events)")
        capture.stop()
    }

    /// One that rests has nothing to move, and is not lost because of that.
    @Test func aDeviceThatRestsIsBackAsSoonAsItIsOpen() async throws {
        let card = try await TestCard()
        let capture = try SoundDevice.openCapture(card.options()).device
        let log = EventLog(capture)
        try card.fault("unplugged")
        try await log.waitForLoss(.unplugged)
        capture.setResting(true)
        try card.mend("unplugged")
        try await log.waitForRecovery()
        capture.setResting(false)
        let frames = capture.status.counters.frames
        try await eventually("sound") { capture.status.counters.frames > frames + 4_800 }
        capture.stop()
    }

    @Test func ratesThatDisagreeAreNoClock() {
        var judge = RateJudge()
        // Stops of the program or of the server, between windows that are right.
        let measured: [Double] = [48_010, 43_000, 21_842, 47_990, 45_000, 48_000, 44_000, 46_500]
        #expect(measured.map { judge.isWrong(measured: $0, stated: 48_000) } == measured.map { _ in false })
        // It is told once.
        let fast = [50_400, 50_380, 50_410].map { judge.isWrong(measured: $0, stated: 48_000) }
        #expect(fast == [false, true, false])
    }

    private func open(_ direction: DeviceDirection, _ options: DeviceOptions) throws -> SoundDevice {
        switch direction {
        case .capture: try SoundDevice.openCapture(options).device
        case .playback: try SoundDevice.openPlayback(options).device
        }
    }
}
