/// Sines of many frequencies through a sample rate converter: how flat it is and what it adds.
public struct RateSweep: Sendable {
    public let from: Int
    public let to: Int
    /// Frequencies up to here are to come out as they went in.
    public let passEdge: Double
    /// Frequencies from here on are not to come out at all.
    public let stopEdge: Double
    /// Frequencies tried in each of the two bands.
    public let points: Int

    /// The worst of a sweep, in decibels. A tone has 0 dB.
    public struct Result: Sendable {
        /// Largest deviation of the gain from 0 dB in the pass band.
        public var ripple = 0.0
        /// Everything beside the tone, for tones in the pass band: images, aliases, rounding.
        public var beside = -Double.infinity
        /// Everything that comes out for tones in the stop band.
        public var aliases = -Double.infinity
    }

    public init(from: Int, to: Int, passEdge: Double, stopEdge: Double, points: Int) {
        self.from = from
        self.to = to
        self.passEdge = passEdge
        self.stopEdge = stopEdge
        self.points = points
    }

    /// Sweeps over a converter of whole signals. Its delay must be taken out to a few frames.
    public func run(_ convert: ([Float]) throws -> [Float]) rethrows -> Result {
        var result = Result()
        for point in 0...points {
            // Odd steps, so that no tone divides a rate and what folds falls beside the tone.
            let position = point == points ? 1 : (Double(point) + 0.317) / Double(points)
            let (gain, rest) = try response(position * passEdge, convert)
            result.ripple = max(result.ripple, abs(gain))
            result.beside = max(result.beside, rest)
        }
        // Above the output's Nyquist frequency all that comes out is an alias.
        let top = Double(from) / 2
        guard stopEdge < top else { return result }
        for point in 0..<points {
            let position = Double(point) / Double(points)
            // Dense near the edge, where the side lobes are largest.
            let frequency = stopEdge + (top - stopEdge) * position * position
            result.aliases = max(result.aliases, try response(frequency, convert).rest)
        }
        return result
    }

    /// Gain in dB and everything that is not the tone, in dB below it, for one frequency.
    public func response(
        _ frequency: Double, _ convert: ([Float]) throws -> [Float]
    ) rethrows -> (gain: Double, rest: Double) {
        // A window inside of the output that the ends of the input don't reach, some 1,500 periods of the lower rate.
        let lower = min(from, to)
        let margin = 128
        let count = (1_500 + 2 * margin) * from / lower
        let input = ToneMeasurement.sine(frequency, rate: from, count: count).map(Float.init)
        let output = try convert(input)
        let edge = (margin * to + lower - 1) / lower
        let inner = output[edge..<(output.count - edge)]
        guard frequency * 2 < Double(to) else {
            return (-.infinity, ToneMeasurement.decibels(ToneMeasurement.rms(inner) * 2.squareRoot()))
        }
        let fit = ToneMeasurement.fit(frequency, rate: to, in: inner)
        return (ToneMeasurement.decibels(fit.amplitude), ToneMeasurement.decibels(fit.residual * 2.squareRoot()))
    }
}
