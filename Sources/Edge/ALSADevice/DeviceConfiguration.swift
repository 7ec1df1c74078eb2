import VoiceRealtime
import VoiceSignal

/// How frames get in and out of a device.
public enum DeviceAccess: String, Sendable, Hashable {
    /// Through the device's own buffer, mapped into memory.
    case mapped
    /// By read and write calls.
    case readWrite
}

/// How the kernel schedules a device's audio thread.
public enum DeviceScheduling: Sendable, Hashable {
    /// SCHED_FIFO with this priority.
    case realtime(priority: Int)
    /// Like any other thread: sound may crackle when the machine is busy. The sentence says what to do about it.
    case ordinary(hint: String)
}

/// What a device has granted, read back from it.
public struct DeviceConfiguration: Sendable, Hashable {
    public let direction: DeviceDirection
    /// The name of the device that was opened: the preferred one or the fallback.
    public let name: String
    public let isFallback: Bool
    /// True when alsa-lib converts for a device that has nothing that could be used directly.
    public let isConverted: Bool
    /// Samples per second. Never changes during the life of a `SoundDevice`.
    public let sampleRate: Int
    public let channels: Int
    public let format: SampleFormat
    public let access: DeviceAccess
    /// Frames between two wake-ups.
    public let periodFrames: Int
    /// Frames that the device's buffer holds.
    public let bufferFrames: Int
    /// Frames that playback keeps queued, at most `bufferFrames`; for capture the same as `periodFrames`.
    public let queueFrames: Int
    public let scheduling: DeviceScheduling
    /// True when the audio thread's memory can't be swapped out.
    public let isMemoryLocked: Bool

    /// The delay that follows from `queueFrames`.
    public var latencyNanoseconds: Int64 { Int64(queueFrames) * 1_000_000_000 / Int64(sampleRate) }
}
