import CRealtime
import VoiceALSADevice
import VoiceConversion
import VoiceLivePath
import VoiceRealtime
import VoiceSecureStream
import VoiceSignal

/// The wire thread's loop: microphone's ring → path ⇄ backend → speaker's ring. Lives on the thread that runs it.
final class LiveEngine {
    private static let publishNanoseconds: Int64 = .milliseconds(50)
    /// After so long without anything to do the devices rest.
    private static let idleNanosecondsMax: Int64 = .seconds(5)
    private static let waitNanosecondsMax: Int64 = .milliseconds(100)

    private let board: LiveBoard
    private let input: SoundDevice
    private let output: SoundDevice
    private var capture: OpenedCapture
    private var playback: OpenedPlayback
    private let monitor: LiveMonitor?
    private var path: LivePath
    private let backend: any LiveBackend
    private let block: UnsafeMutableBufferPointer<Float>
    private let start: MonotonicTime
    private let end: MonotonicTime?
    private var lastPublish = MonotonicTime(nanoseconds: 0)
    private var gainDecibels: Double
    private var gate: LevelledThreshold
    private var feed: RingFeed
    private var capturePeriod: DevicePeriod
    private var tap: LiveTapEnds?
    private var tapMissing = 0
    private var stopwatch = LiveStopwatch()
    private let rests: Bool
    private let restsOutput: Bool
    private var idleSince: MonotonicTime?
    private var isResting = false
    private var delays = LiveDelays()
    /// In the ring when that was measured.
    private var queuedFrames = 0
    private var isMemoryLocked = false

    init(_ options: LiveOptions, board: LiveBoard) throws {
        let start = monotonicNow()
        self.start = start
        var inputOptions = options.input
        inputOptions.latencyNanoseconds = options.latency.captureNanoseconds
        var outputOptions = options.output
        outputOptions.latencyNanoseconds = options.latency.playbackNanoseconds
        outputOptions.growsWhenDry = true
        let capture = try SoundDevice.openCapture(inputOptions)
        let playback = try SoundDevice.openPlayback(outputOptions)
        let (captureRate, playbackRate) = (capture.device.sampleRate, playback.device.sampleRate)
        monitor = try options.monitor.map { monitor in
            var monitorOptions = monitor
            monitorOptions.latencyNanoseconds = options.latency.playbackNanoseconds
            monitorOptions.growsWhenDry = true
            return try LiveMonitor(monitorOptions, source: playback.device.status.configuration)
        }
        let end = options.maxDurationSeconds.map { start.advanced(byNanoseconds: .seconds(Int64($0))) }
        switch options.backend {
        case .local(let voice, let delay):
            let rate = LocalBackend.rate(for: captureRate)
            var settings = LiveSettings.local(captureRate: captureRate, playbackRate: playbackRate, streamRate: rate)
            settings.cleanUp = options.cleanUp
            path = try LivePath(settings)
            backend = try LocalBackend(voice: voice, rate: rate, delay: delay, speaker: options.speaker)
            self.end = end
        case .relay(let endpoint, let voice):
            var settings = LiveSettings.relay(captureRate: captureRate, playbackRate: playbackRate)
            settings.cleanUp = options.cleanUp
            path = try LivePath(settings)
            // A session that renews itself has no end of its own; each of the relay's sessions has.
            self.end = options.renews ? nil : end
            backend = try RelayBackend(
                endpoint, voice: voice, options: options, end: self.end, waker: board.waker)
        }
        feed = RingFeed(playback.device.status.configuration)
        capturePeriod = DevicePeriod(capture.device.status.configuration)
        rests = options.restsWhileMuted
        // What stands for a virtual microphone has its listeners, and a monitor is fed with it.
        restsOutput = options.output.reopening == nil && options.monitor == nil
        input = capture.device
        output = playback.device
        self.capture = capture
        self.playback = playback
        self.board = board
        gainDecibels = options.gainDecibels
        gate = LevelledThreshold(decibels: options.gateDecibels)
        block = .allocate(capacity: DevicePeriod.portionMax(rate: max(captureRate, playbackRate)))
        block.initialize(repeating: 0)
        setPeriods(output.status.configuration)
        path.setInputGain(Float(Decibels.amplitude(gainDecibels)))
        setGates(options.gateDecibels)
        backend.setMix(options.mix)
        path.setMuted(options.startsMuted)
        path.setBypassed(options.startsBypassed)
        // Now that all is there: what is allocated later isn't locked.
        isMemoryLocked = options.locksProcessMemory && RealtimePermission.lockProcessMemory()
        if case .ordinary(let hint) = input.status.configuration.scheduling { board.post([.noRealtime(hint: hint)]) }
    }

