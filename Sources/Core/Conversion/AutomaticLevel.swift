import CSignalKernels

/// Brings speech to one level, slowly and within bounds.
///
/// Frames of 10 ms that stand out of the noise's floor are speech; their mean power over some seconds says how far the
/// speaker is from the wanted level. The gain moves towards it at a few decibels a second while somebody speaks and
/// stands still in pauses, so that they are not pumped up; steady noise, which never stands out, moves nothing.
struct AutomaticLevel {
    /// Mean power of speech that is aimed at: a root mean square of -22 dB below full scale.
    private static let wantedDecibels: Float = -22
    private static let most: Float = 18
    private static let least: Float = -12
    private static let upPerFrame: Float = 0.04
    private static let downPerFrame: Float = 0.08
    /// So near is good enough.
    private static let ease: Float = 1
    private static let outOfNoise: Float = 10
    private static let quietest: Float = -60
    /// The floor climbs by 1.5 dB a second and falls at once.
    private static let floorPerFrame: Float = 0.015
    /// Speech that the mean looks back on: 3 s.
    private static let memoryFrames: Float = 300

    private let frameSamples: Int
    private var filled = 0
    private var energy: Float = 0
    private var floor: Float = 0
    private var hasFloor = false
    private var speechPower: Float = 0
    private var speechFrames: Float = 0
    private(set) var gainDecibels: Float = 0
    private var gain: Float = 1
    private var step: Float = 0

    init(rate: Int) {
        frameSamples = rate / 100
    }

    mutating func reset() {
        filled = 0
        energy = 0
        floor = 0
        hasFloor = false
        speechPower = 0
        speechFrames = 0
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
        let power = energy / Float(frameSamples)
        energy = 0
        filled = 0
        let level = Self.decibels(power)
        floor = hasFloor ? min(level, floor + Self.floorPerFrame) : level
        // A start in digital silence says nothing of the room.
        hasFloor = level > -100
        if level > floor + Self.outOfNoise && level > Self.quietest {
            speechFrames = min(Self.memoryFrames, speechFrames + 1)
            speechPower += (power - speechPower) / speechFrames
            move()
        }
        let wanted = NaturalLog.inverse(Double(gainDecibels) * ColourTaps.neperPerDecibel)
        step = (Float(wanted) - gain) / Float(frameSamples)
        if abs(step) < 1e-9 {
            step = 0
            gain = Float(wanted)
        }
    }

    /// One frame of speech towards the wanted gain. The first half second only listens.
    private mutating func move() {
        guard speechFrames >= 50 else { return }
        let wanted = max(Self.least, min(Self.most, Self.wantedDecibels - Self.decibels(speechPower)))
        let distance = wanted - gainDecibels
        guard abs(distance) > Self.ease else { return }
        gainDecibels += max(-Self.downPerFrame, min(Self.upPerFrame, distance))
    }

    private static func decibels(_ power: Float) -> Float {
        Float(csk_log(Double(power) + 1e-12) / (2 * ColourTaps.neperPerDecibel))
    }
}
