import CALSAShims
import CRealtime
import Glibc
import Synchronization
import VoiceRealtime
import VoiceSignal

/// Opens a device, watches its audio thread and opens it again when it was lost: a thread of its own, not real-time.
///
/// Threads: `run` and everything private belongs to the supervisor's thread; the rest may be called from any.
final class Supervisor: @unchecked Sendable {
    let direction: DeviceDirection
    let memory: DeviceMemory
    private let options: DeviceOptions
    private let board: DeviceBoard
    private let isEnding = Atomic<Bool>(false)

    // The supervisor's thread alone, after `start`.
    private var seat: DeviceSeat?
    private var watch = DeviceWatch()
    private var margin: DeviceMargin
    /// While the device is tried with more and more: the margin before, and when and how it was opened last.
    private var tried: (before: DeviceMargin, time: UInt64, configuration: DeviceConfiguration)?
    /// Since the device was lost, until sound moves again.
    private var outage: Outage?

    private struct Outage {
        let start: UInt64
        /// Once it was opened again.
        var configuration: DeviceConfiguration?
    }

    // Written before `start` returns, read after.
    private(set) var sampleRate = 0
    private let captureEnd = HandOver<RingConsumer<Float>>()
    private let playbackEnd = HandOver<RingProducer<Float>>()

    init(_ direction: DeviceDirection, options: DeviceOptions) throws(DeviceError) {
        self.direction = direction
        self.options = options
        margin = DeviceMargin(latencyNanoseconds: options.latencyNanoseconds)
        memory = try DeviceMemory(device: options.name)
        board = DeviceBoard(memory)
    }

    // MARK: - From any thread

    var status: DeviceStatus { board.status }

    func takeEvents() -> [DeviceEvent] { board.takeEvents() }

    func takeCaptureEnd() -> RingConsumer<Float> { captureEnd.take() }

    func takePlaybackEnd() -> RingProducer<Float> { playbackEnd.take() }

    /// Opens the device on a new thread and waits until it runs.
    func start() throws(DeviceError) {
        let context = Unmanaged.passRetained(self)
        let code = crt_thread_start(
            { context in
                guard let context else { return nil }
                Unmanaged<Supervisor>.fromOpaque(context).takeRetainedValue().run()
                return nil
            }, context.toOpaque())
        guard code == 0 else {
            context.release()
            throw DeviceError(.outOfResources, device: options.name, code: code, "no thread is left")
        }
        guard Self.wait(for: memory.answerDescriptor, nanoseconds: options.openTimeoutNanoseconds) else {
            requestStop()
            throw DeviceFailure.unresponsive(options.name)
        }
        if let failure = board.failure { throw failure }
    }

    /// Asks the threads to end; doesn't wait.
    func requestStop() {
        isEnding.store(true, ordering: .sequentiallyConsistent)
        memory.gauges.pointee.isStopRequested.store(true, ordering: .sequentiallyConsistent)
        crt_eventfd_signal(memory.supervisorDescriptor)
    }

    /// Asks the threads to end and waits for it, two seconds at most.
    func stop() {
        requestStop()
        // The descriptor stays readable, so that a second caller sees the end as well.
        _ = Self.wait(for: memory.answerDescriptor, nanoseconds: .seconds(2), drains: false)
    }

    private static func wait(for descriptor: Int32, nanoseconds: Int64, drains: Bool = true) -> Bool {
        let end = cas_now() + UInt64(nanoseconds)
        while true {
            let now = cas_now()
            var entry = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
            let ready = crt_poll(&entry, 1, now < end ? Int64(end - now) : 0)
            if ready > 0 {
                if drains { crt_eventfd_drain(descriptor) }
                return true
            }
            if ready == 0, now >= end { return false }
        }
    }

    // MARK: - The supervisor's thread

    private var isEnded: Bool { isEnding.load(ordering: .relaxed) }

    private func run() {
        crt_thread_name("sound-watch")
        do throws(DeviceError) {
            let pcm = try openAny()
            let seat = makeSeat(for: pcm)
            self.seat = seat
            board.began(try begin(pcm, on: seat))
        } catch {
            seat = nil
            board.failed(error)
            return crt_eventfd_signal(memory.answerDescriptor)
        }
        crt_eventfd_signal(memory.answerDescriptor)
        while let lost = superviseUntilLost(), recover(from: lost) {}
        seat = nil
        board.stopped()
        memory.wakeEngine()
        crt_eventfd_signal(memory.answerDescriptor)
    }