    deinit {
        block.deallocate()
    }

    /// Runs until it is stopped or can't go on; leaves devices and connection closed.
    func run() -> ConversionError? {
        // What was recorded while the devices opened is old.
        _ = capture.samples.discard(capture.samples.readableCount())
        while !board.isStopRequested, !backend.isOver {
            let now = monotonicNow()
            if let end, now >= end { break }
            turn(now)
            let awaited = path.samplesAwaited
            input.setWakeFrames(awaited)
            // They may have come while more of them were asked for.
            if awaited > 0, capture.samples.readableCount() >= awaited { continue }
            let deadline = now.advanced(byNanoseconds: Self.waitNanosecondsMax)
            backend.wait(
                until: deadline, descriptors: (input.wakeDescriptor, output.wakeDescriptor, board.waker.descriptor))
        }
        backend.finish()
        publish(monotonicNow())
        board.attach(nil)
        // All of them at once: one that stands still is waited for while the others end.
        for device in [input, output] { device.requestStop() }
        monitor?.requestStop()
        input.stop()
        output.stop()
        monitor?.stop()
        return backend.failure
    }

    private func turn(_ now: MonotonicTime) {
        for command in board.takeCommands() { apply(command) }
        tap = board.tapEnds
        rest(now)
        let captured = path.counts.captured
        record(now)
        if let decibels = gate.moved(by: path.levelDecibels) { setGates(decibels) }
        if path.counts.captured > captured { stopwatch.captured(input.lastMark.time) }
        stopwatch.begin(path.counts)
        board.post(backend.turn(&path, now: now))
        stopwatch.exchanged(path, wokenAt: now)
        if !isResting || !restsOutput { play(now) }
        tap?.fill(capturePeriod: capturePeriod.frames, playbackPeriod: feed.periodFrames, now: now)
        stopwatch.played()
        if now.nanoseconds(since: lastPublish) >= Self.publishNanoseconds { publish(now) }
    }

    /// Lets the devices stand still while the microphone is muted and nobody listens to what is recorded.
    private func rest(_ now: MonotonicTime) {
        let isIdle = rests && path.isIdle && tap == nil
        let since = isIdle ? idleSince ?? now : nil
        idleSince = since
        let shallRest = since.map { now.nanoseconds(since: $0) >= Self.idleNanosecondsMax } ?? false
        guard shallRest != isResting else { return }
        isResting = shallRest
        input.setResting(shallRest)
        if restsOutput { output.setResting(shallRest) }
        if shallRest { path.rest() }
    }

    private func record(_ now: MonotonicTime) {
        while true {
            let portion = UnsafeMutableBufferPointer(rebasing: block[..<capturePeriod.portion])
            let count = capture.samples.read(into: portion)
            guard count > 0 else { return }
            let samples = UnsafeBufferPointer(rebasing: block[..<count])
            tap?.writeOriginal(samples)
            path.capture(samples, now: now)
        }
    }

    /// Keeps in the speaker's ring what its thread takes at once.
    private func play(_ now: MonotonicTime) {
        let queued = playback.samples.capacity - playback.samples.writableCount()
        let missing = feed.missing(queued: queued, starved: output.starvedFrames, now: now)
        var done = 0
        while done < missing {
            let part = UnsafeMutableBufferPointer(rebasing: block[..<min(missing - done, feed.portion)])
            // What comes behind another portion is asked for so much before its time.
            let early = Int64(done) * 1_000_000_000 / Int64(output.sampleRate)
            path.render(into: part, now: now.advanced(byNanoseconds: early))
            tap?.writeConverted(UnsafeBufferPointer(part))
            monitor?.take(UnsafeBufferPointer(part), now: now)
            _ = playback.samples.write(UnsafeBufferPointer(part))
            done += part.count
        }
        if done > 0 { measureDelays(now) }
        monitor?.play(now)
    }

