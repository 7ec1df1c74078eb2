import VoiceRelay
import VoiceSignal

/// From the relay's frames to the sink, in signal order: unpack → take the converter's delay out → resample.
///
/// Aligned with the source and exactly as long: what the relay sends beyond is dropped, what it owes at the end is
/// silence. One thread at a time. Allocates at `init` only.
public struct Downlink: ~Copyable {
    private static let blockFrames = 4096

    private static let silenceSamples = 1024

    private var unpacker: PacketUnpacker
    private var resampler: Resampler
    private let silence: UnsafeMutableBufferPointer<Float>
    private let block: UnsafeMutableBufferPointer<Float>
    private var samplesToSkip: Int
    /// Frames that the sink still lacks.
    public private(set) var framesLeft: Int

    /// - Parameters:
    ///   - sinkRate: frames per second of what comes out.
    ///   - frames: how many frames shall come out.
    ///   - delaySamples: samples at 16 kHz by which the relay's stream lags the source.
    ///   - decoder: for packets; without one the relay sends plain samples.
    public init(
        sinkRate: Int, frames: Int, delaySamples: Int, profile: Resampler.Profile, decoder: (any PacketDecoder)? = nil
    ) throws(ResamplerError) {
        var resampler = try Resampler(from: RelayProtocol.sampleRate, to: sinkRate, profile: profile)
        resampler.skipDelay()
        self.resampler = resampler
        unpacker = PacketUnpacker(decoder: decoder)
        silence = .allocate(capacity: Self.silenceSamples)
        silence.initialize(repeating: 0)
        block = .allocate(capacity: Self.blockFrames)
        block.initialize(repeating: 0)
        samplesToSkip = delaySamples
        framesLeft = frames
    }

    deinit {
        silence.deallocate()
        block.deallocate()
    }

    /// Takes one binary frame of the relay (whole samples, or one packet) and hands on what comes out of it.
    public mutating func push<Failure: Error>(
        _ bytes: UnsafeRawBufferPointer, _ deliver: (UnsafeBufferPointer<Float>) throws(Failure) -> Void
    ) throws(Failure) {
        let samples = unpacker.unpack(bytes)
        let skipped = min(samplesToSkip, samples.count)
        samplesToSkip -= skipped
        try resample(UnsafeBufferPointer(rebasing: samples[skipped...]), deliver)
    }

    /// After the relay's last frame: hands on the resampler's tail and silence up to the promised length.
    public mutating func finish<Failure: Error>(
        _ deliver: (UnsafeBufferPointer<Float>) throws(Failure) -> Void
    ) throws(Failure) {
        while framesLeft > 0 { try resample(UnsafeBufferPointer(silence), deliver) }
    }

    private mutating func resample<Failure: Error>(
        _ input: UnsafeBufferPointer<Float>, _ deliver: (UnsafeBufferPointer<Float>) throws(Failure) -> Void
    ) throws(Failure) {
        var rest = input
        while framesLeft > 0 {
            let room = UnsafeMutableBufferPointer(rebasing: block[..<min(framesLeft, Self.blockFrames)])
            let step = resampler.process(rest, into: room)
            rest = UnsafeBufferPointer(rebasing: rest[step.consumed...])
            guard step.produced > 0 else { return }
            framesLeft -= step.produced
            try deliver(UnsafeBufferPointer(rebasing: room[..<step.produced]))
        }
    }
}
