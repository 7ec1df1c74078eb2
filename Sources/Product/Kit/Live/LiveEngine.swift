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
    private var ringDepth: RingDepth
    private var tap: LiveTapEnds?
    private var tapMissing = 0
    private var stopwatch = LiveStopwatch()
    private let rests: Bool
    private let restsOutput: Bool
    private var idleSince: MonotonicTime?
    private var isResting = false
    private var delays = LiveDelays()
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
            return try LiveMonitor(monitorOptions, rate: playbackRate)
        }
        switch options.backend {
        case .local(let voice, let delay):
            let rate = LocalBackend.rate(for: captureRate)
            var settings = LiveSettings.local(captureRate: captureRate, playbackRate: playbackRate, streamRate: rate)
            settings.cleanUp = options.cleanUp
            path = try LivePath(settings)
            backend = try LocalBackend(voice: voice, rate: rate, delay: delay)
            end = options.maxDurationSeconds.map { start.advanced(byNanoseconds: .seconds(Int64($0))) }
        case .relay(let endpoint, let voice):
            var settings = LiveSettings.relay(captureRate: captureRate, playbackRate: playbackRate)
            settings.cleanUp = options.cleanUp
            path = try LivePath(settings)
            backend = try RelayBackend(
                endpoint, voice: voice, options: options, commandDescriptor: board.wakeDescriptor)
            end = nil
        }
        ringDepth = RingDepth(
            period: playback.device.status.configuration.periodFrames, rate: playback.device.sampleRate)
        rests = options.restsWhileMuted
        // What stands for a virtual microphone has its listeners, and a monitor is fed with it.
        restsOutput = options.output.reopening == nil && options.monitor == nil
        input = capture.device
        output = playback.device
        self.capture = capture
        self.playback = playback
        self.board = board
        gainDecibels = options.gainDecibels
        block = .allocate(capacity: max(captureRate, playbackRate) / 50)
        block.initialize(repeating: 0)
        path.setInputGain(Float(Decibels.amplitude(gainDecibels)))
        path.setOwnGate(decibels: options.gateDecibels)
        backend.setGate(decibels: options.gateDecibels)
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
        while !board.isStopRequested, backend.failure == nil {
            let now = monotonicNow()
            if let end, now >= end { break }
            turn(now)
            let deadline = now.advanced(byNanoseconds: Self.waitNanosecondsMax)
            backend.wait(
                until: deadline, descriptors: (input.wakeDescriptor, output.wakeDescriptor, board.wakeDescriptor))
        }
        backend.finish()
        publish(monotonicNow())
        board.attach(nil)
        input.stop()
        output.stop()
        monitor?.stop()
        return backend.failure
    }

    private func turn(_ now: MonotonicTime) {
        input.drainWake()
        output.drainWake()
        board.drainWake()
        for command in board.takeCommands() { apply(command) }
        tap = board.tapEnds
        rest(now)
        let captured = path.counts.captured
        record(now)
        if path.counts.captured > captured { stopwatch.captured(input.lastMark.time) }
        stopwatch.begin(path.counts)
        board.post(backend.turn(&path, now: now))
        stopwatch.exchanged(path, wokenAt: now)
        if !isResting || !restsOutput { play(now) }
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
            let count = capture.samples.read(into: block)
            guard count > 0 else { return }
            let samples = UnsafeBufferPointer(rebasing: block[..<count])
            tap?.writeOriginal(samples)
            path.capture(samples, now: now)
        }
    }

    /// Keeps in the speaker's ring what its thread takes at once.
    private func play(_ now: MonotonicTime) {
        let queued = playback.samples.capacity - playback.samples.writableCount()
        ringDepth.update(
            queued: queued, starved: output.starvedFrames, now: Int64(bitPattern: now.nanoseconds))
        var missing = ringDepth.frames - queued
        while missing > 0 {
            let part = UnsafeMutableBufferPointer(rebasing: block[..<min(missing, block.count)])
            path.render(into: part, now: now)
            tap?.writeConverted(UnsafeBufferPointer(part))
            monitor?.take(UnsafeBufferPointer(part), now: now)
            _ = playback.samples.write(UnsafeBufferPointer(part))
            missing -= part.count
        }
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
            path.setOwnGate(decibels: decibels)
            backend.setGate(decibels: decibels)
        case .voice(let voice): board.post(backend.setVoice(voice))
        }
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
        snapshot.input = inputStatus
        snapshot.output = outputStatus
        snapshot.inputLevels = input.takeLevels()
        snapshot.outputLevels = output.takeLevels()
        snapshot.monitor = monitor?.snapshot
        snapshot.isMemoryLocked = isMemoryLocked
        snapshot.driftPPM = path.driftPPM
        snapshot.counts = path.counts
        snapshot.stages = stopwatch.stages(isLocal: snapshot.isLocal)
        snapshot.sessionNanoseconds = now.nanoseconds(since: start)
        measure(&snapshot, now, inputStatus.configuration, outputStatus.configuration)
        board.publish(snapshot)
    }

    private func measure(
        _ snapshot: inout LiveSnapshot, _ now: MonotonicTime, _ input: DeviceConfiguration,
        _ output: DeviceConfiguration
    ) {
        // While nothing is said nothing new has a delay: the last one stays.
        if !path.isIdle { delays = path.delays(now: now) }
        let queued = playback.samples.capacity - playback.samples.writableCount()
        snapshot.playoutTargetNanoseconds = delays.playoutTarget
        snapshot.budget.capture = Int64(input.periodFrames) * 1_000_000_000 / Int64(input.sampleRate)
        snapshot.budget.filters = delays.filters
        snapshot.budget.converter = max(0, delays.converter - snapshot.budget.gate - snapshot.budget.codec)
        snapshot.budget.playout = delays.playout
        snapshot.budget.ring = Int64(queued) * 1_000_000_000 / Int64(output.sampleRate)
        snapshot.budget.playback = output.latencyNanoseconds
        let isHeard = delays.measured > 0 && snapshot.source != .silence
        snapshot.budget.measured =
            isHeard ? delays.measured + snapshot.budget.ring + snapshot.budget.playback : 0
        if let monitor = snapshot.monitor, isHeard {
            snapshot.budget.monitor = delays.measured + monitor.addedNanoseconds
        }
    }
}
