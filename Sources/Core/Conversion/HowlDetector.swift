import CSignalKernels

/// Tells a howl from speech: one narrow tone, at one frequency, that grows, or stands there loud.
///
/// Every 16 ms the spectrum of the last 64 ms (at 16 kHz, or at the next higher whole part of the rate) is looked at and
/// its narrow tones are followed. A tone without harmonics that grows steadily is a howl on its way. One that has
/// reached the limits of the loop has harmonics too; it is known by standing still in frequency, loud, longer than a
/// voice does. Where a loop howls everywhere at once there is no tone to find, only a level that no speech keeps up.
struct HowlDetector: ~Copyable {
    private static let size = 1024
    private static let hop = 256
    private static let tracksMost = 6
    private static let lowestHertz = 150.0
    private static let highestHertz = 6500.0
    /// Above the mean of the spectrum, above its neighbours 5 bins away, above its harmonics; in ratios of power.
    private static let overMean: Float = 20
    private static let overNeighbours: Float = 30
    private static let overHarmonics: Float = 100
    private static let quietestPower: Float = 1e-7
    private static let growingFrames = 10
    private static let growthWanted: Float = 4
    /// Standing: for 0.35 s within 3 Hz, above -17 dB below full scale.
    private static let standingFrames = 22
    private static let standingBins = 0.2
    private static let standingPower: Float = 0.02
    /// Full: 0.4 s without a frame whose root mean square is below -8 dB.
    private static let fullFrames = 25
    private static let fullPower: Float = 0.16

    /// A tone that is being followed.
    private struct Tone {
        var bin = 0.0
        /// Where it stands since `frames`.
        var place = 0.0
        var frames = 0
        var isAlone = false
        var power: Float = 0
        var firstPower: Float = 0
        var growing = 0
        var wasSeen = false
    }

    private let factor: Int
    private let analysisRate: Double
    private var lowPass: FourthOrderFilter
    private var history = SampleHistory(capacity: 2048)
    private var transform = FourierTransform(size: HowlDetector.size)
    private let window: UnsafeMutablePointer<Float>
    private let powers: UnsafeMutablePointer<Float>
    private let tones: UnsafeMutablePointer<Tone>
    private var toneCount = 0
    private var skipped = 0
    private var loudFrames = 0
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
        tones = .allocate(capacity: Self.tracksMost)
        tones.initialize(repeating: Tone(), count: Self.tracksMost)
    }

    deinit {
        window.deallocate()
        powers.deallocate()
        tones.deallocate()
    }

    mutating func reset() {
        lowPass.reset()
        history.reset()
        toneCount = 0
        skipped = 0
        loudFrames = 0
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
        let newest = history.samples(from: history.count - Self.hop)
        let power = DotProduct.energy(newest, count: Self.hop) / Float(Self.hop)
        loudFrames = power > Self.fullPower ? loudFrames + 1 : 0
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

    /// A voice has harmonics; one of its own harmonics has others around it.
    private func isAlone(_ place: Double, power: Float) -> Bool {
        power > Self.overHarmonics * strongest(around: 2 * place)
            && power > Self.overHarmonics * strongest(around: 3 * place)
            && power > Self.overHarmonics * strongest(around: 0.5 * place)
            && power > Self.overHarmonics * strongest(around: 1.5 * place)
    }

    private func strongest(around place: Double) -> Float {
        let bin = Int(place + 0.5)
        guard bin > 3 && bin < Self.size / 2 - 2 else { return 0 }
        return max(powers[bin - 1], max(powers[bin], powers[bin + 1]))
    }

    private func offset(_ bin: Int) -> Double {
        parabolicOffset(Self.log(powers[bin - 1]), Self.log(powers[bin]), Self.log(powers[bin + 1]))
    }

    private static func log(_ power: Float) -> Float {
        Float(csk_log(Double(power) + 1e-20))
    }

    private mutating func note(_ bin: Double, power: Float) {
        let isAlone = isAlone(bin, power: power)
        for index in 0..<toneCount where abs(tones[index].bin - bin) < 0.4 {
            follow(tones + index, bin: bin, power: power)
            tones[index].isAlone = isAlone
            return
        }
        guard toneCount < Self.tracksMost else { return }
        var tone = Tone()
        tone.bin = bin
        tone.place = bin
        tone.power = power
        tone.firstPower = power
        tone.isAlone = isAlone
        tone.wasSeen = true
        tones[toneCount] = tone
        toneCount += 1
    }

    private func follow(_ tone: UnsafeMutablePointer<Tone>, bin: Double, power: Float) {
        // Speech on top of it may hide the growth of a few frames.
        if power > 0.97 * tone.pointee.power {
            tone.pointee.growing += 1
        } else {
            tone.pointee.growing = max(0, tone.pointee.growing - 3)
        }
        if tone.pointee.growing == 0 { tone.pointee.firstPower = power }
        let stands = abs(bin - tone.pointee.place) < Self.standingBins && power > Self.standingPower
        tone.pointee.frames = stands ? tone.pointee.frames + 1 : 0
        if !stands { tone.pointee.place = bin }
        tone.pointee.bin += 0.25 * (bin - tone.pointee.bin)
        tone.pointee.power = power
        tone.pointee.wasSeen = true
    }

    private func isHowl(_ tone: Tone) -> Bool {
        if tone.frames >= Self.standingFrames { return true }
        return tone.isAlone && tone.growing >= Self.growingFrames
            && tone.power > Self.growthWanted * tone.firstPower
    }
}
