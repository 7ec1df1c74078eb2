import ProcessSupport
import Testing
import VoiceALSADevice
import VoiceRealtime

/// A device that fails comes back by itself, and says what was wrong.
@Suite(.boundedCrowd) struct RecoveryTests {
    @Test func captureGoesOnAfterAnXrun() async throws {
        let card = try await TestCard()
        var capture = try SoundDevice.openCapture(card.options())
        try await eventually("sound") { capture.device.status.counters.frames > 4_800 }
        try card.fault("xrun")
        try await eventually("the xrun") { !card.has("xrun") && capture.device.status.counters.xruns > 0 }
        let before = capture.device.status.counters.frames
        try await eventually("sound after it") { capture.device.status.counters.frames > before + 9_600 }
        let counters = capture.device.status.counters
        capture.device.stop()
        // Read at the end alone: a ring that gets full keeps what came first, and that has no other gap.
        var reader = RampReader()
        reader.read(&capture.samples)
        #expect(reader.steps.count > 4_800 + 9_600)
        #expect(capture.device.takeEvents().isEmpty)
        #expect(counters.reopenings == 0)
        #expect(RampReader.breaks(reader.steps).allSatisfy { $0.after == 1 })
    }

    @Test func playbackIsHeardWithinAPeriodOfAnXrun() async throws {
        let card = try await TestCard()
        var playback = try SoundDevice.openPlayback(card.options())
        var feeder = Feeder()
        try await eventually("sound") {
            feeder.feed(&playback.samples)
            return try card.played().contains { $0 > 0 }
        }
        try card.fault("xrun")
        try await eventually("the xrun") {
            feeder.feed(&playback.samples)
            return playback.device.status.counters.xruns > 0
        }
        let end = feeder.lastStep + 9_600
        try await eventually("sound after it") {
            feeder.feed(&playback.samples)
            return try card.played().contains { $0 >= end }
        }
        playback.device.stop()
        let counters = playback.device.status.counters
        #expect(counters.reopenings == 0)
        // The card records only what it plays, so what is missing is what it had queued: a period or two each time.
        let heard = try card.played().filter { $0 > 0 }
        let missing = zip(heard, heard.dropFirst()).map { $1 - $0 - 1 }.filter { $0 > 0 }
        #expect(missing.count <= Int(counters.xruns))
        #expect(missing.allSatisfy { $0 <= 960 }, "\(missing)")
    }

    @Test func playbackThatRunsDryAgainAndAgainHoldsMore() async throws {
        let card = try await TestCard()
        var options = card.options()
        options.growsWhenDry = true
        let playback = try SoundDevice.openPlayback(options)
        let before = playback.device.status.configuration.queueFrames
        // So often that each look finds it, and so seldom that it plays between: what plays nothing at all is lost.
        var next: UInt64 = 0
        try await eventually("a longer queue") {
            let frames = playback.device.status.counters.frames
            if frames >= next, !card.has("xrun") {
                next = frames + 7_200
                try card.fault("xrun")
            }
            return playback.device.status.configuration.queueFrames >= 2 * before
        }
        #expect(playback.device.status.counters.reopenings > 0)
        let frames = playback.device.status.counters.frames
        try await eventually("sound after it") { playback.device.status.counters.frames > frames + 4_800 }
        playback.device.stop()
        let relaxed = playback.device.takeEvents().filter { if case .relaxed = $0 { true } else { false } }
        #expect(!relaxed.isEmpty)
    }

    /// As where a virtual machine's sound server has cycles of 20 or 40 ms: what was asked for never moves.
    @Test func aServerThatTakesMoreAtOnceGetsIt() async throws {
        let card = try await TestCard()
        try card.fault("hungry")
        var options = card.options()
        options.growsWhenDry = true
        let playback = try SoundDevice.openPlayback(options)
        let log = EventLog(playback.device)
        try await log.wait("a longer queue") { if case .relaxed = $0 { true } else { false } }
        let frames = playback.device.status.counters.frames
        try await eventually("sound after it") { playback.device.status.counters.frames > frames + 48_000 }
        playback.device.stop()
        // It is told once, when it works, however many lengths were tried.
        #expect(log.events.count == 1, "\(log.events)")
        #expect(playback.device.takeEvents().isEmpty)
        #expect(playback.device.status.configuration.queueFrames >= 2_048)
    }

