import CSignalKernels

/// Tells a howl from speech: one narrow tone that drowns everything else, at one frequency, and grows without end.
///
/// Every 16 ms the spectrum of the last 64 ms (at 16 kHz, or at the next higher whole part of the rate) is looked at
/// and its narrow tones are followed. A voice has harmonics; the rare syllable that has none, a pure "oo" or a hum,
/// rises fast and then slower and slower, where a howl on its way gains as many decibels in each moment as in the one
/// before. One that has reached the limits of the loop stands still in frequency, and is cut off: it has odd harmonics
/// alone. Where a loop howls everywhere at once there is no tone to find, only a level and a bluntness that no speech
/// keeps up.
struct HowlDetector: ~Copyable {
    private static let size = 1024
    private static let hop = 256
    private static let tracksMost = 6
    private static let lowestHertz = 150.0
    private static let highestHertz = 6500.0
    /// Above the mean of the spectrum, and above its neighbours 5 bins away; in ratios of power.
    private static let overMean: Float = 20
    private static let overNeighbours: Float = 30
    /// Above all other sound together, from 60 Hz on; more of it where it might be a voice's fundamental.
    private static let overOthers: Float = 1000
    private static let overOthersOfVoice: Float = 2500
    private static let voiceBin = 77.0
    private static let firstBin = 4
    private static let lastBin = 506
    private static let lobeBins = 4
    /// What a tone that is cut off symmetrically has of odd harmonics: a square wave has 0.15.
    private static let oddMost: Float = 0.3
    private static let oddOfCut: Float = 0.001
    private static let quietestPower: Float = 1e-7
    private static let growingFrames = 10
    /// Growth over the last 10 or 30 frames, in nepers of power (6 dB), and what its second half has of its first.
    private static let growthWanted: Float = 1.4
    private static let growthKept: Float = 0.7
    private static let levelsKept = 32
    /// Standing: for 0.35 s within 3 Hz, above -17 dB below full scale.
    private static let standingFrames = 22
    private static let standingBins = 0.2
    private static let standingPower: Float = 0.02
    /// Full: 0.4 s of frames above -4 dB as blunt as a sine, whose fourth moment is 1.5 times its power squared.
    private static let fullFrames = 25
    private static let fullPower: Float = 0.4
    private static let bluntMoment: Float = 1.6

    /// A tone that is being followed.
    private struct Tone {
        var bin = 0.0
        /// Where it stands since `frames`.
        var place = 0.0
        var frames = 0
        var isAlone = false
        var isCut = false
        var power: Float = 0
        var growing = 0
        /// Where its levels are kept, and how many there have been.
        var slot = 0
        var age = 0
        var wasSeen = false
    }

    private let factor: Int
    private let analysisRate: Double
    private var lowPass: FourthOrderFilter
    private var history = SampleHistory(capacity: 2048)
    private var transform = FourierTransform(size: HowlDetector.size)
    private let window: UnsafeMutablePointer<Float>
    private let powers: UnsafeMutablePointer<Float>
    private let levels: UnsafeMutablePointer<Float>
    private let tones: UnsafeMutablePointer<Tone>
    private var toneCount = 0
    private var skipped = 0
    private var loudFrames = 0
    private var energy: Float = 0
    private var fourthMoment: Float = 0
    private var total: Float = 0
    /// Whether the signal has been as loud as only a loop is, up to the frame which ended last.
    var isFull: Bool { loudFrames >= Self.fullFrames }
    /// The howl that the frame which ended last found.
    private(set) var howlHertz: Double?

    init(rate: Int) {
        factor = max(1, rate / 16_000)
        analysisRate = Double(rate) / Double(factor)
        lowPass = FourthOrderFilter(cutoffHertz: 0.42 * analysisRate, highPass: false, rate: Double(rate))
        window = .allocate(capacity: Self.size)
        for index in 0..<Self.size {
            let turn = (Double(index) + 0.5) / Double(Self.size)
            (window + index).initialize(to: Float(0.5 - 0.5 * csk_cos(2 * Double.pi * turn)))
        }
        powers = .allocate(capacity: Self.size / 2)
        powers.initialize(repeating: 0, count: Self.size / 2)
        levels = .allocate(capacity: Self.levelsKept * Self.tracksMost)
        levels.initialize(repeating: 0, count: Self.levelsKept * Self.tracksMost)
        tones = .allocate(capacity: Self.tracksMost)
        tones.initialize(repeating: Tone(), count: Self.tracksMost)
    }

    deinit {
        window.deallocate()
        powers.deallocate()
        levels.deallocate()
        tones.deallocate()
    }

    mutating func reset() {
        lowPass.reset()
        history.reset()
        toneCount = 0
        skipped = 0
        loudFrames = 0
        energy = 0
        fourthMoment = 0
        howlHertz = nil
    }

    /// Starts anew with the tones, keeps the signal.
    mutating func forget() {
        toneCount = 0
        loudFrames = 0
        howlHertz = nil
    }

    /// Takes a sample; whether a frame ended with it.
    @inline(__always)
    mutating func push(_ sample: Float) -> Bool {
        let square = min(64, sample * sample)
        energy += square
        fourthMoment += square * square
        let filtered = factor == 1 ? sample : Float(lowPass.filter(Double(sample)))
        skipped += 1
        guard skipped >= factor else { return false }
        skipped = 0
        history.append(filtered)
        guard history.count % Self.hop == 0, history.count >= Self.size else { return false }
        measure()
        follow()
        return true
    }

