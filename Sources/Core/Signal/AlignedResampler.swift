/// The last stage on the way to a file: takes a stream's delay out, resamples it, and makes exactly the promised length.
///
/// Its output is aligned with what the stream was made of; what comes beyond the length is dropped. Allocates at `init`
/// only. One thread at a time.
package struct AlignedResampler: ~Copyable {
    private var resampler: Resampler
    private let block: UnsafeMutableBufferPointer<Float>
    private var samplesToSkip: Int
    /// Frames that are still to come out.
    package private(set) var framesLeft: Int

    /// - Parameters:
    ///   - streamRate: samples per second of what is pushed.
    ///   - sinkRate: frames per second of what comes out.
    ///   - delaySamples: samples by which the stream lags.
    ///   - frames: how many frames shall come out.
    ///   - blockFrames: how many come out at once, at most.
    package init(
        from streamRate: Int, to sinkRate: Int, profile: Resampler.Profile, delaySamples: Int, frames: Int,
        blockFrames: Int
    ) throws(ResamplerError) {
        var resampler = try Resampler(from: streamRate, to: sinkRate, profile: profile)
        resampler.skipDelay()
        self.resampler = resampler
        block = .allocate(capacity: blockFrames)
        block.initialize(repeating: 0)
        samplesToSkip = delaySamples
        framesLeft = frames
    }

    deinit {
        block.deallocate()
    }

    /// Takes samples of the stream, all of them, and hands on what comes out.
    package mutating func push<Failure: Error>(
        _ samples: UnsafeBufferPointer<Float>, _ deliver: (UnsafeBufferPointer<Float>) throws(Failure) -> Void
    ) throws(Failure) {
        let skipped = min(samplesToSkip, samples.count)
        samplesToSkip -= skipped
        var rest = UnsafeBufferPointer(rebasing: samples[skipped...])
        while framesLeft > 0 {
            let room = UnsafeMutableBufferPointer(rebasing: block[..<min(framesLeft, block.count)])
            let step = resampler.process(rest, into: room)
            rest = UnsafeBufferPointer(rebasing: rest[step.consumed...])
            guard step.produced > 0 else { return }
            framesLeft -= step.produced
            try deliver(UnsafeBufferPointer(rebasing: room[..<step.produced]))
        }
    }
}