    /// The ring, and the place of the worker that has one end of it.
    private func makeSeat(for pcm: PCM) -> DeviceSeat {
        sampleRate = pcm.grant.sampleRate
        let capacity = Int(options.ringNanoseconds) * sampleRate / 1_000_000_000
        let ends = makeRing(of: Float.self, capacityMin: max(capacity, 2 * pcm.grant.queueFrames))
        switch direction {
        case .capture:
            captureEnd.put(ends.consumer)
            return DeviceSeat(capturing: ends.producer, options: options, memory: memory)
        case .playback:
            playbackEnd.put(ends.producer)
            return DeviceSeat(playing: ends.consumer, options: options, memory: memory)
        }
    }

    /// The preferred device, else the fallback; the error is the preferred one's.
    private func openAny() throws(DeviceError) -> PCM {
        let rate = sampleRate > 0 ? sampleRate : nil
        var options = options
        options.latencyNanoseconds = margin.latencyNanoseconds
        do {
            return try PCM.open(options.name, direction, options: options, sampleRate: rate)
        } catch {
            guard let fallback = options.fallbackName,
                let pcm = try? PCM.open(fallback, direction, options: options, sampleRate: rate)
            else { throw error }
            return pcm
        }
    }

    /// Puts the audio thread on an open device.
    private func begin(_ pcm: PCM, on seat: DeviceSeat) throws(DeviceError) -> DeviceConfiguration {
        watch = DeviceWatch()
        let isFallback = pcm.name != options.name
        memory.gauges.pointee.isStopRequested.store(false, ordering: .sequentiallyConsistent)
        // A request that came between is not to be lost: it sets this first, then the flag.
        if isEnding.load(ordering: .sequentiallyConsistent) { requestStop() }
        // What was silent before says nothing about what is heard now.
        memory.gauges.pointee.zeroRunFrames.store(0, ordering: .relaxed)
        memory.gauges.pointee.hasMoved.store(false, ordering: .sequentiallyConsistent)
        let configuration = try seat.begin(pcm, isFallback: isFallback)
        outage?.configuration = configuration
        return configuration
    }

    /// Whether the device is lost still, though it is open. The first sound that moves ends that, or that it rests.
    private func isSilent(_ now: UInt64, isResting: Bool) -> Bool {
        guard let outage, let configuration = outage.configuration else { return false }
        let hasMoved = memory.gauges.pointee.hasMoved.load(ordering: .acquiring)
        guard hasMoved || isResting else { return true }
        let moved = memory.gauges.pointee.progressNanoseconds.load(ordering: .relaxed)
        self.outage = nil
        watch = DeviceWatch()
        board.recovered(configuration, afterNanoseconds: Int64(max(moved, outage.start) - outage.start))
        return false
    }

    /// Watches the running device; nil when it was asked to end, else why the device is lost.
    private func superviseUntilLost() -> DeviceError? {
        guard let seat else { return nil }
        var nextProbe = cas_now() + UInt64(options.retryNanoseconds)
        while true {
            let pause: Int64 = .milliseconds(outage == nil ? 200 : 20)
            _ = Self.wait(for: memory.supervisorDescriptor, nanoseconds: pause)
            let now = cas_now()
            if seat.isFinished {
                let exit = seat.end()
                if isEnded { return nil }
                if case .noProgress = exit, deepens(seat) { continue }
                return meaning(of: exit)
            }
            let isResting = memory.gauges.pointee.isResting.load(ordering: .acquiring)
            if isSilent(now, isResting: isResting) { continue }
            if isResting {
                watch = DeviceWatch()
                continue
            }
            for event in watch.look(at: memory, direction: direction, sampleRate: sampleRate, now: now) {
                board.post(event)
            }
            // One that never moves anything ends sooner, unless its thread was kept from running.
            if let tried, now - tried.time > 1_000_000_000, memory.gauges.pointee.hasMoved.load(ordering: .acquiring) {
                self.tried = nil
                board.post(.relaxed(tried.configuration))
            }
            if direction == .playback, options.growsWhenDry, relaxes(now), let loss = relax(seat) { return loss }
            if board.status.configuration.isFallback, now >= nextProbe, !isEnded {
                nextProbe = now + UInt64(options.retryNanoseconds)
                if let pcm = try? PCM.open(options.name, direction, options: options, sampleRate: sampleRate) {
                    changeBack(to: pcm, seat)
                }
            }
        }
    }