    /// More does not help one that is dead, and nobody is told of the attempts; what worked before works again.
    @Test func aServerThatTakesNothingIsLostAndComesBackAsItWas() async throws {
        let card = try await TestCard()
        var options = card.options()
        options.growsWhenDry = true
        let playback = try SoundDevice.openPlayback(options)
        let before = playback.device.status.configuration.queueFrames
        let log = EventLog(playback.device)
        // With what it holds, and with each of the three lengths that are tried; what comes behind the loss works.
        try card.starve(forOpenings: 3)
        try await log.waitForLoss(.daemonGone)
        try await log.wait("the recovery, and sound") { if case .recovered = $0 { true } else { false } }
        let frames = playback.device.status.counters.frames
        try await eventually("sound after it") { playback.device.status.counters.frames > frames + 4_800 }
        playback.device.stop()
        #expect(!log.events.contains { if case .relaxed = $0 { true } else { false } }, "\(log.events)")
        #expect(playback.device.status.configuration.queueFrames == before)
    }

    /// At rest nothing moves and nothing is complained about; then sound goes on as after a start.
    @Test func aDeviceRestsAndGoesOn() async throws {
        let card = try await TestCard()
        var capture = try SoundDevice.openCapture(card.options())
        let playback = try SoundDevice.openPlayback(card.options())
        var reader = RampReader()
        try await eventually("sound") {
            reader.read(&capture.samples)
            return reader.steps.count > 4_800
        }
        capture.device.setResting(true)
        playback.device.setResting(true)
        var frames: [UInt64] = []
        var steadySince = ContinuousClock.now
        try await eventually("a second and a half without a frame") {
            reader.read(&capture.samples)
            let now = [capture.device.status.counters.frames, playback.device.status.counters.frames]
            if now != frames {
                frames = now
                steadySince = .now
            }
            return ContinuousClock.now - steadySince > .milliseconds(1_500)
        }
        let before = reader.steps.count
        capture.device.setResting(false)
        playback.device.setResting(false)
        try await eventually("sound after it") {
            reader.read(&capture.samples)
            return reader.steps.count > before + 4_800
                && playback.device.status.counters.frames > frames[1] + 4_800
        }
        for device in [capture.device, playback.device] {
            device.stop()
            #expect(device.takeEvents().isEmpty)
            #expect(device.status.counters.reopenings == 0)
        }
        #expect(RampReader.breaks(reader.steps).contains { $0.after == 1 })
    }

    @Test func captureComesBackWhenThePlugDoes() async throws {
        let card = try await TestCard()
        var capture = try SoundDevice.openCapture(card.options())
        let log = EventLog(capture.device)
        try card.fault("unplugged")
        try await log.waitForLoss(.unplugged)
        guard case .lost = capture.device.status.phase else { throw Failure("it still says that it runs") }
        try card.mend("unplugged")
        try await log.waitForRecovery()
        #expect(capture.device.status.phase == .running)
        #expect(capture.device.status.counters.reopenings == 1)
        var reader = RampReader()
        reader.read(&capture.samples)
        let before = reader.steps.count
        try await eventually("sound") {
            reader.read(&capture.samples)
            return reader.steps.count > before + 4_800
        }
        capture.device.stop()
    }

    @Test func playbackLetsTheEngineGoOnWhileItIsUnplugged() async throws {
        let card = try await TestCard()
        var playback = try SoundDevice.openPlayback(card.options())
        let log = EventLog(playback.device)
        var feeder = Feeder()
        try card.fault("unplugged")
        try await log.waitForLoss(.unplugged)
        try await eventually("dropped sound") {
            feeder.feed(&playback.samples)
            return playback.device.status.counters.droppedFrames > 24_000
        }
        try card.mend("unplugged")
        try await log.waitForRecovery()
        let step = feeder.lastStep
        try await eventually("sound") {
            feeder.feed(&playback.samples)
            return try card.played().contains { $0 > step }
        }
        playback.device.stop()
    }

    @Test func saysWhenTheDeviceIsTakenByAnotherMeanwhile() async throws {
        let card = try await TestCard()
        let capture = try SoundDevice.openCapture(card.options())
        let log = EventLog(capture.device)
        try card.fault("busy")
        try card.fault("unplugged")
        try await log.waitForLoss(.unplugged)
        try card.mend("unplugged")
        try await log.wait("the reason") { event in
            if case .stillLost(let error) = event { error.cause == .busy } else { false }
        }
        try card.mend("busy")
        try await log.waitForRecovery()
        capture.device.stop()
    }

    @Test(arguments: DeviceDirection.allCases)
    func reopensAfterTheSoundDaemonHasDied(direction: DeviceDirection) async throws {
        let card = try await TestCard()
        let device = try Self.open(direction, card.options())
        let log = EventLog(device)
        try card.fault("dead")
        try await log.waitForLoss(.daemonGone)
        // Not one wake-up after the other: a dead daemon answers 65,000 times a second.
        #expect(device.status.counters.xruns < 5_000)
        try card.mend("dead")
        try await log.waitForRecovery()
        device.stop()
    }

