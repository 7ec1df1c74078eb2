import VoiceSignal

/// Gathers samples into packets of 10 or 20 ms, the unit that goes to the relay as one binary frame.
///
/// Mono 16 kHz floats in, full scale at ±1; signed 16-bit little-endian out, with dither that falls silent during
/// digital silence. One thread at a time. Allocates at `init` only.
public struct PacketPacker: ~Copyable {
    /// Length of a packet.
    public enum Duration: Int, Sendable, CaseIterable {
        case milliseconds10 = 10
        case milliseconds20 = 20

        public var samples: Int { RelayProtocol.sampleRate / 1000 * rawValue }
    }

    public let packetSamples: Int
    /// Samples waiting.
    public private(set) var count = 0
    /// Samples beyond full scale so far.
    public var clipped: Int { encoder.repairs.clippedCount }
    private var encoder: SampleEncoder
    private let bytes: UnsafeMutableRawBufferPointer

    public init(_ duration: Duration) {
        guard let encoder = SampleEncoder(format: .s16) else { preconditionFailure("one copy is always allowed") }
        self.encoder = encoder
        packetSamples = duration.samples
        bytes = .allocate(byteCount: duration.samples * RelayProtocol.bytesPerSample, alignment: 16)
    }

    deinit {
        bytes.deallocate()
    }

    /// Whether a whole packet waits to be taken.
    public var isFull: Bool { count == packetSamples }

    /// Takes samples up to a whole packet and returns how many it took.
    public mutating func fill(from input: UnsafeBufferPointer<Float>) -> Int {
        let room = UnsafeMutableRawBufferPointer(rebasing: bytes[(count * RelayProtocol.bytesPerSample)...])
        let taken = encoder.encode(input, into: room)
        count += taken
        return taken
    }

    /// Hands the waiting samples over and forgets them: a whole packet, or what is left at the end.
    public mutating func take<Failure: Error>(
        _ body: (UnsafeRawBufferPointer) throws(Failure) -> Void
    ) throws(Failure) {
        let packet = UnsafeRawBufferPointer(rebasing: bytes[..<(count * RelayProtocol.bytesPerSample)])
        count = 0
        try body(packet)
    }
}
