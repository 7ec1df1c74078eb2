import ProcessSupport
import Testing
import VoiceALSADevice
import VoiceRealtime
import VoiceSignal

/// Opening real PCMs of alsa-lib: what is granted is used, and every sample arrives as it was.
@Suite(.boundedCrowd) struct NegotiationTests {
    static let formats: [(String, SampleFormat)] = [
        ("s16", .s16), ("s24_3", .s24), ("s24", .s24in32), ("s32", .s32), ("float", .float32),
    ]

    @Test(arguments: formats, ["rw", "mmap"])
    func capturesEveryFormatByEveryAccess(format: (String, SampleFormat), access: String) async throws {
        let card = try await TestCard(["card": "formats \"\(format.0)\" accesses \"\(access)\""])
        var capture = try SoundDevice.openCapture(card.options())
        let granted = capture.device.status.configuration
        #expect(granted.format == format.1)
        #expect(granted.access == (access == "rw" ? .readWrite : .mapped))
        #expect(!granted.isConverted)
        #expect(granted.periodFrames == 960)
        // Read at the end alone: a ring that gets full keeps what came first, and that has no gap.
        try await eventually("sound") { capture.device.status.counters.frames > 24_000 }
        capture.device.stop()
        var reader = RampReader()
        reader.read(&capture.samples)
        #expect(reader.steps.count > 24_000)
        expectRamp(reader.steps, restarts: capture.device.status.counters)
    }

    @Test(arguments: formats, ["rw", "mmap"])
    func playsEveryFormatByEveryAccess(format: (String, SampleFormat), access: String) async throws {
        let fields = "formats \"\(format.0)\" accesses \"\(access)\" channels_min 2 channels_max 2"
        let card = try await TestCard(["card": fields])
        var playback = try SoundDevice.openPlayback(card.options())
        #expect(playback.device.status.configuration.format == format.1)
        #expect(playback.device.status.configuration.channels == 2)
        let ramp = (1...20_000).map { Float($0) / 32_768 }
        #expect(ramp.withUnsafeBufferPointer { playback.samples.writeSamples($0) } == ramp.count)
        try await eventually("the end of the ramp") { try card.played().contains(20_000) }
        playback.device.stop()
        let heard = try card.played().filter { $0 != 0 }
        // An xrun of a busy machine may take what was queued; nothing is ever doubled or out of order.
        #expect(zip(heard, heard.dropFirst()).allSatisfy { $0 < $1 })
        #expect(heard.count >= 20_000 - Int(playback.device.status.counters.xruns) * 960)
    }

    @Test func takesTheNearestRateAndSaysSo() async throws {
        let card = try await TestCard(["card": "rate_min 44100 rate_max 44100"])
        let capture = try SoundDevice.openCapture(card.options())
        #expect(capture.device.sampleRate == 44_100)
        #expect(capture.device.status.configuration.sampleRate == 44_100)
        #expect(capture.device.status.configuration.periodFrames == 882)
        capture.device.stop()
    }

    @Test(arguments: ["formats \"u8\"", "rate_min 384000 rate_max 384000", "channels_min 12 channels_max 12"])
    func convertsForADeviceThatCanNotBeUsedAsItIs(fields: String) async throws {
        let card = try await TestCard(["card": fields])
        var capture = try SoundDevice.openCapture(card.options())
        let granted = capture.device.status.configuration
        #expect(granted.isConverted)
        #expect(granted.name == "card")
        #expect(granted.sampleRate == 48_000)
        var reader = RampReader()
        try await eventually("sound") {
            reader.read(&capture.samples)
            return reader.steps.contains { $0 > 256 }
        }
        capture.device.stop()
    }

    @Test func usesTheChannelThatWasChosen() async throws {
        let card = try await TestCard(["card": "formats \"s24_3\" channels_min 4 channels_max 4"])
        var options = card.options()
        options.channelChoice = .only(3)
        var capture = try SoundDevice.openCapture(options)
        var reader = RampReader()
        try await eventually("sound") {
            reader.read(&capture.samples)
            return reader.steps.count > 2_000
        }
        capture.device.stop()
        #expect(reader.steps.allSatisfy { $0 == 3_000 })
    }

