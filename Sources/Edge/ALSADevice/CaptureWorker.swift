import CALSA
import CALSAShims
import Glibc
import VoiceRealtime
import VoiceSignal

/// The loop of a capture thread: from the device into the ring.
struct CaptureWorker: ~Copyable {
    private var link: DeviceLink
    private var ring: RingProducer<Float>
    private var decoder: SampleDecoder
    /// The one channel that is used, or -1 for the average of all.
    private let channel: Int
    private var meter: LevelMeter
    private var lastWake: UInt64 = 0

    init(
        link: DeviceLink, ring: consuming RingProducer<Float>, decoder: SampleDecoder, channel: Int, meter: LevelMeter
    ) {
        self.link = link
        self.ring = ring
        self.decoder = decoder
        self.channel = channel
        self.meter = meter
    }

    /// The ring's end, for the next worker.
    consuming func leave() -> RingProducer<Float> { ring }

    /// Runs until it is asked to stop or the device is lost.
    ///
    /// Thread: the capture thread. No allocation, no lock, no reference counting; waits for the device alone.
    @_noLocks @_noAllocation
    mutating func run() -> AudioExit {
        lastWake = cas_now()
        link.gauges.pointee.progressNanoseconds.store(lastWake, ordering: .relaxed)
        var code = Int(cas_start(link.pcm))
        while !link.isStopRequested() {
            if code < 0, let exit = restart(after: code) { return exit }
            if link.isRestRequested() {
                code = link.rest()
                lastWake = cas_now()
                if code >= 0 { code = Int(cas_start(link.pcm)) }
                continue
            }
            code = Int(cas_wait(link.pcm, DeviceLink.waitMilliseconds))
            guard code >= 0 else { continue }
            let now = cas_now()
            let wasWoken = code > 0
            code = cas_available(link.pcm)
            if code > 0 {
                code = move(code, wokenAt: now)
            } else if code == 0 {
                if link.isStuck(now, wasWoken: wasWoken) { return .stalled }
                code = link.complaint()
            }
        }
        return .stopped
    }

    /// Reads what is there. Returns 0, or a negative errno.
    @_noLocks @_noAllocation
    private mutating func move(_ available: Int, wokenAt now: UInt64) -> Int {
        var left = available
        while left > 0 {
            let count = cas_read(link.pcm, link.isMapped, link.raw, min(left, link.blockFrames))
            if count == -Int(EAGAIN) || count == 0 { break }
            if count < 0 { return count }
            deliver(count)
            link.progressed(now)
            link.gauges.pointee.frames.addAlone(UInt64(count))
            left &-= count
        }
        guard left < available else { return 0 }
        lastWake = now
        let gauges = link.gauges
        gauges.pointee.wakes.addAlone(1)
        gauges.pointee.setMark(
            nanoseconds: now, frames: gauges.pointee.frames.load(ordering: .relaxed), delay: available)
        let queued = ring.capacity &- ring.writableSamples()
        if queued >= gauges.pointee.wakeFrames.load(ordering: .sequentiallyConsistent) {
            cas_signal(link.wakeDescriptor)
        }
        return 0
    }

    /// Makes one channel of the frames in `raw`, measures it and writes it into the ring.
    @_noLocks @_noAllocation
    private mutating func deliver(_ frames: Int) {
        if channel >= 0, link.channels > 1 { keepOneChannel(frames) }
        let bytes = UnsafeRawBufferPointer(start: link.raw, count: frames &* decoder.bytesPerFrame)
        let decoded = decoder.decode(bytes, into: UnsafeMutableBufferPointer(start: link.mono, count: frames))
        let samples = UnsafeBufferPointer(start: link.mono, count: decoded)
        let block = meter.measure(samples)
        let gauges = link.gauges
        gauges.pointee.setLevels(peak: block.peak, rms: block.rms, clipped: block.clippedCount)
        if block.peak < DeviceGauges.silencePeak {
            gauges.pointee.zeroFrames.addAlone(UInt64(decoded))
            gauges.pointee.zeroRunFrames.addAlone(UInt64(decoded))
        } else {
            gauges.pointee.zeroRunFrames.store(0, ordering: .relaxed)
        }
        let written = ring.writeSamples(samples)
        if written < decoded { gauges.pointee.overflowedFrames.addAlone(UInt64(decoded &- written)) }
    }

    /// Moves the samples of one channel together, in place.
    @_noLocks @_noAllocation
    private func keepOneChannel(_ frames: Int) {
        let size = link.bytesPerSample
        for frame in 0..<frames {
            let source = link.raw + (frame &* link.channels &+ channel) &* size
            let target = link.raw + frame &* size
            for byte in 0..<size {
                let value = source.load(fromByteOffset: byte, as: UInt8.self)
                target.storeBytes(of: value, toByteOffset: byte, as: UInt8.self)
            }
        }
    }

    /// Brings capture back after an error; what the device had meanwhile is lost and counted.
    @_noLocks @_noAllocation
    private mutating func restart(after code: Int) -> AudioExit? {
        let now = cas_now()
        if let exit = link.recover(from: code, now) { return exit }
        if code == -Int(EPIPE), link.fruitlessCount <= 1 {
            link.gauges.pointee.lostFrames.addAlone((now &- lastWake) &* link.sampleRate / 1_000_000_000)
        }
        lastWake = now
        let started = Int(cas_start(link.pcm))
        // An xrun of the start is met by the next round's wait.
        return started < 0 && started != -Int(EPIPE) ? .failed(started) : nil
    }
}
