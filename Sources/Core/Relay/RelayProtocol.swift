/// Every number and name of the voice-to-voice relay profile, in one place, so that a change of the cloud's
/// profile is a change of this file alone.
///
/// Fixed by Quota's documents: the first-frame handshake, `pcm_16le_16k_mono`, the 1.5x rate ceiling, the names of
/// the close codes. The rest is profile v1, which the local server speaks too.
public enum RelayProtocol {
    public static let path = "/v1/audio/voice-conversion"
    public static let model = "elevenlabs/voice-conversion-v1"
    public static let hostedUserHeader = "X-Quota-User"

    // Audio: signed 16-bit little-endian, 16 kHz, mono.
    public static let formatPCM = "pcm_16le_16k_mono"
    public static let sampleRate = 16_000
    public static let bytesPerSample = 2
    /// A receiver takes a binary frame of any whole number of samples up to this.
    public static let audioFrameBytesMax = 65_536
    /// A control message longer than this is not from a relay.
    public static let textBytesMax = 65_536

    // Rate: more than 1.5 times the declared PCM rate is FORMAT_VIOLATION.
    public static let declaredBytesPerSecond = sampleRate * bytesPerSample
    public static let ceilingBytesPerSecond = declaredBytesPerSecond * 3 / 2
    /// A file goes out at 1.44 times real time. Then even a count of all WebSocket bytes (8 more a frame) stays under
    /// the ceiling when jitter behind us squeezes 20 ms of a second together.
    public static let pacedBytesPerSecond = 46_000

    // Opus: one packet (RFC 6716) of at most 20 ms in a binary frame, at about a tenth of the bandwidth. Known of the
    // local server, not of the cloud.
    public static let formatOpus = "opus_16k_mono"
    public static let opusPacketSamplesMax = sampleRate / 50
    /// What this client sends: every packet has the same 60 bytes, so that bytes and seconds have one ceiling.
    public static let opusBitsPerSecond = 24_000
    public static let opusPacketBytes = opusBitsPerSecond / 8 / 50
    /// One and a half seconds of our packets in a second, as for PCM, and the same even pace below it.
    public static let opusCeilingBytesPerSecond = opusBitsPerSecond / 8 * 3 / 2
    public static let opusPacedBytesPerSecond = opusCeilingBytesPerSecond * pacedBytesPerSecond / ceilingBytesPerSecond
    /// A relay judges packets of any client by their seconds as it does PCM, and their bytes by 1.5 times 64 kbit/s: more
    /// makes no speech better.
    public static let opusAcceptedBytesPerSecond = 64_000 / 8 * 3 / 2

    // Times.
    /// The relay must see `auth` within this of the upgrade; the client gives `ready` as long.
    public static let authSecondsMax = 10
    public static let heartbeatSecondsDefault = 5
    /// Without the `end` feature the answer is complete when nothing came for this long.
    public static let quietSecondsAtEnd = 2
    /// Without the `end` feature, silence sent after the last sample to push the converter's delay out.
    public static let paddingSamplesMax = sampleRate
    /// A relay that owes audio and sends none for this long, though its heartbeat goes on, is stuck.
    public static let stallSecondsMax = 30
    /// A converted stream may end this much short of its input (a converter's tail); more is a lost answer.
    public static let shortfallSamplesMax = sampleRate / 2

    // Money: $9.00 an hour; 1,000,000 credits are $1.00.
    public static let creditsPerSecond = 2_500

    /// Names of features that `ready` may offer.
    public enum Feature {
        public static let end = "end"
        public static let usage = "usage"
        public static let voice = "voice"
        /// Every request for another voice is answered: `{"type":"voice","voice":…}` names the one that is in force, and
        /// `refused` with a `message` the one that the relay does not have. Known of the local server, not of the cloud.
        public static let voiceAnswer = "voice_answer"
    }

    /// Names of the `type` field of text messages.
    public enum MessageType {
        public static let auth = "auth"
        public static let ready = "ready"
        public static let usage = "usage"
        public static let end = "end"
        public static let done = "done"
        public static let voice = "voice"
        public static let error = "error"
    }

    /// Credits for so many input samples: every started credit is billed.
    public static func credits(forSamples samples: Int) -> Int {
        (samples * creditsPerSecond + sampleRate - 1) / sampleRate
    }
}
