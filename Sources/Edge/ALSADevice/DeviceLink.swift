import CALSA
import CALSAShims
import Glibc
import VoiceSignal

/// Why an audio thread has ended.
enum AudioExit: Sendable {
    case stopped
    /// A device call failed for good, with this negative errno.
    case failed(Int)
    /// The device reports one xrun after the other and moves nothing: its sound daemon is dead.
    case noProgress
    /// The device reports nothing and moves nothing.
    case stalled
}

/// What an audio thread needs of one opening of a device: plain values and memory that somebody else owns.
struct DeviceLink {
    let pcm: OpaquePointer
    let isMapped: Int32
    let gauges: UnsafeMutablePointer<DeviceGauges>
    let wakeDescriptor: Int32
    let restDescriptor: Int32
    let sampleRate: UInt64
    let channels: Int
    let bytesPerSample: Int
    let bufferFrames: Int
    let queueFrames: Int
    /// Room for `blockFrames` interleaved frames.
    let raw: UnsafeMutableRawPointer
    /// Room for `blockFrames` samples.
    let mono: UnsafeMutablePointer<Float>
    let blockFrames: Int

    /// One wait for the device, so that a request to stop is seen in time.
    static var waitMilliseconds: Int32 { 50 }
    /// One wait of a thread that rests.
    static var restMilliseconds: Int32 { 200 }
    /// A device that stands still for so long is given up and opened again.
    static var stallNanosecondsMax: UInt64 { 3_000_000_000 }
    /// A device that only ever reports xruns is given up after so long.
    static var noProgressNanosecondsMax: UInt64 { 400_000_000 }
    /// Pause between two attempts that move nothing, so that a dead daemon costs no processor.
    static var fruitlessPauseNanoseconds: UInt64 { 500_000 }
    /// What a ring that lacks sound is waited for at once.
    static var momentNanoseconds: UInt64 { 200_000 }
    /// A suspended device is asked so often, 10 ms apart, whether it has resumed.
    static var resumeAttemptsMax: Int { 300 }

    /// Wake-ups and recoveries since frames moved last.
    var fruitlessCount = 0

    @_noLocks @_noAllocation
    func isStopRequested() -> Bool { gauges.pointee.isStopRequested.load(ordering: .relaxed) }

    @_noLocks @_noAllocation
    func isRestRequested() -> Bool { gauges.pointee.isRestRequested.load(ordering: .relaxed) }

    /// Lets the device stand still until it is wanted again, then prepares it. Returns 0, or a negative errno.
    @_noLocks @_noAllocation
    mutating func rest() -> Int {
        _ = cas_drop(pcm)
        gauges.pointee.setLevels(peak: 0, rms: 0, clipped: 0)
        gauges.pointee.isResting.store(true, ordering: .relaxed)
        while isRestRequested(), !isStopRequested() { cas_await(restDescriptor, Self.restMilliseconds) }
        progressed(cas_now())
        gauges.pointee.isResting.store(false, ordering: .releasing)
        return Int(cas_prepare(pcm))
    }

    @_noLocks @_noAllocation
    func sinceProgress(_ now: UInt64) -> UInt64 {
        let last = gauges.pointee.progressNanoseconds.load(ordering: .relaxed)
        return now > last ? now &- last : 0
    }

    /// The device has moved on.
    @_noLocks @_noAllocation
    mutating func progressed(_ now: UInt64) {
        fruitlessCount = 0
        gauges.pointee.progressNanoseconds.store(now, ordering: .relaxed)
        gauges.pointee.hasMoved.store(true, ordering: .releasing)
    }

    /// The device woke the thread for nothing, or recovers without moving anything: waits longer each time, and says
    /// when to give up.
    @_noLocks @_noAllocation
    mutating func fruitless(_ now: UInt64, limit: UInt64) -> Bool {
        fruitlessCount &+= 1
        if fruitlessCount > 2 { cas_sleep(Self.fruitlessPauseNanoseconds) }
        return fruitlessCount > 8 && sinceProgress(now) > limit
    }

    /// True when the device has moved nothing for too long; call it when there was nothing to move.
    @_noLocks @_noAllocation
    mutating func isStuck(_ now: UInt64, wasWoken: Bool) -> Bool {
        if wasWoken { return fruitless(now, limit: Self.stallNanosecondsMax) }
        return sinceProgress(now) > Self.stallNanosecondsMax
    }

    /// The error that the device's state stands for, 0 for none: some plugins wake the thread and then only say that
    /// there is nothing.
    @_noLocks @_noAllocation
    func complaint() -> Int {
        let state = snd_pcm_state_t(rawValue: UInt32(truncatingIfNeeded: cas_state(pcm)))
        if state == SND_PCM_STATE_XRUN { return -Int(EPIPE) }
        if state == SND_PCM_STATE_SUSPENDED { return -Int(ESTRPIPE) }
        if state == SND_PCM_STATE_DISCONNECTED { return -Int(ENODEV) }
        return 0
    }

    /// Brings the device back to the state in which it can be started, or says why not.
    ///
    /// Runs on the audio thread; may sleep only while the machine resumes from a suspension.
    @_noLocks @_noAllocation
    mutating func recover(from code: Int, _ now: UInt64) -> AudioExit? {
        switch Int32(truncatingIfNeeded: -code) {
        case EPIPE:
            // A device that reports one after the other and moves nothing has one, not thousands.
            if fruitlessCount == 0 { gauges.pointee.xruns.addAlone(1) }
            if fruitless(now, limit: Self.noProgressNanosecondsMax) { return .noProgress }
        case ESTRPIPE:
            gauges.pointee.suspends.addAlone(1)
            if let exit = resume() { return exit }
        default:
            return .failed(code)
        }
        let prepared = Int(cas_prepare(pcm))
        return prepared < 0 ? .failed(prepared) : nil
    }

    /// Waits for a suspended device. One that can't resume is only prepared again, as alsa-lib's documentation says.
    @_noLocks @_noAllocation
    private func resume() -> AudioExit? {
        var attempts = 0
        while cas_resume(pcm) == -EAGAIN {
            attempts &+= 1
            if isStopRequested() { return .stopped }
            if attempts > Self.resumeAttemptsMax { return .stalled }
            cas_sleep(10_000_000)
        }
        return nil
    }
}
