import VoiceALSADevice
import VoiceConversion
import VoiceLivePath
import VoicePlayout
import VoiceRelay

/// A live session at one moment. Times in nanoseconds, levels linear with full scale 1.
public struct LiveSnapshot: Sendable {
    /// What stands between the microphone and the converted voice.
    public enum Link: Sendable, Hashable {
        case connecting
        case running
        /// The relay has not answered for a second, though its connection lives.
        case stalled
        /// The connection is lost; tried again in so many nanoseconds.
        case reconnecting(inNanoseconds: Int64)
        case ended
    }

    /// The second speaker.
    public struct Monitor: Sendable {
        public var status: DeviceStatus
        public var driftPPM: Double
        /// Delay behind the moment at which the output's ring got the same sound.
        public var addedNanoseconds: Int64
        public var counts: PlayoutCounts
    }

    public var link = Link.connecting
    public var isLocal = true
    public var relayName = ""
    public var voice = ""
    /// The one who has been heard by a converter in this process; nil before 5 s of voice.
    public var heardSpeaker: Voice.Speaker?
    public var isMuted = false
    public var isBypassed = false
    public var source = LivePath.Source.silence
    public var gainDecibels = 0.0
    public var input: DeviceStatus?
    public var output: DeviceStatus?
    public var inputLevels = DeviceLevels()
    public var outputLevels = DeviceLevels()
    public var monitor: Monitor?
    public var budget = LiveBudget()
    public var stages = LiveStages()
    /// Depth that the jitter buffer aims at.
    public var playoutTargetNanoseconds: Int64 = 0
    public var driftPPM = 0.0
    public var counts = LiveCounts()
    /// Samples per second of what ``counts`` count: those of the conversion, which need not be a device's.
    public var streamRate = 48_000
    public var reconnects = 0
    public var sessionNanoseconds: Int64 = 0
    /// What the relay says of the bill; nil in this process.
    public var creditsUsed: Int?
    public var creditsLeft: Int?
    public var roundTripNanoseconds: Int64?
    /// How sound travels to the relay; nil in this process.
    public var wire: RelayWire?
    /// Whether all memory of the process is kept out of the swap.
    public var isMemoryLocked = false

    public init() {}
}

/// Where the delay from mouth to ear comes from, stage by stage, in nanoseconds. The stages, from the filters to the
/// speaker's queue, add up to what is measured.
public struct LiveBudget: Sendable, Hashable {
    /// A period of the microphone. Not a stage of its own: its first sample waits for its last and its last does not, and
    /// the jitter buffer evens that out, within whose time it is.
    public var capture: Int64 = 0
    /// The two resampling filters.
    public var filters: Int64 = 0
    /// The look-ahead of the gate before a relay; that of this process is within the converter's delay.
    public var gate: Int64 = 0
    /// What the codecs of both directions hear ahead: Opus; PCM needs nothing.
    public var codec: Int64 = 0
    /// The converter, and the way there and back.
    public var converter: Int64 = 0
    /// Length of a packet to the relay. Not a stage of its own: its first sample waits for its last, within what the
    /// converter and the jitter buffer take.
    public var packet: Int64 = 0
    /// Of that, what the converter itself declares.
    public var declared: Int64 = 0
    /// In the jitter buffer.
    public var playout: Int64 = 0
    /// In the ring to the speaker's thread.
    public var ring: Int64 = 0
    /// In the speaker's queue.
    public var playback: Int64 = 0
    /// From the microphone to the speaker, measured on the sound that is played now; 0 before there is any.
    public var measured: Int64 = 0
    /// The same to the second speaker.
    public var monitor: Int64 = 0

    public init() {}
}

/// What has happened in a live session, for its user.
public enum LiveEvent: Sendable {
    /// Conversion has begun; a relay gives its session a name.
    case ready(sessionID: String?)
    /// The relay is gone; the sentence says why.
    case lost(String, retryNanoseconds: Int64)
    /// The session has reached its limit and is followed by another.
    case renewed
    /// The relay does not offer the wire that was asked for; the session goes on with plain samples.
    case wireRefused(RelayWire)
    case voiceChanged(String)
    /// A voice that could not be had, and why; the old one goes on.
    case voiceRefused(String, reason: String)
    /// The relay does not answer, though its connection lives: for a second it has sent no sound for what it got.
    case relayStalled
    /// It does again.
    case relayAnswers
    case device(DeviceDirection, DeviceEvent)
    /// Of the second speaker.
    case monitor(DeviceEvent)
    /// The sound threads have no real-time priority; what the user can do about it.
    case noRealtime(hint: String)
    /// The samples of a recording came faster than they were written: so many are missing.
    case recordingOverflowed(samples: Int)
}
