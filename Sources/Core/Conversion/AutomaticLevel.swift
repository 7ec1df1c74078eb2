import CSignalKernels

/// Brings speech to one level, slowly and within bounds.
///
/// Speech comes and goes several times a second: a sound counts as speech when it stands out of the quietest moment of
/// the 1.5 s before it and, as is known 0.6 s later, of what follows as well. What begins and then stands there, as a
/// fan does, is none. The mean power of speech over some seconds says how far the speaker is from the wanted level; for
/// each frame of speech the gain may move by one step towards it, and does so while somebody speaks: in pauses it
/// stands still.
struct AutomaticLevel: ~Copyable, @unchecked Sendable {
    // @unchecked: the buffers are raw memory that this value alone owns and reaches.
    /// Mean power of speech that is aimed at: a root mean square of -22 dB below full scale.
    private static let wantedDecibels: Float = -22
    private static let most: Float = 18
    private static let least: Float = -12
    /// Frames of 10 ms.
    private static let upPerFrame: Float = 0.04
    private static let downPerFrame: Float = 0.08
    /// So near is good enough.
    private static let ease: Float = 1
    private static let outOfNoise: Float = 10
    private static let quietest: Float = -60
    /// What a level is measured over, so that noise does not stand out of itself: 50 ms.
    private static let levelFrames = 5
    private static let framesBefore = 150
    private static let framesAfter = 60
    private static let kept = 256
    /// Speech that the mean looks back on: 3 s.
    private static let memoryFrames: Float = 300

    private let frameSamples: Int
    private let powers: UnsafeMutablePointer<Float>
    private let levels: UnsafeMutablePointer<Float>
    private var frames = 0
    private var filled = 0
    private var energy: Float = 0
    private var speechPower: Float = 0
    private var speechFrames: Float = 0
    /// Frames known as speech for which the gain has not moved yet.
    private var stepsLeft = 0
    private(set) var gainDecibels: Float = 0
    private var gain: Float = 1
    private var step: Float = 0

    init(rate: Int) {
        frameSamples = rate / 100
        powers = .allocate(capacity: Self.kept)
        powers.initialize(repeating: 0, count: Self.kept)
        levels = .allocate(capacity: Self.kept)
        levels.initialize(repeating: 0, count: Self.kept)
    }

    deinit {
        powers.deallocate()
        levels.deallocate()
    }

    mutating func reset() {
        frames = 0
        filled = 0
        energy = 0
        speechPower = 0
        speechFrames = 0
        stepsLeft = 0
        gainDecibels = 0
        gain = 1
        step = 0
    }

    @inline(__always)
    mutating func apply(to sample: Float) -> Float {
        energy += min(64, sample * sample)
        gain += step
        filled += 1
        if filled == frameSamples { endFrame() }
        guard gain != 1 else { return sample }
        return LevelKeeper.limit(gain * sample)
    }

    private mutating func endFrame() {
        powers[frames % Self.kept] = energy / Float(frameSamples)
        energy = 0
        filled = 0
        frames += 1
        let newest = frames - 1
        var sum: Float = 0
        for frame in max(0, frames - Self.levelFrames)..<frames {
            sum += powers[frame % Self.kept]
        }
        levels[newest % Self.kept] = Self.decibels(sum / Float(min(frames, Self.levelFrames)))
        let judged = newest - Self.framesAfter
        if judged >= 0 && standsOut(judged) && standsOut(judged, of: judged + 1, to: newest) { learn(judged) }
        if stepsLeft > 0 && standsOut(newest) { move() }
        let wanted = NaturalLog.inverse(Double(gainDecibels) * ColourTaps.neperPerDecibel)
        step = (Float(wanted) - gain) / Float(frameSamples)
        if abs(step) < 1e-9 {
            step = 0
            gain = Float(wanted)
        }
    }

    /// Whether a frame stands out of what was before it.
    private func standsOut(_ frame: Int) -> Bool {
        standsOut(frame, of: max(0, frame - Self.framesBefore), to: frame)
    }

    private func standsOut(_ frame: Int, of first: Int, to last: Int) -> Bool {
        let level = levels[frame % Self.kept]
        guard level > Self.quietest else { return false }
        for other in first...last where levels[other % Self.kept] < level - Self.outOfNoise {
            return true
        }
        return false
    }

    /// Takes a frame that was speech into the mean.
    private mutating func learn(_ frame: Int) {
        speechFrames = min(Self.memoryFrames, speechFrames + 1)
        speechPower += (powers[frame % Self.kept] - speechPower) / speechFrames
        // The first half second only listens.
        if speechFrames >= 50 { stepsLeft = min(Self.framesAfter, stepsLeft + 1) }
    }

    /// One step towards the wanted gain.
    private mutating func move() {
        stepsLeft -= 1
        let wanted = max(Self.least, min(Self.most, Self.wantedDecibels - Self.decibels(speechPower)))
        let distance = wanted - gainDecibels
        guard abs(distance) > Self.ease else { return }
        gainDecibels += max(-Self.downPerFrame, min(Self.upPerFrame, distance))
    }

    private static func decibels(_ power: Float) -> Float {
        Float(csk_log(Double(power) + 1e-12) / (2 * ColourTaps.neperPerDecibel))
    }
}
