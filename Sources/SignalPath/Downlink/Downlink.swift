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
    private var output: AlignedResampler
    private let silence: UnsafeMutableBufferPointer<Float>

    /// - Parameters:
    ///   - sinkRate: frames per second of what comes out.
    ///   - frames: how many frames shall come out.
    ///   - delaySamples: samples at 16 kHz by which the relay's stream lags the source.
    ///   - decoder: for packets; without one the relay sends plain samples.
    public init(
        sinkRate: Int, frames: Int, delaySamples: Int, profile: Resampler.Profile, decoder: (any PacketDecoder)? = nil
    ) throws(ResamplerError) {
        output = try AlignedResampler(
            from: RelayProtocol.sampleRate, to: sinkRate, profile: profile, delaySamples: delaySamples, frames: frames,
            blockFrames: Self.blockFrames)
        unpacker = PacketUnpacker(decoder: decoder)
        silence = .allocate(capacity: Self.silenceSamples)
        silence.initialize(repeating: 0)
    }

    deinit {
        silence.deallocate()
    }

    /// Frames that the sink still lacks.
    public var framesLeft: Int { output.framesLeft }

    /// Takes one binary frame of the relay (whole samples, or one packet) and hands on what comes out of it.
    public mutating func push<Failure: Error>(
        _ bytes: UnsafeRawBufferPointer, _ deliver: (UnsafeBufferPointer<Float>) throws(Failure) -> Void
    ) throws(Failure) {
        try output.push(unpacker.unpack(bytes), deliver)
    }

    /// After the relay's last frame: hands on the resampler's tail and silence up to the promised length.
    public mutating func finish<Failure: Error>(
        _ deliver: (UnsafeBufferPointer<Float>) throws(Failure) -> Void
    ) throws(Failure) {
        while framesLeft > 0 { try output.push(UnsafeBufferPointer(silence), deliver) }
    }
}
