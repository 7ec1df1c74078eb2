import CRealtime
import Glibc
import VoiceRealtime
import VoiceSignal

/// An open capture device: its handle and the ring that its sound comes out of, mono at the device's rate.
public struct OpenedCapture: ~Copyable {
    public let device: SoundDevice
    public var samples: RingConsumer<Float>
}

/// An open playback device: its handle and the ring that its sound goes into, mono at the device's rate.
public struct OpenedPlayback: ~Copyable {
    public let device: SoundDevice
    public var samples: RingProducer<Float>
}

/// A sound card, or what stands for one, that is in use.
///
/// It has an audio thread, which moves frames between ALSA and the ring and is woken by the device alone, and a
/// supervisor, an ordinary thread that opens, watches and reopens. Xruns and suspensions are repaired by the audio
/// thread within a period; a device that is lost (unplugged, its sound daemon gone, standing still) is closed and
/// tried again about once a second for as long as this lives. Meanwhile capture's ring gets nothing, and playback's
/// ring is emptied at the device's pace (`droppedFrames`), so that whoever is paced by it goes on.
///
/// Playback takes exactly what the device needs from the ring, a period at each wake-up, and puts silence for what is
/// not there: the delay inside of the device is constant, that of the ring is its owner's to keep.
///
/// Threads: every method may be called from any thread but the audio thread, none waits but `open…` and `stop`.
/// Ownership: the device is stopped when this object goes, too. The ring's end stays usable and, once the device is
/// stopped, says that the other end is gone.
public final class SoundDevice: Sendable {
    private let supervisor: Supervisor

    private init(_ supervisor: Supervisor) {
        self.supervisor = supervisor
    }

    deinit {
        supervisor.requestStop()
    }

    /// Opens a capture device and starts it.
    ///
    /// Blocks until the device runs, `openTimeoutNanoseconds` at most.
    public static func openCapture(_ options: DeviceOptions) throws(DeviceError) -> OpenedCapture {
        let supervisor = try Supervisor(.capture, options: options.validated())
        try supervisor.start()
        return OpenedCapture(device: SoundDevice(supervisor), samples: supervisor.takeCaptureEnd())
    }

    /// Opens a playback device and starts it; it plays silence until something is in the ring.
    ///
    /// Blocks until the device runs, `openTimeoutNanoseconds` at most.
    public static func openPlayback(_ options: DeviceOptions) throws(DeviceError) -> OpenedPlayback {
        let supervisor = try Supervisor(.playback, options: options.validated())
        try supervisor.start()
        return OpenedPlayback(device: SoundDevice(supervisor), samples: supervisor.takePlaybackEnd())
    }

    public var direction: DeviceDirection { supervisor.direction }

    /// Samples per second, of the device and of the ring; the same for the life of this object, also after a
    /// recovery on another device.
    public var sampleRate: Int { supervisor.sampleRate }

    /// What the device is, does and has counted.
    public var status: DeviceStatus { supervisor.status }

    /// What has happened since the last call, oldest first; beyond 64 the oldest are forgotten.
    public func takeEvents() -> [DeviceEvent] { supervisor.takeEvents() }

    /// The levels since the last call. One caller only, as a peak is seen once.
    public func takeLevels() -> DeviceLevels { supervisor.memory.takeLevels() }

    /// The audio thread's last wake-up, consistent in itself.
    public var lastMark: DeviceMark { supervisor.memory.lastMark }

    /// An eventfd that becomes readable each time that samples were moved, and when an event has come; with
    /// `setWakeFrames`, not for fewer of them.
    ///
    /// For `poll` beside other descriptors; call `drainWake` before looking at the ring. It is closed with this object.
    public var wakeDescriptor: Int32 { supervisor.memory.wakeDescriptor }

    /// Makes `wakeDescriptor` unreadable until the next samples.
    public func drainWake() { crt_eventfd_drain(wakeDescriptor) }

    /// Capture: asks for `wakeDescriptor` once so many samples are in the ring; 0, as at first, for each period.
    ///
    /// What came between is seen by looking at the ring after this.
    public func setWakeFrames(_ count: Int) {
        supervisor.memory.gauges.pointee.wakeFrames.store(count, ordering: .sequentiallyConsistent)
    }

    /// Lets the device stand still, or go on: at rest it costs no processor time, capture hears nothing and playback
    /// takes nothing out of its ring.
    ///
    /// Returns at once. Going on takes the device as long as a start, some tens of milliseconds with a sound server. A
    /// device that is lost while it rests is noticed when it shall go on.
    public func setResting(_ isResting: Bool) { supervisor.memory.requestRest(isResting) }

    /// Playback: frames of silence played because the ring had nothing, as in `status`; for who asks at each wake-up.
    public var starvedFrames: UInt64 { supervisor.memory.gauges.pointee.starvedFrames.load(ordering: .relaxed) }

    /// Asks the device to end, without a wait: where there are several, before `stop`.
    public func requestStop() { supervisor.requestStop() }

    /// Stops the device and gives it back.
    ///
    /// Blocks until that is done, two seconds at most: a sound system that answers nothing is then left to a thread of
    /// its own. What playback has queued is not played out. Calling it again does nothing.
    public func stop() { supervisor.stop() }
}
