import VoiceRelay
import VoiceSignal

/// From the source to packets for the relay, in signal order: resample to 16 kHz → pack to 16 bit.
///
/// Aligned: sample k of what goes out is the source at k/16000 s; the resampler's delay is taken out. One thread at a
/// time. Allocates at `init` only.
public struct Uplink: ~Copyable {
    private var resampler: Resampler
    private var packer: PacketPacker
    /// 16 kHz samples on their way from the resampler to the packer.
    private let between: UnsafeMutableBufferPointer<Float>
    private var waiting = 0..<0
    /// Samples still owed to the packer; the source's length in 16 kHz samples at first.
    private var samplesLeft: Int

    /// - Parameters:
    ///   - sourceRate: frames per second of what will be pushed.
    ///   - frames: how many frames the source has.
    public init(
        sourceRate: Int, frames: Int, profile: Resampler.Profile, packet: PacketPacker.Duration
    ) throws(ResamplerError) {
        var resampler = try Resampler(from: sourceRate, to: RelayProtocol.sampleRate, profile: profile)
        resampler.skipDelay()
        self.resampler = resampler
        packer = PacketPacker(packet)
        between = .allocate(capacity: packet.samples)
        between.initialize(repeating: 0)
        samplesLeft = Resampler.outputFrames(forInput: frames, from: sourceRate, to: RelayProtocol.sampleRate)
    }

    deinit {
        between.deallocate()
    }

    /// Whether a packet waits for ``takePacket(_:)``: a whole one, or the source's last.
    public var hasPacket: Bool { packer.isFull || (samplesLeft == 0 && packer.count > 0) }

    /// Whether all of the source is packed and taken.
    public var isFinished: Bool { samplesLeft == 0 && packer.count == 0 }

    /// Takes frames of the source until a packet waits; returns how many it took. After the source's end, zeros push
    /// the resampler's tail out.
    public mutating func push(_ input: UnsafeBufferPointer<Float>) -> Int {
        var taken = 0
        while !hasPacket, !isFinished {
            if waiting.isEmpty {
                let rest = UnsafeBufferPointer(rebasing: input[taken...])
                let step = resampler.process(rest, into: between)
                taken += step.consumed
                waiting = 0..<min(step.produced, samplesLeft)
                if waiting.isEmpty { return taken }
            }
            let packed = packer.fill(from: UnsafeBufferPointer(rebasing: between[waiting]))
            waiting = waiting.lowerBound + packed..<waiting.upperBound
            samplesLeft -= packed
        }
        return taken
    }

    /// Hands the waiting packet over.
    public mutating func takePacket<Failure: Error>(
        _ body: (UnsafeRawBufferPointer) throws(Failure) -> Void
    ) throws(Failure) {
        try packer.take(body)
    }
}
