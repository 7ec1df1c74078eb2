import CRealtime
import Glibc
import Synchronization
import VoiceRealtime

/// What the audio thread writes and others read, each an atomic; and the flags that stop it.
///
/// The audio thread alone writes the gauges, so it adds by a load and a store.
struct DeviceGauges: ~Copyable {
    let isStopRequested = Atomic<Bool>(false)
    /// Asks the audio thread to let the device stand still; and what it does.
    let isRestRequested = Atomic<Bool>(false)
    let isResting = Atomic<Bool>(false)
    /// Capture: so many samples in the ring are worth a signal to its reader.
    let wakeFrames = Atomic<Int>(0)

    let frames = Atomic<UInt64>(0)
    let wakes = Atomic<UInt64>(0)
    let xruns = Atomic<UInt64>(0)
    /// Wake-ups that found playback's device empty, by which some plugins show an underrun.
    let drains = Atomic<UInt64>(0)
    let suspends = Atomic<UInt64>(0)
    let lostFrames = Atomic<UInt64>(0)
    let overflowedFrames = Atomic<UInt64>(0)
    let starvedFrames = Atomic<UInt64>(0)
    let zeroFrames = Atomic<UInt64>(0)
    let clippedSamples = Atomic<UInt64>(0)
    /// Written by the supervisor.
    let droppedFrames = Atomic<UInt64>(0)
    let reopenings = Atomic<UInt64>(0)

    /// Silence since the last sound.
    let zeroRunFrames = Atomic<UInt64>(0)
    /// Whether frames have moved since the device was opened.
    let hasMoved = Atomic<Bool>(false)
    /// When frames moved last.
    let progressNanoseconds = Atomic<UInt64>(0)
    /// Bit patterns of linear levels.
    let peakBits = Atomic<UInt32>(0)
    let rmsBits = Atomic<UInt32>(0)

    /// Odd while the mark is being written (a sequence lock).
    let markSequence = Atomic<UInt64>(0)
    let markNanoseconds = Atomic<UInt64>(0)
    let markFrames = Atomic<UInt64>(0)
    let markDelay = Atomic<Int>(0)
}

extension Atomic where Value == UInt64 {
    /// Adds, as the only thread that writes.
    @_noLocks @_noAllocation
    func addAlone(_ count: UInt64) {
        store(load(ordering: .relaxed) &+ count, ordering: .relaxed)
    }
}

extension DeviceGauges {
    @_noLocks @_noAllocation
    func setMark(nanoseconds: UInt64, frames: UInt64, delay: Int) {
        let sequence = markSequence.load(ordering: .relaxed)
        markSequence.store(sequence &+ 1, ordering: .relaxed)
        atomicMemoryFence(ordering: .releasing)
        markNanoseconds.store(nanoseconds, ordering: .relaxed)
        markFrames.store(frames, ordering: .relaxed)
        markDelay.store(delay, ordering: .relaxed)
        markSequence.store(sequence &+ 2, ordering: .releasing)
    }

    /// Below -200 dB nothing is sound: what resamplers and filters leave behind when it has ended.
    static let silencePeak: Float = 1e-10

    /// Shows the levels of a block.
    @_noLocks @_noAllocation
    func setLevels(peak: Float, rms: Float, clipped: Int) {
        let peak = peak < Self.silencePeak ? 0 : peak
        let rms = rms < Self.silencePeak ? 0 : rms
        // Others only ever set the peak to zero; losing one of two peaks to that is harmless.
        if peak > Float(bitPattern: peakBits.load(ordering: .relaxed)) {
            peakBits.store(peak.bitPattern, ordering: .relaxed)
        }
        rmsBits.store(rms.bitPattern, ordering: .relaxed)
        if clipped > 0 { clippedSamples.addAlone(UInt64(clipped)) }
    }
}

/// What a device's threads share, alive as long as one of them or the handle is.
final class DeviceMemory: @unchecked Sendable {
    let gauges = UnsafeMutablePointer<DeviceGauges>.allocate(capacity: 1)
    /// Signalled for the engine.
    let wakeDescriptor: Int32
    /// Signalled for the supervisor.
    let supervisorDescriptor: Int32
    /// Signalled for an audio thread that rests.
    let restDescriptor: Int32
    /// Signalled for who waits in `start` or `stop`.
    let answerDescriptor: Int32

    init(device: String) throws(DeviceError) {
        gauges.initialize(to: DeviceGauges())
        wakeDescriptor = crt_eventfd_create()
        supervisorDescriptor = crt_eventfd_create()
        restDescriptor = crt_eventfd_create()
        answerDescriptor = crt_eventfd_create()
        guard min(wakeDescriptor, supervisorDescriptor, restDescriptor, answerDescriptor) >= 0 else {
            throw DeviceError(
                .outOfResources, device: device, code: errno, "no file descriptor is left; raise ulimit -n")
        }
    }

    deinit {
        let all = [wakeDescriptor, supervisorDescriptor, restDescriptor, answerDescriptor]
        for descriptor in all where descriptor >= 0 { close(descriptor) }
        gauges.deinitialize(count: 1)
        gauges.deallocate()
    }

    func wakeEngine() { crt_eventfd_signal(wakeDescriptor) }

    func requestRest(_ isWanted: Bool) {
        gauges.pointee.isRestRequested.store(isWanted, ordering: .sequentiallyConsistent)
        crt_eventfd_signal(restDescriptor)
    }

    var counters: DeviceCounters {
        var counters = DeviceCounters()
        counters.frames = gauges.pointee.frames.load(ordering: .relaxed)
        counters.wakes = gauges.pointee.wakes.load(ordering: .relaxed)
        counters.xruns = gauges.pointee.xruns.load(ordering: .relaxed)
        counters.suspends = gauges.pointee.suspends.load(ordering: .relaxed)
        counters.lostFrames = gauges.pointee.lostFrames.load(ordering: .relaxed)
        counters.overflowedFrames = gauges.pointee.overflowedFrames.load(ordering: .relaxed)
        counters.starvedFrames = gauges.pointee.starvedFrames.load(ordering: .relaxed)
        counters.droppedFrames = gauges.pointee.droppedFrames.load(ordering: .relaxed)
        counters.zeroFrames = gauges.pointee.zeroFrames.load(ordering: .relaxed)
        counters.clippedSamples = gauges.pointee.clippedSamples.load(ordering: .relaxed)
        counters.reopenings = gauges.pointee.reopenings.load(ordering: .relaxed)
        return counters
    }

    func takeLevels() -> DeviceLevels {
        var levels = DeviceLevels()
        levels.peak = Float(bitPattern: gauges.pointee.peakBits.exchange(0, ordering: .relaxed))
        levels.rms = Float(bitPattern: gauges.pointee.rmsBits.load(ordering: .relaxed))
        return levels
    }

    var lastMark: DeviceMark {
        var mark = DeviceMark()
        while true {
            let before = gauges.pointee.markSequence.load(ordering: .acquiring)
            mark.time = MonotonicTime(nanoseconds: gauges.pointee.markNanoseconds.load(ordering: .relaxed))
            mark.frames = gauges.pointee.markFrames.load(ordering: .relaxed)
            mark.delayFrames = gauges.pointee.markDelay.load(ordering: .relaxed)
            atomicMemoryFence(ordering: .acquiring)
            // The writer never waits within its few stores, so neither do we for long.
            if before & 1 == 0, gauges.pointee.markSequence.load(ordering: .relaxed) == before { return mark }
        }
    }
}
