import VoicePlayout
import VoiceRealtime
import VoiceSignal

/// What a live path has done so far, in samples of the converter's stream.
public struct LiveCounts: Sendable, Hashable {
    /// From the microphone.
    public var captured = 0
    /// To the converter.
    public var sent = 0
    /// Too old to be sent.
    public var droppedOld = 0
    /// From the converter.
    public var received = 0
    /// Answers to what was said too long ago: not played.
    public var droppedStale = 0
    /// Answers to what was heard in the own voice already: not played again.
    public var repeated = 0
    /// To the jitter buffer: converted or own voice.
    public var delivered = 0
    public var playout = PlayoutCounts()

    public init() {}
}

/// Where the delay of a live path comes from, in nanoseconds.
public struct LiveDelays: Sendable, Hashable {
    /// Of the two resampling filters.
    public var filters: Int64 = 0
    /// There and back, and in the converter: what the sound that is played now took.
    public var converter: Int64 = 0
    /// In the jitter buffer: held, and aimed at.
    public var playout: Int64 = 0
    public var playoutTarget: Int64 = 0
    /// From the microphone's ring to the speaker's, measured on the sound that is played now.
    public var measured: Int64 = 0

    public init() {}
}

extension LivePath {
    /// The delay of the sound that was rendered last, at `now`.
    public func delays(now: MonotonicTime) -> LiveDelays {
        var delays = LiveDelays()
        delays.filters = uplink.filterNanoseconds + downlink.filterNanoseconds
        delays.playout = downlink.levelNanoseconds
        delays.playoutTarget = downlink.targetNanoseconds
        guard let mic = queueToMic.other(of: downlink.position) else { return delays }
        // The newest sample of the history was recorded at `capturedAt`.
        let age = nanoseconds(uplink.end - mic) + now.nanoseconds(since: capturedAt)
        delays.measured = max(0, age) + delays.filters
        delays.converter = max(0, delays.measured - delays.filters - delays.playout)
        return delays
    }

    /// How long ago the first sample of what was sent last was recorded.
    public func sentAge(now: MonotonicTime) -> Int64 {
        let waited = uplink.end - uplink.sendPosition + lastSent
        return nanoseconds(waited) + uplink.filterNanoseconds + now.nanoseconds(since: capturedAt)
    }

    /// By how much the stream runs faster than the speaker, in parts per million.
    public var driftPPM: Double { downlink.driftPPM }

    /// The microphone's level behind gain, before gate and mute.
    public var inputLevel: LevelMeter.Block { uplink.level }

    /// Samples of the converter's stream that wait to be played.
    package var waitingSamples: Int { downlink.waitingSamples }
}