    private func relaxes(_ now: UInt64) -> Bool {
        let gauges = memory.gauges
        let underruns =
            gauges.pointee.xruns.load(ordering: .relaxed) + gauges.pointee.drains.load(ordering: .relaxed)
        return margin.grows(underruns: underruns, now: now)
    }

    /// A playback device that only ever runs dry may have a sound server that takes more at once than it holds: opens it
    /// with more, as long as that can be. A server that is dead gets back what worked before.
    private func deepens(_ seat: DeviceSeat) -> Bool {
        guard direction == .playback, options.growsWhenDry else { return false }
        let before = tried?.before ?? margin
        if margin.grow(), let configuration = try? reopen(seat) {
            tried = (before, cas_now(), configuration)
            return true
        }
        margin = before
        tried = nil
        return false
    }

    /// Opens the device again, to hold as much as the margin says.
    private func relax(_ seat: DeviceSeat) -> DeviceError? {
        memory.gauges.pointee.isStopRequested.store(true, ordering: .relaxed)
        _ = seat.end()
        if isEnded { return nil }
        do throws(DeviceError) {
            board.post(.relaxed(try reopen(seat)))
            return nil
        } catch {
            return error
        }
    }

    /// Puts the seat, which nobody holds, on the device again.
    private func reopen(_ seat: DeviceSeat) throws(DeviceError) -> DeviceConfiguration {
        let configuration = try begin(try openAny(), on: seat)
        memory.gauges.pointee.reopenings.addAlone(1)
        return configuration
    }

    /// From the fallback to the preferred device, which is open already.
    private func changeBack(to pcm: PCM, _ seat: DeviceSeat) {
        let start = cas_now()
        memory.gauges.pointee.isStopRequested.store(true, ordering: .relaxed)
        _ = seat.end()
        guard let configuration = try? begin(pcm, on: seat) else { return }
        memory.gauges.pointee.reopenings.addAlone(1)
        board.recovered(configuration, afterNanoseconds: Int64(cas_now() - start))
    }

    private func meaning(of exit: AudioExit) -> DeviceError {
        let name = board.status.configuration.name
        // What alsa-lib said on this thread while it closed the device has nothing to do with it.
        cas_forget_message()
        switch exit {
        case .failed(let code) where code == -Int(ENOENT) && options.reopening != nil:
            return DeviceError(
                .unplugged, device: name, code: ENOENT, options.reopening?.whatIsGone ?? "\(name) is gone")
        case .failed(let code): return DeviceFailure.error(code, device: name, direction: direction)
        case .noProgress: return DeviceFailure.error(-Int(EPIPE), device: name, direction: direction)
        case .stalled, .stopped: return DeviceFailure.stalled(name)
        }
    }

    /// Tries to open the device until that works; false when it was asked to end. That it opens is not yet that sound is
    /// back: one that is lost again before anything moved was lost all the time.
    private func recover(from loss: DeviceError) -> Bool {
        guard let seat else { return false }
        let start = cas_now()
        var nextAttempt = start
        if outage == nil {
            outage = Outage(start: start)
            board.lost(loss)
        } else {
            outage?.configuration = nil
            board.stillLost(loss)
            nextAttempt += UInt64(options.retryNanoseconds)
        }
        var lastSeen = start
        while !isEnded {
            let now = cas_now()
            seat.dropPlayback(nanoseconds: now - lastSeen, sampleRate: sampleRate)
            lastSeen = now
            if now >= nextAttempt {
                nextAttempt = now + UInt64(options.retryNanoseconds)
                if let check = options.reopening, !check.isReady() { continue }
                do throws(DeviceError) {
                    _ = try reopen(seat)
                    return true
                } catch {
                    board.stillLost(error)
                }
            }
            // The pace at which playback's ring is emptied while nothing plays.
            _ = Self.wait(for: memory.supervisorDescriptor, nanoseconds: .milliseconds(20))
        }
        return false
    }
}
