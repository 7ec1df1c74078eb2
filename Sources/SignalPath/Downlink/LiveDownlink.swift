import VoicePlayout
import VoiceRealtime
import VoiceSignal

/// From a stream that arrives in bursts to the speaker, in signal order: jitter buffer → drift resample → gain.
///
/// Clocked by the speaker: `render` makes exactly what it takes. The delay is constant, whatever the clocks do.
/// One thread at a time. Everything but `init` neither allocates nor locks (checked by the compiler).
public struct LiveDownlink: ~Copyable, @unchecked Sendable {
    public let deviceRate: Int
    private let streamRate: Int
    private var buffer: JitterBuffer
    private var resampler: Resampler
    private var gain: Gain
    private let block: UnsafeMutablePointer<Float>
    private let blockFrames: Int
    /// Frames of the device that are rendered as one pull at the most.
    private var pullFrames: Int

    /// - Parameters:
    ///   - settings: of the jitter buffer, and the rate of the stream.
    ///   - deviceRate: samples per second of the speaker.
    public init(_ settings: JitterBuffer.Settings, deviceRate: Int) throws(ResamplerError) {
        resampler = try Resampler(from: settings.rate, to: deviceRate, profile: .live)
        buffer = JitterBuffer(settings)
        gain = Gain(1, rampFrames: deviceRate / 100)
        self.deviceRate = deviceRate
        streamRate = settings.rate
        // A quarter of a second, and what the filter may want on top.
        blockFrames = settings.rate * 27 / 100
        pullFrames = deviceRate / 50
        block = .allocate(capacity: blockFrames)
        block.initialize(repeating: 0, count: blockFrames)
    }

    deinit {
        block.deallocate()
    }

    /// Says in what portions sound comes and the speaker asks for it, as `JitterBuffer.setPeriods`.
    @_noLocks @_noAllocation
    public mutating func setPeriods(frame: Int64, pull: Int64) {
        buffer.setPeriods(frame: frame, pull: pull)
        pullFrames = PeriodFrames.atOnce(pull, rate: deviceRate)
    }

    /// Takes samples that arrived at `arrival`.
    @_noLocks @_noAllocation
    public mutating func push(_ samples: UnsafeBufferPointer<Float>, arrival: MonotonicTime) {
        buffer.push(samples, arrival: arrival)
    }

    /// As `JitterBuffer.restart`.
    @_noLocks @_noAllocation
    public mutating func restart() {
        buffer.restart()
    }

    /// As `JitterBuffer.gap`.
    @_noLocks @_noAllocation
    public mutating func gap(_ samples: Int) {
        buffer.gap(samples)
    }

    /// As `JitterBuffer.pause`.
    @_noLocks @_noAllocation
    public mutating func pause() {
        buffer.pause()
    }

    /// Sets the output's gain; it moves there in 10 ms.
    @_noLocks @_noAllocation
    public mutating func setGain(_ factor: Float) {
        gain.set(factor)
    }

    /// Fills `output` with what the speaker plays next.
    @_noLocks @_noAllocation
    public mutating func render(into output: UnsafeMutableBufferPointer<Float>, now: MonotonicTime) {
        guard let base = output.baseAddress else { return }
        var done = 0
        while done < output.count {
            // In parts that fit the block; all parts but the first are early by what came before them.
            let part = min(output.count &- done, pullFrames)
            let early = Int64(done) &* 1_000_000_000 / Int64(deviceRate)
            let length = Int64(part) &* 1_000_000_000 / Int64(deviceRate)
            // Before the count of what is needed: it is exact for the drift that is set.
            resampler.setDrift(ppm: buffer.driftPPM)
            let needed = min(resampler.inputFramesNeeded(forOutput: part), blockFrames)
            let input = UnsafeMutableBufferPointer(start: block, count: needed)
            buffer.pull(
                into: input, now: now.advanced(byNanoseconds: early), length: length,
                ahead: resampler.inputFramesAhead)
            _ = resampler.process(
                UnsafeBufferPointer(input), into: UnsafeMutableBufferPointer(start: base + done, count: part))
            done &+= part
        }
        gain.apply(to: output)
    }

    public var counts: PlayoutCounts { buffer.counts }

    /// Sound waiting to be played, in nanoseconds.
    public var levelNanoseconds: Int64 { Int64(buffer.level) * 1_000_000_000 / Int64(streamRate) }

    /// The delay that the jitter buffer holds, and the one it aims at.
    public var delayNanoseconds: Int64 { buffer.delayNanoseconds }
    public var targetNanoseconds: Int64 { buffer.targetNanoseconds }

    /// What the filter adds.
    public var filterNanoseconds: Int64 {
        Int64(resampler.delayOutputFrames * 1e9 / Double(deviceRate))
    }

    /// By how much the stream's clock runs faster than the speaker's, in parts per million.
    public var driftPPM: Double { buffer.clockPPM }

    /// What the resampler makes of it, which also repairs the delay where its aim has changed.
    package var ratioPPM: Double { buffer.driftPPM }

    /// Samples of the stream waiting to be played.
    package var waitingSamples: Int { buffer.level }

    /// Position in the stream of the next sample to be played.
    package var position: Int { buffer.position }
}