    @Test func resumesAfterASuspension() async throws {
        let card = try await TestCard()
        var capture = try SoundDevice.openCapture(card.options())
        try card.fault("suspended")
        try await eventually("the suspension") { capture.device.status.counters.suspends > 0 }
        try card.mend("suspended")
        var reader = RampReader()
        reader.read(&capture.samples)
        let before = reader.steps.count
        try await eventually("sound") {
            reader.read(&capture.samples)
            return reader.steps.count > before + 4_800
        }
        capture.device.stop()
    }

    @Test(arguments: DeviceDirection.allCases)
    func noticesADeviceThatStandsStill(direction: DeviceDirection) async throws {
        let card = try await TestCard()
        let device = try Self.open(direction, card.options())
        let log = EventLog(device)
        try card.fault("stopped")
        try await log.wait("the standstill") { $0 == .stalled }
        // Nothing came back: it is given up and opened again.
        try await log.waitForLoss(.stalled)
        try card.mend("stopped")
        try await log.waitForRecovery()
        try await eventually("motion") { !device.status.isStalled }
        device.stop()
    }

    @Test(arguments: ["zeros", "faint"])
    func noticesAMicrophoneThatDeliversNoSound(_ fault: String) async throws {
        let card = try await TestCard(["card": "formats \"float\""])
        try card.fault(fault)
        let capture = try SoundDevice.openCapture(card.options())
        let log = EventLog(capture.device)
        try await log.wait("the silence") { $0 == .onlyZeros }
        #expect(capture.device.status.hasOnlyZeros)
        #expect(capture.device.takeLevels().peak == 0)
        try card.mend(fault)
        try await log.wait("the sound") { $0 == .soundReturned }
        #expect(capture.device.takeLevels().peak > 0)
        capture.device.stop()
    }

    @Test func noticesAClockThatLies() async throws {
        let card = try await TestCard()
        try card.fault("fast")
        var options = card.options()
        // Whoever is late by less than two seconds makes no xrun, behind which the measurement begins again.
        options.latencyNanoseconds = .milliseconds(500)
        let capture = try SoundDevice.openCapture(options)
        let log = EventLog(capture.device)
        // Measured twice for five seconds in which the machine is in time.
        try await log.wait("the rate", within: 120) { event in
            if case .wrongRate(let hertz) = event { (49_500...51_500).contains(hertz) } else { false }
        }
        capture.device.stop()
    }

    @Test func usesTheFallbackAndReturnsToThePreferredDevice() async throws {
        let card = try await TestCard(["card": "", "spare": "formats \"float\""])
        var options = card.options()
        options.fallbackName = "spare"
        let playback = try SoundDevice.openPlayback(options)
        let log = EventLog(playback.device)
        #expect(playback.device.status.configuration.name == "card")
        try card.fault("unplugged")
        try await log.waitForLoss(.unplugged)
        try await eventually("the fallback") { playback.device.status.configuration.isFallback }
        #expect(playback.device.status.configuration.name == "spare")
        try card.mend("unplugged")
        try await eventually("the return") { !playback.device.status.configuration.isFallback }
        #expect(playback.device.status.phase == .running)
        playback.device.stop()
    }

    @Test func keepsItsRateWhenTheDeviceComesBackWithAnother() async throws {
        let card = try await TestCard(["card": "", "spare": "rate_min 44100 rate_max 44100"])
        var options = card.options()
        options.fallbackName = "spare"
        let capture = try SoundDevice.openCapture(options)
        let log = EventLog(capture.device)
        try card.fault("unplugged")
        try await log.waitForRecovery()
        let granted = capture.device.status.configuration
        #expect(granted.name == "spare")
        #expect(granted.isConverted)
        #expect(granted.sampleRate == 48_000)
        capture.device.stop()
    }

    private static func open(_ direction: DeviceDirection, _ options: DeviceOptions) throws -> SoundDevice {
        switch direction {
        case .capture: try SoundDevice.openCapture(options).device
        case .playback: try SoundDevice.openPlayback(options).device
        }
    }
}

struct Failure: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}

/// Keeps 60 ms in playback's ring, of numbers that only grow, as long as they fit 16 bits.
private struct Feeder {
    private(set) var lastStep = 0

    mutating func feed(_ ring: inout RingProducer<Float>) {
        while ring.capacity - ring.writableSamples() < 2_880 {
            let steps = (1...480).map { (lastStep + $0 - 1) % 32_000 + 1 }
            lastStep = steps[479]
            _ = steps.map { Float($0) / 32_768 }.withUnsafeBufferPointer { ring.writeSamples($0) }
        }
    }
}
