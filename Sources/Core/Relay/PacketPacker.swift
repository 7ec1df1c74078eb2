import VoiceSignal

/// Gathers samples into packets of 10 or 20 ms, the unit that goes to the relay as one binary frame.
///
/// Mono 16 kHz floats in, full scale at ±1. Out come signed 16-bit little-endian samples, with dither that falls silent
/// during digital silence, or what an encoder makes of them. One thread at a time. Allocates at `init` only.
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
    public private(set) var clipped = 0
    private var samples: SampleEncoder
    private let encoder: (any PacketEncoder)?
    private let bytes: UnsafeMutableRawBufferPointer
    /// What waits for the encoder.
    private let frame: UnsafeMutableBufferPointer<Float>

    public init(_ duration: Duration) {
        self.init(samples: duration.samples, bytes: duration.samples * RelayProtocol.bytesPerSample, encoder: nil)
    }

    /// Packets of the encoder's length, in its format; the last one is filled up with silence.
    public init(encoder: any PacketEncoder) {
        self.init(samples: encoder.packetSamples, bytes: encoder.packetBytesMax, encoder: encoder)
    }

    private init(samples packetSamples: Int, bytes byteCount: Int, encoder: (any PacketEncoder)?) {
        guard let samples = SampleEncoder(format: .s16) else { preconditionFailure("one copy is always allowed") }
        self.samples = samples
        self.encoder = encoder
        self.packetSamples = packetSamples
        bytes = .allocate(byteCount: byteCount, alignment: 16)
        frame = .allocate(capacity: encoder == nil ? 0 : packetSamples)
        frame.initialize(repeating: 0)
    }

    deinit {
        bytes.deallocate()
        frame.deallocate()
    }

    /// Whether a whole packet waits to be taken.
    public var isFull: Bool { count == packetSamples }

    /// Samples by which the decoded packets lag what was filled in.
    public var delaySamples: Int { encoder?.delaySamples ?? 0 }

    /// Samples that the packet holds which ``take(_:)`` would hand over now; all of it counts, silence too.
    public var nextPacketSamples: Int { encoder == nil || count == 0 ? count : packetSamples }

    /// Takes samples up to a whole packet and returns how many it took.
    public mutating func fill(from input: UnsafeBufferPointer<Float>) -> Int {
        let taken: Int
        if encoder == nil {
            let room = UnsafeMutableRawBufferPointer(rebasing: bytes[(count * RelayProtocol.bytesPerSample)...])
            taken = samples.encode(input, into: room)
            clipped = samples.repairs.clippedCount
        } else {
            taken = min(input.count, packetSamples - count)
            for index in 0..<taken {
                frame[count + index] = input[index]
                if input[index].magnitude > 1 { clipped += 1 }
            }
        }
        count += taken
        return taken
    }

    /// Hands the waiting samples over and forgets them: a whole packet, or what is left at the end.
    public mutating func take<Failure: Error>(
        _ body: (UnsafeRawBufferPointer) throws(Failure) -> Void
    ) throws(Failure) {
        let length: Int
        if let encoder {
            for index in count..<packetSamples { frame[index] = 0 }
            length = count == 0 ? 0 : encoder.encode(UnsafeBufferPointer(frame), into: bytes)
        } else {
            length = count * RelayProtocol.bytesPerSample
        }
        count = 0
        try body(UnsafeRawBufferPointer(rebasing: bytes[..<length]))
    }
}
