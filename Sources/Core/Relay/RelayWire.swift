/// How sound travels between client and relay; a session has one of them for its whole life, both ways.
public enum RelayWire: String, Sendable, CaseIterable {
    /// Signed 16-bit little-endian samples: 256 kbit/s. Every relay takes it.
    case pcm
    /// Opus packets of 20 ms: 24 kbit/s, and some milliseconds more delay.
    case opus

    /// The wire with the protocol's name for it.
    public init?(format: String) {
        guard let wire = Self.allCases.first(where: { $0.format == format }) else { return nil }
        self = wire
    }

    /// The protocol's name: `pcm_16le_16k_mono`.
    public var format: String {
        switch self {
        case .pcm: RelayProtocol.formatPCM
        case .opus: RelayProtocol.formatOpus
        }
    }

    /// The most bytes that a client's packet of 20 ms has.
    public var packetBytesMax: Int {
        switch self {
        case .pcm: PacketPacker.Duration.milliseconds20.samples * RelayProtocol.bytesPerSample
        case .opus: RelayProtocol.opusPacketBytes
        }
    }

    /// The governor of what a client sends: one and a half seconds of sound in any second.
    public var rateCeiling: RateCeiling {
        switch self {
        case .pcm: RateCeiling()
        case .opus:
            RateCeiling(
                ceilingBytesPerSecond: RelayProtocol.opusCeilingBytesPerSecond,
                pacedBytesPerSecond: RelayProtocol.opusPacedBytesPerSecond, burstBytes: RelayProtocol.opusPacketBytes)
        }
    }
}
