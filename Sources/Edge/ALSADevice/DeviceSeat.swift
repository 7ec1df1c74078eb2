import VoiceRealtime
import VoiceSignal

/// A device's end of the ring, which outlives openings of the device, and the opening that is running.
///
/// Threads: the supervisor's. While the audio thread runs, the ring's end is in its worker.
final class DeviceSeat {
    private let direction: DeviceDirection
    private let options: DeviceOptions
    private let memory: DeviceMemory
    private var captureRing: RingProducer<Float>?
    private var playbackRing: RingConsumer<Float>?
    private var running: Running?
    private var frameRest: UInt64 = 0

    private struct Running {
        let pcm: PCM
        let buffers: LockedMemory
        let worker: WorkerPlace
        let thread: AudioThread
    }

    init(capturing ring: consuming RingProducer<Float>, options: DeviceOptions, memory: DeviceMemory) {
        direction = .capture
        captureRing = consume ring
        self.options = options
        self.memory = memory
    }

    init(playing ring: consuming RingConsumer<Float>, options: DeviceOptions, memory: DeviceMemory) {
        direction = .playback
        playbackRing = consume ring
        self.options = options
        self.memory = memory
    }

    /// Starts the audio thread on a device that is open. Nothing may be running.
    func begin(_ pcm: PCM, isFallback: Bool) throws(DeviceError) -> DeviceConfiguration {
        let grant = pcm.grant
        let (worker, buffers) = try prepare(pcm)
        guard let thread = AudioThread.start(worker, memory: memory) else {
            unseat(worker)
            throw DeviceError(.outOfResources, device: pcm.name, "no thread is left for \(pcm.name)")
        }
        running = Running(pcm: pcm, buffers: buffers, worker: worker, thread: thread)
        return DeviceConfiguration(
            direction: direction, name: pcm.name, isFallback: isFallback, isConverted: pcm.isConverted,
            sampleRate: grant.sampleRate, channels: grant.channels, format: grant.format, access: grant.access,
            periodFrames: grant.periodFrames, bufferFrames: grant.bufferFrames, queueFrames: grant.queueFrames,
            scheduling: thread.schedule(priority: options.realtimePriority),
            isMemoryLocked: thread.isMemoryLocked && buffers.isLocked)
    }

    /// Runs the loop on the calling thread, between `before` and `after`.
    func runHere<Result>(_ pcm: PCM, before: () -> Void, after: () -> Result) throws(DeviceError) -> Result {
        let (worker, buffers) = try prepare(pcm)
        defer { unseat(worker) }
        return withExtendedLifetime(buffers) {
            before()
            switch worker {
            case .capture(let place): _ = place.pointee.run()
            case .playback(let place): _ = place.pointee.run()
            }
            return after()
        }
    }

    var isFinished: Bool { running?.thread.isFinished ?? true }

    /// Waits for the audio thread, which was asked to end or has ended, and closes the device.
    func end() -> AudioExit {
        guard let running else { return .stopped }
        let exit = running.thread.join()
        unseat(running.worker)
        self.running = nil
        return exit
    }

    /// Takes so much sound out of playback's ring and forgets it, as the device would. Only while nothing is running.
    func dropPlayback(nanoseconds: UInt64, sampleRate: Int) {
        guard direction == .playback else { return }
        let units = nanoseconds * UInt64(sampleRate) + frameRest
        frameRest = units % 1_000_000_000
        let dropped = playbackRing?.discard(Int(units / 1_000_000_000)) ?? 0
        memory.gauges.pointee.droppedFrames.addAlone(UInt64(dropped))
        memory.wakeEngine()
    }

    /// Makes the worker of an opening, and the memory that it works in.
    private func prepare(_ pcm: PCM) throws(DeviceError) -> (WorkerPlace, LockedMemory) {
        let grant = pcm.grant
        let frames = max(grant.periodFrames, grant.queueFrames, 64)
        let rawBytes = (frames * grant.channels * grant.format.bytesPerSample + 63) / 64 * 64
        guard let buffers = LockedMemory(byteCount: rawBytes + frames * MemoryLayout<Float>.stride) else {
            throw DeviceError(.outOfResources, device: pcm.name, "no memory for \(pcm.name)")
        }
        let link = DeviceLink(
            pcm: pcm.handle, isMapped: grant.access == .mapped ? 1 : 0, gauges: memory.gauges,
            wakeDescriptor: memory.wakeDescriptor, restDescriptor: memory.restDescriptor,
            sampleRate: UInt64(grant.sampleRate), channels: grant.channels,
            bytesPerSample: grant.format.bytesPerSample, bufferFrames: grant.bufferFrames,
            queueFrames: grant.queueFrames, raw: buffers.base,
            mono: (buffers.base + rawBytes).bindMemory(to: Float.self, capacity: frames), blockFrames: frames)
        guard let worker = seat(link, grant) else {
            throw DeviceError(.unsupported, device: pcm.name, "\(pcm.name) has \(grant.channels) channels")
        }
        return (worker, buffers)
    }

    /// Makes a worker for the opening and moves the ring's end into it.
    private func seat(_ link: DeviceLink, _ grant: PCM.Grant) -> WorkerPlace? {
        let meter = LevelMeter(sampleRate: grant.sampleRate)
        switch direction {
        case .capture:
            var channel = -1
            if case .only(let index) = options.channelChoice { channel = index }
            guard let decoder = SampleDecoder(format: grant.format, channels: channel < 0 ? grant.channels : 1),
                let ring = captureRing.take()
            else { return nil }
            let place = UnsafeMutablePointer<CaptureWorker>.allocate(capacity: 1)
            place.initialize(
                to: CaptureWorker(link: link, ring: ring, decoder: decoder, channel: channel, meter: meter))
            return .capture(place)
        case .playback:
            // No dither: what comes from 16 bits leaves as the same 16 bits.
            guard let encoder = SampleEncoder(format: grant.format, copies: grant.channels, dithering: .off),
                let ring = playbackRing.take()
            else { return nil }
            let place = UnsafeMutablePointer<PlaybackWorker>.allocate(capacity: 1)
            place.initialize(to: PlaybackWorker(link: link, ring: ring, encoder: encoder, meter: meter))
            return .playback(place)
        }
    }

    /// Takes the ring's end back from a worker that has ended.
    private func unseat(_ worker: WorkerPlace) {
        switch worker {
        case .capture(let place):
            captureRing = place.move().leave()
            place.deallocate()
        case .playback(let place):
            playbackRing = place.move().leave()
            place.deallocate()
        }
    }
}
