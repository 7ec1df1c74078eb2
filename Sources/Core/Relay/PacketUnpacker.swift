import VoiceSignal

/// The relay's binary frames as samples: the other side of ``PacketPacker``.
///
/// Mono 16 kHz floats out, full scale at ±1. One thread at a time. Allocates at `init` only.
public struct PacketUnpacker: ~Copyable {
    private var samples: SampleDecoder
    private let decoder: (any PacketDecoder)?
    private let block: UnsafeMutableBufferPointer<Float>

    /// - Parameter decoder: for packets; without one a frame holds plain 16-bit samples.
    public init(decoder: (any PacketDecoder)? = nil) {
        guard let samples = SampleDecoder(format: .s16, channels: 1) else {
            preconditionFailure("one channel is always allowed")
        }
        self.samples = samples
        self.decoder = decoder
        block = .allocate(capacity: RelayProtocol.audioFrameBytesMax / RelayProtocol.bytesPerSample)
        block.initialize(repeating: 0)
    }

    deinit {
        block.deallocate()
    }

    /// The samples of one frame, valid until the next call.
    ///
    /// A packet whose inside can't be decoded is filled as a gap of its length.
    public mutating func unpack(_ bytes: UnsafeRawBufferPointer) -> UnsafeBufferPointer<Float> {
        guard let decoder else { return UnsafeBufferPointer(rebasing: block[..<samples.decode(bytes, into: block)]) }
        guard let count = decoder.decode(bytes, into: block) else {
            return conceal(OpusPacket(bytes)?.samples ?? RelayProtocol.opusPacketSamplesMax)
        }
        return UnsafeBufferPointer(rebasing: block[..<count])
    }

    /// What stands for `count` samples that did not come: the decoder's continuation, or silence. Valid until the next
    /// call.
    public mutating func conceal(_ count: Int) -> UnsafeBufferPointer<Float> {
        let gap = UnsafeMutableBufferPointer(rebasing: block[..<min(max(count, 0), block.count)])
        let made = decoder?.conceal(into: gap) ?? 0
        for index in made..<gap.count { gap[index] = 0 }
        return UnsafeBufferPointer(gap)
    }
}
