import Foundation

/// Tone pulses, one a second, each at a pitch of its own, and the ear that finds them again: how old is what is heard?
final class Pulses {
    static let rate = 48_000
    private static let every = 48_000
    private static let length = 1_440
    private static let hertz = (0..<10).map { 400.0 + 250 * Double($0) }

    /// The microphone's sound.
    static func sound(_ sample: Int) -> Float {
        let place = sample % every
        guard place < length else { return 0 }
        let number = sample / every % hertz.count
        let swell = 0.5 - 0.5 * cos(2 * .pi * Double(place) / Double(length))
        return Float(0.5 * swell * sin(2 * .pi * hertz[number] * Double(place) / Double(rate)))
    }

    /// What was heard: when the loudest moment of a pulse came, and how old it was (modulo ten seconds).
    private(set) var heard: [(time: Double, age: Double)] = []
    private var block: [Float] = []
    private var blockTime = 0.0
    private var loudest: (energy: Double, time: Double, number: Int)?
    private let capturePPM: Double

    init(capturePPM: Double = 0) { self.capturePPM = capturePPM }

    func hear(_ samples: UnsafeBufferPointer<Float>, _ time: Double) {
        for (index, sample) in samples.enumerated() {
            if block.isEmpty { blockTime = time + Double(index) / Double(Self.rate) }
            block.append(sample)
            if block.count == 240 {
                listen()
                block.removeAll(keepingCapacity: true)
            }
        }
    }

    private func listen() {
        let energy = block.reduce(0.0) { $0 + Double($1 * $1) } / 240
        guard energy > 0.005 else {
            if let loudest { note(loudest) }
            loudest = nil
            return
        }
        if energy > loudest?.energy ?? 0 { loudest = (energy, blockTime + 0.0025, number()) }
    }

    /// Which of the pitches it is: the strongest in this block (Goertzel's way, by correlation).
    private func number() -> Int {
        let strengths = Self.hertz.map { hertz -> Double in
            var (sine, cosine) = (0.0, 0.0)
            for (index, sample) in block.enumerated() {
                let angle = 2 * .pi * hertz * Double(index) / Double(Self.rate)
                sine += Double(sample) * sin(angle)
                cosine += Double(sample) * cos(angle)
            }
            return sine * sine + cosine * cosine
        }
        return strengths.firstIndex(of: strengths.max() ?? 0) ?? 0
    }

    private func note(_ pulse: (energy: Double, time: Double, number: Int)) {
        let middle = Double(Self.length) / 2 / Double(Self.rate)
        // On the microphone's own clock.
        let time = pulse.time * (1 + capturePPM * 1e-6)
        var age = (time - Double(pulse.number) - middle).truncatingRemainder(dividingBy: Double(Self.hertz.count))
        if age < -0.02 { age += Double(Self.hertz.count) }
        heard.append((pulse.time, age))
    }
}
