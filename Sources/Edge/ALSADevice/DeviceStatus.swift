import VoiceRealtime

/// What has happened to a device. None of it needs an answer: the device recovers by itself.
public enum DeviceEvent: Sendable, Equatable {
    /// Sound has stopped; the device is tried again about once a second.
    case lost(DeviceError)
    /// Sound moves again, `afterNanoseconds` after it was lost; that the device could be opened alone is not told.
    case recovered(DeviceConfiguration, afterNanoseconds: Int64)
    /// Another attempt to open a lost device has failed, or moved nothing, for another reason than the one before.
    case stillLost(DeviceError)
    /// Nothing has moved for a second, though the device reports no error.
    case stalled
    /// What had stalled moves again.
    case movedAgain
    /// A capture device delivers samples, but all of the last second were zero or below -200 dB: muted, or the wrong
    /// input.
    case onlyZeros
    /// A capture device that had delivered only zeros delivers sound.
    case soundReturned
    /// A playback device that ran dry again and again holds more sound from now on.
    case relaxed(DeviceConfiguration)
    /// The device's clock is off by more than the engine can follow: it delivers another rate than it says.
    case wrongRate(measuredHertz: Double)
}

/// What was counted since a device was opened.
public struct DeviceCounters: Sendable, Hashable {
    /// Frames that went through, silence that was put in included.
    public var frames: UInt64 = 0
    /// Times the audio thread was woken by the device.
    public var wakes: UInt64 = 0
    /// Overruns of capture or underruns of playback.
    public var xruns: UInt64 = 0
    /// Suspensions of the machine that the device came back from without being reopened.
    public var suspends: UInt64 = 0
    /// Capture: frames that the device had and nobody saw, because of xruns. An estimate, by the clock.
    public var lostFrames: UInt64 = 0
    /// Capture: frames thrown away because the ring was full.
    public var overflowedFrames: UInt64 = 0
    /// Playback: frames of silence played because the ring had nothing.
    public var starvedFrames: UInt64 = 0
    /// Playback: frames taken out of the ring and dropped while the device was lost.
    public var droppedFrames: UInt64 = 0
    /// Capture: frames of blocks that were zero, or below -200 dB, in every used channel.
    public var zeroFrames: UInt64 = 0
    /// Samples at full scale or beyond.
    public var clippedSamples: UInt64 = 0
    /// Times the device was opened again after it was lost.
    public var reopenings: UInt64 = 0

    public init() {}
}

/// Linear levels, full scale 1, of the one channel between device and engine.
public struct DeviceLevels: Sendable, Hashable {
    /// The largest magnitude since the last time that levels were taken.
    public var peak: Float = 0
    /// Root of the mean square of the last period.
    public var rms: Float = 0

    public init() {}
}

/// A point where the device's clock and CLOCK_MONOTONIC met: the audio thread's last wake-up.
public struct DeviceMark: Sendable, Hashable {
    /// When the audio thread woke up.
    public var time = MonotonicTime(nanoseconds: 0)
    /// Frames that had gone through when it went to sleep again, since the start.
    public var frames: UInt64 = 0
    /// Capture: frames that had waited in the device when it woke. Playback: frames queued when it went to sleep.
    public var delayFrames: Int = 0

    public init() {}
}

/// A device at one moment.
public struct DeviceStatus: Sendable, Equatable {
    public enum Phase: Sendable, Equatable {
        case running
        /// No sound; tried again about once a second.
        case lost(DeviceError)
        case stopped
    }

    public var phase: Phase
    /// The last one that was granted.
    public var configuration: DeviceConfiguration
    public var isStalled: Bool
    public var hasOnlyZeros: Bool
    public var counters: DeviceCounters
}