    private mutating func measure() {
        let samples = history.samples(from: history.count - Self.size)
        // A Hann window passes 3/8 of the power; a full-scale sine has the power 1 at its peak.
        transform.power(of: samples, window: UnsafePointer(window), into: powers, scale: 16 / 1_048_576)
        let count = Float(Self.hop * factor)
        let power = energy / count
        let isBlunt = fourthMoment / count < Self.bluntMoment * power * power
        loudFrames = power > Self.fullPower && isBlunt ? loudFrames + 1 : 0
        energy = 0
        fourthMoment = 0
    }

    private mutating func follow() {
        for index in 0..<toneCount {
            tones[index].wasSeen = false
        }
        howlHertz = nil
        let binHertz = analysisRate / Double(Self.size)
        let first = max(6, Int(Self.lowestHertz / binHertz))
        let last = min(Self.size / 2 - 7, Int(Self.highestHertz / binHertz))
        var sum: Float = 0
        for bin in first...last {
            sum += powers[bin]
        }
        let mean = sum / Float(last - first + 1)
        total = 0
        for bin in Self.firstBin..<Self.lastBin {
            total += powers[bin]
        }
        for bin in first...last where isTone(bin, mean: mean) {
            note(Double(bin) + offset(bin), power: powers[bin])
        }
        var index = 0
        while index < toneCount {
            if !tones[index].wasSeen {
                toneCount -= 1
                tones[index] = tones[toneCount]
                continue
            }
            if isHowl(tones[index]) { howlHertz = tones[index].bin * binHertz }
            index += 1
        }
    }

    private func isTone(_ bin: Int, mean: Float) -> Bool {
        let power = powers[bin]
        guard power > Self.quietestPower, power > Self.overMean * mean, power >= powers[bin - 1],
            power > powers[bin + 1]
        else { return false }
        guard power > Self.overNeighbours * powers[bin - 5], power > Self.overNeighbours * powers[bin + 5] else {
            return false
        }
        return true
    }

    /// Whether a tone drowns everything else, but for what it has of odd harmonics: a voice has even ones as well.
    private func isAlone(_ place: Double) -> Bool {
        let own = power(around: place)
        let odd = power(around: 3 * place) + power(around: 5 * place)
        let over = place < Self.voiceBin ? Self.overOthersOfVoice : Self.overOthers
        return odd < Self.oddMost * own && own > over * (total - own - odd)
    }

    /// Whether a tone looks as one does at the limits of a loop. No voice is one tone alone so high.
    private func isCut(_ place: Double) -> Bool {
        place >= Self.voiceBin || power(around: 3 * place) > Self.oddOfCut * power(around: place)
    }

    private func power(around place: Double) -> Float {
        let bin = Int(place + 0.5)
        guard bin < Self.lastBin - Self.lobeBins else { return 0 }
        var sum: Float = 0
        for index in max(Self.firstBin, bin - Self.lobeBins)...(bin + Self.lobeBins) {
            sum += powers[index]
        }
        return sum
    }

    private func offset(_ bin: Int) -> Double {
        parabolicOffset(Self.log(powers[bin - 1]), Self.log(powers[bin]), Self.log(powers[bin + 1]))
    }

    private static func log(_ power: Float) -> Float {
        Float(csk_log(Double(power) + 1e-20))
    }

    private mutating func note(_ bin: Double, power: Float) {
        var index = 0
        while index < toneCount && abs(tones[index].bin - bin) >= 0.4 {
            index += 1
        }
        if index == toneCount {
            guard toneCount < Self.tracksMost else { return }
            var tone = Tone()
            tone.bin = bin
            tone.place = bin
            tone.slot = freeSlot
            tones[toneCount] = tone
            toneCount += 1
        }
        follow(tones + index, bin: bin, power: power)
        tones[index].isAlone = isAlone(bin)
        tones[index].isCut = isCut(bin)
    }

    private var freeSlot: Int {
        var taken = 0
        for index in 0..<toneCount {
            taken |= 1 << tones[index].slot
        }
        return (~taken).trailingZeroBitCount
    }

    private func follow(_ tone: UnsafeMutablePointer<Tone>, bin: Double, power: Float) {
        // Speech on top of it may hide the growth of a few frames.
        if power > 0.97 * tone.pointee.power {
            tone.pointee.growing += 1
        } else {
            tone.pointee.growing = max(0, tone.pointee.growing - 3)
        }
        let stands = abs(bin - tone.pointee.place) < Self.standingBins && power > Self.standingPower
        tone.pointee.frames = stands ? tone.pointee.frames + 1 : 0
        if !stands { tone.pointee.place = bin }
        tone.pointee.bin += 0.25 * (bin - tone.pointee.bin)
        tone.pointee.power = power
        levels[tone.pointee.slot * Self.levelsKept + tone.pointee.age % Self.levelsKept] = Self.log(power)
        tone.pointee.age += 1
        tone.pointee.wasSeen = true
    }

    private func isHowl(_ tone: Tone) -> Bool {
        guard tone.isAlone else { return false }
        if tone.frames >= Self.standingFrames && tone.isCut { return true }
        return tone.growing >= Self.growingFrames && (grows(tone, over: 10) || grows(tone, over: 30))
    }

    /// Whether a tone has grown in these frames, in the second half as in the first.
    private func grows(_ tone: Tone, over frames: Int) -> Bool {
        guard tone.age > frames else { return false }
        let now = level(tone, before: 0)
        let middle = level(tone, before: frames / 2)
        let first = level(tone, before: frames)
        return now - first > Self.growthWanted && now - middle > Self.growthKept * (middle - first)
    }

    private func level(_ tone: Tone, before frames: Int) -> Float {
        levels[tone.slot * Self.levelsKept + (tone.age - 1 - frames) % Self.levelsKept]
    }
}