    private func apply(_ command: LiveCommand) {
        switch command {
        case .mute(let muted): path.setMuted(muted)
        case .bypass(let bypassed): path.setBypassed(bypassed)
        case .gain(let decibels):
            gainDecibels = decibels
            path.setInputGain(Float(Decibels.amplitude(decibels)))
        case .gate(let decibels):
            gate.decibels = decibels
            setGates(gate.atGate)
        case .mix(let share): backend.setMix(share)
        case .move(let voice): _ = backend.setVoice(voice)
        case .voice(let voice): board.post(backend.setVoice(voice))
        }
    }

    private func setGates(_ decibels: Double?) {
        path.setOwnGate(decibels: decibels)
        backend.setGate(decibels: decibels)
    }

    // MARK: - What others see

    private func publish(_ now: MonotonicTime) {
        lastPublish = now
        board.post(input.takeEvents().map { .device(.capture, $0) })
        board.post(output.takeEvents().map { .device(.playback, $0) })
        if let monitor { board.post(monitor.takeEvents().map { .monitor($0) }) }
        if let tap, tap.missing > tapMissing { board.post([.recordingOverflowed(samples: tap.missing - tapMissing)]) }
        tapMissing = tap?.missing ?? 0
        var snapshot = LiveSnapshot()
        backend.describe(&snapshot, now: now)
        snapshot.isMuted = path.isMuted
        snapshot.isBypassed = path.isBypassed
        snapshot.source = path.source
        snapshot.gainDecibels = gainDecibels
        let (inputStatus, outputStatus) = (input.status, output.status)
        follow(inputStatus.configuration, outputStatus.configuration)
        snapshot.input = inputStatus
        snapshot.output = outputStatus
        snapshot.inputLevels = input.takeLevels()
        snapshot.outputLevels = output.takeLevels()
        snapshot.monitor = monitor?.snapshot
        snapshot.isMemoryLocked = isMemoryLocked
        snapshot.driftPPM = path.driftPPM
        snapshot.counts = path.counts
        snapshot.streamRate = path.settings.streamRate
        snapshot.stages = stopwatch.stages(isLocal: snapshot.isLocal)
        snapshot.sessionNanoseconds = now.nanoseconds(since: start)
        measure(&snapshot, inputStatus.configuration, outputStatus.configuration)
        board.publish(snapshot)
    }

    /// A device that was opened anew may have another period.
    private func follow(_ input: DeviceConfiguration, _ output: DeviceConfiguration) {
        let period = DevicePeriod(input)
        if feed.follow(output) || period != capturePeriod {
            capturePeriod = period
            setPeriods(output)
        }
        monitor?.follow(source: output)
    }

    private func setPeriods(_ output: DeviceConfiguration) {
        path.setPeriods(capture: capturePeriod.nanoseconds, playback: DevicePeriod(output).nanoseconds)
    }

    /// The delay of what has just been put into the ring: at any other moment the ring and the speaker's queue hold
    /// less, and what was recorded since waits for its turn.
    private func measureDelays(_ now: MonotonicTime) {
        // While nothing is said nothing new has a delay: the last one stays.
        guard !path.isIdle else { return }
        delays = path.delays(now: now)
        queuedFrames = playback.samples.capacity - playback.samples.writableCount()
    }

    private func measure(
        _ snapshot: inout LiveSnapshot, _ input: DeviceConfiguration, _ output: DeviceConfiguration
    ) {
        snapshot.playoutTargetNanoseconds = delays.playoutTarget
        snapshot.budget.capture = Int64(input.periodFrames) * 1_000_000_000 / Int64(input.sampleRate)
        snapshot.budget.filters = delays.filters
        snapshot.budget.converter = max(0, delays.converter - snapshot.budget.gate - snapshot.budget.codec)
        snapshot.budget.playout = delays.playout
        snapshot.budget.ring = Int64(queuedFrames) * 1_000_000_000 / Int64(output.sampleRate)
        snapshot.budget.playback = output.latencyNanoseconds
        let isHeard = delays.measured > 0 && snapshot.source != .silence
        snapshot.budget.measured =
            isHeard ? delays.measured + snapshot.budget.ring + snapshot.budget.playback : 0
        if let monitor = snapshot.monitor, isHeard {
            snapshot.budget.monitor = delays.measured + monitor.addedNanoseconds
        }
    }
}
