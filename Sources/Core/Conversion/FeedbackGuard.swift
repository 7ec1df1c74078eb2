import CSignalKernels

/// Holds down the howls of a loop from speaker to microphone.
///
/// A narrow notch is set where the detector finds a howl, deepened while it goes on, and lifted again when it has been
/// quiet for long; where howls come faster than notches can hold them, everything is turned down a little for a while.
/// Samples pass bit for bit as long as nothing was found.
struct FeedbackGuard: ~Copyable, @unchecked Sendable {
    // @unchecked: the buffers are raw memory that this value alone owns and reaches.
    private static let notchesMost = 8
    /// A finding so near to a notch belongs to it.
    private static let sameRatio = 1.06
    private static let firstDepth: Float = 0.25
    private static let deeper: Float = 0.4
    private static let deepest: Float = 0.02
    private static let quietFramesMax = 900
    private static let duckStep: Float = 0.7
    private static let duckLeast: Float = 0.12
    private static let duckHoldFrames = 120
    /// What turned out to be too much is tried again by 0.3 dB a second.
    private static let ceilingGrowth: Float = 1.000_55
    /// Gains move within some 10 ms; back from a duck it takes seconds.
    private let glide: Float
    private let recovery: Float

    private var detector: HowlDetector
    private let notches: UnsafeMutablePointer<Notch>
    private(set) var notchCount = 0
    private let rate: Double
    private var duck: Float = 1
    private var wantedDuck: Float = 1
    private var duckHold = 0
    /// What the duck comes back to.
    private var ceiling: Float = 1
    private var recentFindings = 0
    private var framesToForget = 0

    init(rate: Int) {
        self.rate = Double(rate)
        glide = 1 / (0.004 * Float(rate))
        recovery = 1 / (8 * Float(rate))
        detector = HowlDetector(rate: rate)
        notches = .allocate(capacity: Self.notchesMost)
        notches.initialize(repeating: Notch(hertz: 1000, rate: Double(rate)), count: Self.notchesMost)
    }

    deinit {
        notches.deallocate()
    }

    mutating func reset() {
        detector.reset()
        notchCount = 0
        duck = 1
        wantedDuck = 1
        duckHold = 0
        ceiling = 1
        recentFindings = 0
        framesToForget = 0
    }

    @inline(__always)
    mutating func filter(_ sample: Float) -> Float {
        let frameEnded = detector.push(sample)
        if frameEnded { decide() }
        var value = sample
        for index in 0..<notchCount {
            value = notches[index].filter(value, glide: glide)
        }
        if duck > wantedDuck {
            duck += (wantedDuck - duck) * glide
        } else if duck < wantedDuck {
            duck = min(wantedDuck, duck + recovery)
        }
        return duck == 1 ? value : duck * value
    }

    /// Once a frame of the detector.
    private mutating func decide() {
        age()
        if detector.isFull {
            turnDown()
            detector.forget()
        }
        guard let hertz = detector.howlHertz else { return }
        if let index = notch(near: hertz) {
            let depth = notches[index].wantedGain
            // Where even a deep notch does not help, the howl lies beside it or is everywhere.
            if depth <= Self.deepest { turnDown() }
            notches[index].deepen(to: max(Self.deepest, depth * Self.deeper))
        } else {
            recentFindings += 1
            if recentFindings > 3 || notchCount == Self.notchesMost { turnDown() }
            if notchCount < Self.notchesMost {
                notches[notchCount] = Notch(hertz: hertz, rate: rate)
                notches[notchCount].deepen(to: Self.firstDepth)
                notchCount += 1
            }
        }
        // What was found is being dealt with: it must show again to count again.
        detector.forget()
    }

    private mutating func turnDown() {
        ceiling = max(2 * Self.duckLeast, min(ceiling, duck * Self.duckStep))
        wantedDuck = max(Self.duckLeast, wantedDuck * Self.duckStep)
        duckHold = Self.duckHoldFrames
    }

    private mutating func age() {
        framesToForget += 1
        if framesToForget >= 60 {
            framesToForget = 0
            recentFindings = max(0, recentFindings - 1)
        }
        ceiling = min(1, ceiling * Self.ceilingGrowth)
        if duckHold > 0 {
            duckHold -= 1
        } else {
            wantedDuck = ceiling
        }
        var index = 0
        while index < notchCount {
            if notches[index].quietFrames > Self.quietFramesMax { notches[index].wantedGain = 1 }
            if notches[index].isOver {
                notchCount -= 1
                notches[index] = notches[notchCount]
                continue
            }
            notches[index].quietFrames += 1
            index += 1
        }
    }

    private func notch(near hertz: Double) -> Int? {
        for index in 0..<notchCount {
            let ratio = notches[index].hertz / hertz
            if ratio < Self.sameRatio && ratio > 1 / Self.sameRatio { return index }
        }
        return nil
    }
}

/// A narrow band that is turned down: the signal less a share of its resonance.
struct Notch {
    let hertz: Double
    private let alpha: Double
    private let a1: Double
    private let a2: Double
    private var z1 = 0.0
    private var z2 = 0.0
    private var gain: Float = 1
    fileprivate(set) var wantedGain: Float = 1
    fileprivate var quietFrames = 0

    init(hertz: Double, rate: Double) {
        self.hertz = hertz
        let width = max(60, hertz / 8)
        let angle = 2 * Double.pi * min(hertz, 0.45 * rate) / rate
        let slope = csk_sin(angle) * width / (2 * hertz)
        alpha = slope / (1 + slope)
        a1 = -2 * csk_cos(angle) / (1 + slope)
        a2 = (1 - slope) / (1 + slope)
    }

    fileprivate mutating func deepen(to gain: Float) {
        wantedGain = min(wantedGain, gain)
        quietFrames = 0
    }

    /// Whether nothing of it is left.
    fileprivate var isOver: Bool { wantedGain == 1 && gain > 0.999 }

    @inline(__always)
    fileprivate mutating func filter(_ sample: Float, glide: Float) -> Float {
        gain += (wantedGain - gain) * glide
        // Band-pass of unit gain at its centre, transposed direct form II.
        let input = Double(sample) + 1e-18
        let band = alpha * input + z1
        z1 = -a1 * band + z2
        z2 = -alpha * input - a2 * band
        return sample + (gain - 1) * Float(band)
    }
}
