import VoiceALSADevice
import VoiceConversion
import VoiceRealtime
import VoiceRelay

/// What a live session shall do.
public struct LiveOptions: Sendable {
    /// Where conversion happens.
    public enum Backend: Sendable {
        /// In this process, without a network; the way with the least delay.
        case local(Voice, delay: ConversionDelay)
        case relay(RelayEndpoint, voice: String)
    }

    /// How much delay may buy how much safety from crackles.
    public enum Latency: Sendable, Hashable {
        case low, balanced, safe
        /// What the two devices shall take together.
        case milliseconds(Int)

        /// A packet waits for the end of the microphone's period, and the speaker's thread fetches what it plays once
        /// in a period of its own: short ones cost time of the processor there, so `balanced` has them for the
        /// microphone alone.
        var captureNanoseconds: Int64 {
            switch self {
            // 64 frames at 48 kHz: what sound servers have as their least.
            case .low: 1_334_000
            case .balanced: 2_667_000
            case .safe: 21_334_000
            case .milliseconds(let count): max(.milliseconds(1), .milliseconds(Int64(count)) / 4)
            }
        }

        var playbackNanoseconds: Int64 {
            // Two periods of 256 frames, so that a server's period need not be half of ours.
            if self == .balanced { 10_667_000 } else { captureNanoseconds * 2 }
        }
    }

    public var backend: Backend
    /// The devices; their `latencyNanoseconds` is set from `latency`.
    public var input = DeviceOptions()
    public var output = DeviceOptions()
    /// A second speaker that plays what the output gets: to hear oneself where the output is a microphone for others.
    public var monitor: DeviceOptions?
    public var latency = Latency.balanced
    public var startsMuted = false
    public var startsBypassed = false
    public var gainDecibels = 0.0
    /// Level from which the microphone's gate opens; nil for no gate. The gate hears ahead, so that no word is cut:
    /// within the converter's delay in this process, and 10 ms before a relay, which the budget shows.
    public var gateDecibels: Double?
    /// The share of the converted voice in this process, 0...1; the rest is the own one. A relay knows no such thing.
    public var mix = 1.0
    /// Who will speak, for a converter in this process: a session before may have told (``LiveSnapshot/heardSpeaker``).
    /// nil finds them out within seconds.
    public var speaker: Voice.Speaker?
    /// What else is done to the microphone's sound.
    public var cleanUp = CleanUpSettings()
    /// How sound travels to a relay that offers it; PCM otherwise.
    public var wire = RelayWire.pcm
    /// How long the session may last, which then ends without an error; nil for ever in this process, and for the
    /// profile's hour of a relay, whose end is an error. With `renews` it is the length of each of the relay's sessions.
    public var maxDurationSeconds: Int?
    /// A relay's session that has reached its limit is followed by another one.
    public var renews = false
    /// While the relay is gone the own voice is heard instead of silence.
    public var playsOwnVoiceOnLoss = false
    /// The devices stand still once the microphone has been muted for 5 s, which saves nearly all of the processor's
    /// time; unmuting then costs their start, some tens of milliseconds. Not for push-to-talk.
    public var restsWhileMuted = true
    /// Keeps all memory of the process out of the swap once everything is open, where that is permitted: for programs
    /// that do nothing but sound. The sound threads' own memory is locked anyway.
    public var locksProcessMemory = false

    public init(_ backend: Backend) {
        self.backend = backend
    }
}