    @Test func averagesTheChannels() async throws {
        let card = try await TestCard(["card": "channels_min 2 channels_max 2"])
        var capture = try SoundDevice.openCapture(card.options())
        var first: [Float] = []
        try await eventually("sound") {
            while first.count < 100, let sample = capture.samples.readElement() { first.append(sample) }
            return first.count == 100
        }
        capture.device.stop()
        let averages = (1_001...1_100).map { Float($0) / 65_536 }
        #expect(first == averages)
    }

    @Test func keepsTheQueueOfALargeBufferSmall() async throws {
        let card = try await TestCard(["card": "period_min 480"])
        var options = card.options()
        options.latencyNanoseconds = .milliseconds(5)
        let playback = try SoundDevice.openPlayback(options)
        let granted = playback.device.status.configuration
        #expect(granted.periodFrames == 480)
        #expect(granted.queueFrames == 960)
        #expect(granted.latencyNanoseconds == .milliseconds(20))
        playback.device.stop()
    }

    @Test func runsOnRealTimeThreadsOrSaysWhatToDo() async throws {
        let card = try await TestCard()
        let capture = try SoundDevice.openCapture(card.options())
        switch capture.device.status.configuration.scheduling {
        case .realtime(let priority): #expect((1...60).contains(priority))
        case .ordinary(let hint): #expect(hint.contains("limits.d"))
        }
        capture.device.stop()
    }

    @Test func givesTheDeviceBackAndSaysThatNoMoreWillCome() async throws {
        let card = try await TestCard()
        let capture = try SoundDevice.openCapture(card.options())
        let isGoneBefore = capture.samples.isProducerGone
        #expect(!isGoneBefore)
        let start = ContinuousClock.now
        capture.device.stop()
        // It waits two seconds at most, and a thread of the device may have got no turn for so long.
        if start.duration(to: .now) < .seconds(2) { #expect(capture.device.status.phase == .stopped) }
        try await eventually("the end") { capture.device.status.phase == .stopped }
        capture.device.stop()
        let isGoneAfter = capture.samples.isProducerGone
        #expect(isGoneAfter)
        #expect(capture.device.status.phase == .stopped)
    }

    @Test func refusesWhatNoDeviceCan() async throws {
        let card = try await TestCard()
        func refusal(_ change: (inout DeviceOptions) -> Void) -> DeviceError.Cause? {
            var options = card.options()
            change(&options)
            do throws(DeviceError) {
                _ = try SoundDevice.openCapture(options)
                return nil
            } catch {
                return error.cause
            }
        }
        #expect(refusal { $0.name = "" } == .invalidOptions)
        #expect(refusal { $0.name = "hw:0,0" } == .invalidOptions)
        #expect(refusal { $0.fallbackName = "plughw:1" } == .invalidOptions)
        #expect(refusal { $0.sampleRate = 4_000 } == .invalidOptions)
        #expect(refusal { $0.channels = 9 } == .invalidOptions)
        #expect(refusal { $0.channelChoice = .only(5) } == .invalidOptions)
        #expect(refusal { $0.latencyNanoseconds = 0 } == .invalidOptions)
        #expect(refusal { $0.name = "nowhere" } == .notFound)
        try card.fault("busy")
        #expect(refusal { _ in } == .busy)
        try card.mend("busy")
        try card.fault("unplugged")
        #expect(refusal { _ in } == .unplugged)
    }

    /// Every step follows from the one before, except where the device was restarted.
    private func expectRamp(_ steps: [Int], restarts counters: DeviceCounters) {
        #expect(steps.first == 1)
        let breaks = RampReader.breaks(steps)
        #expect(breaks.count <= Int(counters.xruns + counters.reopenings), "\(breaks)")
        #expect(breaks.allSatisfy { $0.after == 1 }, "\(breaks)")
    }
}
