import Foundation

/// Finds short rising tones in a recording, and so how late they came.
struct ChirpMeter {
    /// Long enough to be found in a noisy room, short enough to be one event.
    static let chirpSeconds = 0.08
    static let lowHertz = 800.0
    static let highHertz = 5_000.0
    /// A chirp is found where its normalised correlation is at least this; noise stays below 0.2.
    static let correlationMin: Float = 0.35

    let sampleRate: Int
    let chirp: [Float]

    /// - Parameter slowest: the lowest rate on the chirp's way, which it has to get through.
    init(sampleRate: Int, slowest: Int) {
        self.sampleRate = sampleRate
        let highHertz = min(Self.highHertz, 0.4 * Double(slowest))
        let count = Int(Self.chirpSeconds * Double(sampleRate))
        chirp = (0..<count).map { index in
            let time = Double(index) / Double(sampleRate)
            let slope = (highHertz - Self.lowHertz) / Self.chirpSeconds
            let phase = 2 * Double.pi * (Self.lowHertz * time + slope * time * time / 2)
            // Without an envelope the ends would click.
            let envelope = 0.5 - 0.5 * cos(2 * Double.pi * (Double(index) + 0.5) / Double(count))
            return Float(0.5 * envelope * sin(phase))
        }
    }

    /// Samples from `start` to where the chirp is heard best within `window` samples; nil when it isn't.
    func delay(in recording: [Float], after start: Int, window: Int) -> Int? {
        var best: (delay: Int, score: Float)?
        let last = min(window, recording.count - start - chirp.count)
        guard last > 0 else { return nil }
        var energy: Float = 0
        var ownEnergy: Float = 0
        for index in chirp.indices {
            energy += recording[start + index] * recording[start + index]
            ownEnergy += chirp[index] * chirp[index]
        }
        recording.withUnsafeBufferPointer { sound in
            chirp.withUnsafeBufferPointer { chirp in
                for delay in 0..<last {
                    var product: Float = 0
                    for index in 0..<chirp.count { product += sound[start + delay + index] * chirp[index] }
                    let score = abs(product) / max(1e-6, (max(0, energy) * ownEnergy).squareRoot())
                    if score > (best?.score ?? Self.correlationMin) { best = (delay, score) }
                    let gone = sound[start + delay]
                    let new = sound[start + delay + chirp.count]
                    energy += new * new - gone * gone
                }
            }
        }
        return best?.delay
    }
}
