import VoiceRelay
import VoiceSignal

/// From the source to packets for the relay, in signal order: resample to 16 kHz → pack to 16 bit or by an encoder.
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
        try self.init(sourceRate: sourceRate, frames: frames, profile: profile, packer: PacketPacker(packet))
    }

    /// Packets of an encoder. As much silence follows the source as the encoder's delay, so that all of it gets out.
    public init(
        sourceRate: Int, frames: Int, profile: Resampler.Profile, encoder: any PacketEncoder
    ) throws(ResamplerError) {
        try self.init(
            sourceRate: sourceRate, frames: frames, profile: profile, packer: PacketPacker(encoder: encoder))
    }

    private init(
        sourceRate: Int, frames: Int, profile: Resampler.Profile, packer: consuming PacketPacker
    ) throws(ResamplerError) {
        var resampler = try Resampler(from: sourceRate, to: RelayProtocol.sampleRate, profile: profile)
        resampler.skipDelay()
        self.resampler = resampler
        between = .allocate(capacity: packer.packetSamples)
        between.initialize(repeating: 0)
        let samples = Resampler.outputFrames(forInput: frames, from: sourceRate, to: RelayProtocol.sampleRate)
        samplesLeft = samples == 0 ? 0 : samples + packer.delaySamples
        self.packer = packer
    }

    deinit {
        between.deallocate()
    }

    /// Whether a packet waits for ``takePacket(_:)``: a whole one, or the source's last.
    public var hasPacket: Bool { packer.isFull || (samplesLeft == 0 && packer.count > 0) }

    /// Samples by which the decoded packets lag the source.
    public var delaySamples: Int { packer.delaySamples }

    /// Samples of the packet that waits.
    public var packetSamples: Int { packer.nextPacketSamples }

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

    /// After the source's end: makes a whole packet of silence wait.
    public mutating func padWithSilence() {
        for index in between.indices { between[index] = 0 }
        _ = packer.fill(from: UnsafeBufferPointer(between))
    }

    /// Hands the waiting packet over.
    public mutating func takePacket<Failure: Error>(
        _ body: (UnsafeRawBufferPointer) throws(Failure) -> Void
    ) throws(Failure) {
        try packer.take(body)
    }
}
