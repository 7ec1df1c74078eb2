/// How sound is encoded: 16 kHz, mono, in-band FEC and discontinuous transmission off.
public struct OpusEncoderSettings: Sendable, Equatable {
    /// Length of a frame; each becomes one packet. Those below 10 ms leave Opus its CELT half alone (RFC 6716 §2.1.4),
    /// which needs more bits for the same speech.
    public enum FrameLength: Int, Sendable, CaseIterable {
        case microseconds2500 = 40
        case milliseconds5 = 80
        case milliseconds10 = 160
        case milliseconds20 = 320

        /// Samples at 16 kHz.
        public var samples: Int { rawValue }
    }

    public var frameLength = FrameLength.milliseconds20
    /// 6,000 to 510,000, packet headers included.
    public var bitsPerSecond = 24_000
    /// Every packet has the same size. Otherwise sizes follow the sound, and a listener on the encrypted line learns from
    /// them what is said (White et al., "Phonotactic Reconstruction of Encrypted VoIP Conversations", IEEE S&P 2011).
    public var isConstantBitrate = true
    /// 0 to 10: time spent for quality.
    public var complexity = 10
    /// Gives up Opus' speech half for 4 ms less delay.
    public var isLowDelay = false

    public init() {}

    /// Bytes of every packet of a constant bitrate.
    public var constantPacketBytes: Int {
        bitsPerSecond * frameLength.samples / 16_000 / 8
    }
}
