import VoiceConversion
import VoicePlayout
import VoiceSignal

/// From the microphone to what may be sent, in signal order: resample → clean-up → gain → mute → history.
///
/// The history is the outbox as well: `sendPosition` runs behind its end. What stays there for longer than it may is
/// skipped, counted, and never sent late. One thread at a time; allocates at `init` only.
public struct LiveUplink: ~Copyable, @unchecked Sendable {
    public let streamRate: Int
    /// nil between equal rates: the microphone's clock is the stream's, and a filter would only add its delay.
    private var resampler: Resampler?
    private var cleanUp: CleanUp
    private var gain: Gain
    private var mute: Gain
    public private(set) var meter: LevelMeter
    /// The last block's level.
    public private(set) var level = LevelMeter.Block()
    package private(set) var history: PositionedSamples
    /// Position of the next sample to be sent.
    public private(set) var sendPosition = 0
    /// Samples that were too old to be sent.
    public private(set) var droppedOld = 0
    private let block: UnsafeMutableBufferPointer<Float>
    /// Where the last packet would have gone on, after a jump.
    private var jumpedFrom: Int?

    /// - Parameters:
    ///   - captureRate: samples per second of the microphone.
    ///   - streamRate: samples per second that the converter takes.
    ///   - cleanUp: what is done to the sound first; the gate is the converter's, behind this.
    public init(
        captureRate: Int, streamRate: Int, cleanUp: CleanUpSettings = CleanUpSettings()
    ) throws(ResamplerError) {
        if captureRate == streamRate {
            resampler = nil
            filterNanoseconds = 0
        } else {
            let filter = try Resampler(from: captureRate, to: streamRate, profile: .live)
            filterNanoseconds = Int64(filter.delayOutputFrames * 1e9 / Double(streamRate))
            resampler = consume filter
        }
        self.streamRate = streamRate
        gain = Gain(1, rampFrames: streamRate / 100)
        mute = Gain(1, rampFrames: streamRate / 100)
        self.cleanUp = CleanUp(rate: streamRate, settings: cleanUp)
        meter = LevelMeter(sampleRate: streamRate)
        // Whatever a backend may owe, and its dry signal, lies within four seconds.
        history = PositionedSamples(capacityMin: 4 * streamRate)
        block = .allocate(capacity: streamRate / 20)
        block.initialize(repeating: 0)
    }

    deinit {
        block.deallocate()
    }

    /// Position behind the newest sample.
    public var end: Int { history.end }

    /// What the filter adds, in nanoseconds.
    public let filterNanoseconds: Int64

    /// What the automatic level does at present, in decibels.
    public var levelDecibels: Double { cleanUp.levelDecibels }

    public mutating func setGain(_ factor: Float) { gain.set(factor) }

    public mutating func setMuted(_ isMuted: Bool) { mute.set(isMuted ? 0 : 1) }

    /// Takes the microphone's samples.
    public mutating func push(_ samples: UnsafeBufferPointer<Float>) {
        var rest = samples
        while true {
            let filtered = resampler?.process(rest, into: block)
            let step = filtered ?? copy(rest)
            rest = UnsafeBufferPointer(rebasing: rest[step.consumed...])
            guard step.produced > 0 else { return }
            let made = UnsafeMutableBufferPointer(rebasing: block[..<step.produced])
            cleanUp.process(made)
            gain.apply(to: made)
            level = meter.measure(UnsafeBufferPointer(made))
            mute.apply(to: made)
            history.append(UnsafeBufferPointer(made))
        }
    }

    private func copy(_ samples: UnsafeBufferPointer<Float>) -> (consumed: Int, produced: Int) {
        let count = min(samples.count, block.count)
        _ = block.update(fromContentsOf: samples[..<count])
        return (count, count)
    }

    /// Forgets what has not been sent; with the next packet the newest sound goes out.
    public mutating func skipUnsent() {
        sendPosition = end
        jumpedFrom = nil
    }

    /// Skips what is older than `samples`, if there is any, and leaves `keeping` of the newest.
    public mutating func dropOld(beyond samples: Int, keeping: Int) {
        guard end - sendPosition > samples else { return }
        let target = end - keeping
        droppedOld += target - sendPosition
        jumpedFrom = sendPosition
        sendPosition = target
    }

    /// Copies the next `count` samples to be sent, which must be there, and returns the position of the first.
    public mutating func take(_ count: Int, into target: UnsafeMutablePointer<Float>) -> Int {
        let first = sendPosition
        history.copy(from: first, count: count, to: target)
        if let from = jumpedFrom {
            // A skip fades, or the converter would hear a click.
            let fade = min(count, streamRate / 200)
            for index in 0..<fade where from + index >= history.start && from + index < history.end {
                let share = Float(fade - index) / Float(fade + 1)
                target[index] += (history.sample(from + index) - target[index]) * share
            }
            jumpedFrom = nil
        }
        sendPosition += count
        return first
    }
}
