import CALSA
import CALSAShims
import Glibc
import VoiceRealtime
import VoiceSignal

/// The loop of a playback thread: from the ring into the device.
struct PlaybackWorker: ~Copyable {
    private var link: DeviceLink
    private var ring: RingConsumer<Float>
    private var encoder: SampleEncoder
    private var meter: LevelMeter
    /// Moments that the ring was waited for, since the last write.
    private var patience = 0

    init(link: DeviceLink, ring: consuming RingConsumer<Float>, encoder: SampleEncoder, meter: LevelMeter) {
        self.link = link
        self.ring = ring
        self.encoder = encoder
        self.meter = meter
    }

    /// The ring's end, for the next worker.
    consuming func leave() -> RingConsumer<Float> { ring }

    /// Runs until it is asked to stop or the device is lost.
    ///
    /// Thread: the playback thread. No allocation, no lock, no reference counting; waits for the device, and for a
    /// fraction of a millisecond for the ring while the device has enough.
    @_noLocks @_noAllocation
    mutating func run() -> AudioExit {
        link.gauges.pointee.progressNanoseconds.store(cas_now(), ordering: .relaxed)
        var code = fillAndStart()
        while !link.isStopRequested() {
            if code < 0 {
                if let exit = link.recover(from: code, cas_now()) { return exit }
                code = fillAndStart()
                if code < 0, code != -Int(EPIPE), code != -Int(ESTRPIPE) { return .failed(code) }
                continue
            }
            if link.isRestRequested() {
                code = link.rest()
                if code >= 0 { code = fillAndStart() }
                continue
            }
            code = Int(cas_wait(link.pcm, DeviceLink.waitMilliseconds))
            guard code >= 0 else { continue }
            let now = cas_now()
            let wasWoken = code > 0
            code = cas_available(link.pcm)
            guard code >= 0 else { continue }
            let wanted = link.queueFrames &- (link.bufferFrames &- code)
            code = 0
            if wanted > 0 {
                if wanted >= link.queueFrames { link.gauges.pointee.drains.addAlone(1) }
                let share = shareOf(wanted)
                guard share > 0 else { continue }
                code = write(share, silenceFirst: false, wokenAt: now)
            } else {
                if link.isStuck(now, wasWoken: wasWoken) { return .stalled }
                code = link.complaint()
            }
        }
        return .stopped
    }

    /// What to write now of so many frames; 0 after a moment's wait.
    ///
    /// Whoever fills the ring may be a little late, for instance when the device has taken two periods at once. As long
    /// as there is half of what the device shall hold, fewer frames are better than silence among them.
    @_noLocks @_noAllocation
    private mutating func shareOf(_ wanted: Int) -> Int {
        let there = ring.readableSamples()
        let isEnough = (link.queueFrames &- wanted &+ there) &* 2 >= link.queueFrames
        if there < wanted, isEnough, there == 0, patience < 4 {
            patience &+= 1
            cas_sleep(DeviceLink.momentNanoseconds)
            return 0
        }
        patience = 0
        return isEnough && there > 0 ? min(there, wanted) : wanted
    }

    /// Queues what the device shall hold and lets it run. What the ring lacks is put in front, so that speech that is
    /// there is not cut apart.
    @_noLocks @_noAllocation
    private mutating func fillAndStart() -> Int {
        let code = write(link.queueFrames, silenceFirst: true, wokenAt: cas_now())
        guard code >= 0 else { return code }
        // The threshold has started it already, where the device knows thresholds.
        if cas_state(link.pcm) == Int32(SND_PCM_STATE_RUNNING.rawValue) { return 0 }
        return Int(cas_start(link.pcm))
    }

    /// Writes so many frames, from the ring as far as it reaches. Returns 0, or a negative errno.
    @_noLocks @_noAllocation
    private mutating func write(_ wanted: Int, silenceFirst: Bool, wokenAt now: UInt64) -> Int {
        let starved = max(0, wanted &- ring.readableSamples())
        var silence = silenceFirst ? starved : 0
        var left = wanted
        while left > 0 {
            let count = min(left, link.blockFrames)
            encode(count, silence: &silence)
            let written = push(count)
            if written < 0 { return written }
            // Filling a device that was prepared again moves nothing yet: a dead sound daemon lets that succeed, too.
            if written > 0, !silenceFirst { link.progressed(now) }
            link.gauges.pointee.frames.addAlone(UInt64(written))
            left &-= count
            if written < count {
                // Room that was promised and isn't there: what is left over is dropped, the next period is as good.
                link.gauges.pointee.droppedFrames.addAlone(UInt64(count &- written))
                break
            }
        }
        let gauges = link.gauges
        // Before the start the silence is a matter of course.
        if starved > 0, !silenceFirst { gauges.pointee.starvedFrames.addAlone(UInt64(starved)) }
        gauges.pointee.wakes.addAlone(1)
        gauges.pointee.setMark(
            nanoseconds: now, frames: gauges.pointee.frames.load(ordering: .relaxed), delay: link.queueFrames)
        cas_signal(link.wakeDescriptor)
        return 0
    }

    /// Puts the next frames into `raw`: `silence` first, then the ring's, then silence again.
    @_noLocks @_noAllocation
    private mutating func encode(_ count: Int, silence: inout Int) {
        let front = min(silence, count)
        silence &-= front
        for index in 0..<front { link.mono[index] = 0 }
        let room = UnsafeMutableBufferPointer(start: link.mono + front, count: count &- front)
        let taken = front &+ ring.readSamples(into: room)
        var index = taken
        while index < count {
            link.mono[index] = 0
            index &+= 1
        }
        let samples = UnsafeBufferPointer(start: link.mono, count: count)
        let block = meter.measure(samples)
        link.gauges.pointee.setLevels(peak: block.peak, rms: block.rms, clipped: block.clippedCount)
        let bytes = count &* link.channels &* link.bytesPerSample
        _ = encoder.encode(samples, into: UnsafeMutableRawBufferPointer(start: link.raw, count: bytes))
    }

    /// Gives the first frames in `raw` to the device. Returns how many it took, or a negative errno.
    @_noLocks @_noAllocation
    private func push(_ count: Int) -> Int {
        var done = 0
        while done < count {
            let written = cas_write(
                link.pcm, link.isMapped, link.raw + done &* link.channels &* link.bytesPerSample, count &- done)
            if written == -Int(EAGAIN) || written == 0 { break }
            if written < 0 { return written }
            done &+= written
        }
        return done
    }
}
