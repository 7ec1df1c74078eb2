/// Finds what takes one known speaker's speech to another's: how far to move the formants, and the colour.
package enum VoiceFitting {
    private static let widestLog = 0.36
    private static let coarseLog = 0.04
    private static let fineLog = 0.01

    /// The factor on the source's formants after which its sounds lie nearest to the target's.
    ///
    /// Sounds are compared as mel-cepstra without their means, since the colour takes care of those: every frame has a
    /// distance to the nearest one of the other speaker, whatever the words. Moving the source up and the target down
    /// are tried both, so that neither's empty top of the band decides.
    package static func formantRatio(from source: SpeakerProfile, to target: SpeakerProfile) -> Double {
        let still = (source: centred(source, movedBy: 1), target: centred(target, movedBy: 1))
        func cost(_ log: Double) -> Double {
            let ratio = NaturalLog.inverse(log)
            return distance(centred(source, movedBy: ratio), still.target)
                + distance(still.source, centred(target, movedBy: 1 / ratio))
        }
        let steps = Int(widestLog / coarseLog)
        let coarse = (-steps...steps).map { Double($0) * coarseLog }
        let near = cheapest(coarse, cost)
        return NaturalLog.inverse(cheapest((-3...3).map { near + Double($0) * fineLog }, cost))
    }

    private static func cheapest(_ candidates: [Double], _ cost: (Double) -> Double) -> Double {
        candidates.map { (cost: cost($0), log: $0) }.min { $0.cost < $1.cost }?.log ?? 0
    }

    /// The cepstra of the profile's examples, one after the other, without their mean.
    private static func centred(_ profile: SpeakerProfile, movedBy ratio: Double) -> [Float] {
        let orders = SpeechBands.cepstra
        var cepstra = profile.bands(movedBy: ratio).flatMap(SpeechBands.cepstrum)
        let count = max(1, cepstra.count / orders)
        for order in 0..<orders {
            var sum: Float = 0
            for frame in 0..<count {
                sum += cepstra[frame * orders + order]
            }
            for frame in 0..<count {
                cepstra[frame * orders + order] -= sum / Float(count)
            }
        }
        return cepstra
    }

    /// The mean distance of each frame of one to the nearest of the other, both ways.
    private static func distance(_ left: [Float], _ right: [Float]) -> Double {
        let orders = SpeechBands.cepstra
        let rows = left.count / orders
        let columns = right.count / orders
        guard rows > 0, columns > 0 else { return 0 }
        var nearestLeft = [Float](repeating: .greatestFiniteMagnitude, count: rows)
        var nearestRight = [Float](repeating: .greatestFiniteMagnitude, count: columns)
        left.withUnsafeBufferPointer { left in
            right.withUnsafeBufferPointer { right in
                guard let left = left.baseAddress, let right = right.baseAddress else { return }
                for row in 0..<rows {
                    for column in 0..<columns {
                        let square = squaredDistance(left + row * orders, right + column * orders, count: orders)
                        nearestLeft[row] = min(nearestLeft[row], square)
                        nearestRight[column] = min(nearestRight[column], square)
                    }
                }
            }
        }
        func mean(_ squares: [Float]) -> Double {
            squares.reduce(0.0) { $0 + Double($1.squareRoot()) } / Double(squares.count)
        }
        return mean(nearestLeft) + mean(nearestRight)
    }

    @inline(__always)
    private static func squaredDistance(
        _ left: UnsafePointer<Float>, _ right: UnsafePointer<Float>, count: Int
    ) -> Float {
        let leftBytes = UnsafeRawPointer(left)
        let rightBytes = UnsafeRawPointer(right)
        var sum = SIMD8<Float>(repeating: 0)
        for index in stride(from: 0, to: count, by: 8) {
            let difference =
                leftBytes.loadUnaligned(fromByteOffset: 4 * index, as: SIMD8<Float>.self)
                - rightBytes.loadUnaligned(fromByteOffset: 4 * index, as: SIMD8<Float>.self)
            sum += difference * difference
        }
        return sum.sum()
    }

    /// The largest correction of the spectrum that a learned voice makes, up and down.
    private static let mostBoost = 12.0
    private static let mostCut = -36.0

    /// How far a colour may change the level of average speech, in dB. The converter's level makes up for 6 either way.
    private static let leastChange = -6.0
    private static let mostChange = 3.0

    /// The colour, moved as a whole where it would make average speech much louder or quieter: it is not a volume.
    static func levelled(_ colour: [Voice.ColourPoint]) -> [Voice.ColourPoint] {
        let power = { (decibels: Double) in NaturalLog.inverse(2 * decibels * ColourTaps.neperPerDecibel) }
        var before = 0.0
        var after = 0.0
        for (band, decibels) in SpeechBands.averageSpeaker.bandDecibels.enumerated() {
            let gain = ColourTaps.decibels(colour, atHertz: SpeechBands.centre(band))
            before += power(decibels) * SpeechBands.width(band)
            after += power(decibels + gain) * SpeechBands.width(band)
        }
        let change = NaturalLog.of(after / before) / (2 * ColourTaps.neperPerDecibel)
        let excess = change - within(change, leastChange, mostChange)
        guard excess != 0 else { return colour }
        return colour.filter(\.decibels.isFinite).map {
            Voice.ColourPoint(hertz: $0.hertz, decibels: within($0.decibels, -40, 40) - excess)
        }
    }

    /// Points of a colour with these gains in bands, less whatever would change the level of speech with that spectrum.
    static func colour(_ gains: [Double], keepingLevelOf spectrum: [Double]) -> [Voice.ColourPoint] {
        let smooth = SpeechBands.smoothed(gains)
        let power = { (decibels: Double) in NaturalLog.inverse(2 * decibels * ColourTaps.neperPerDecibel) }
        var before = 0.0
        var after = 0.0
        for band in smooth.indices {
            before += power(spectrum[band]) * SpeechBands.width(band)
            after += power(spectrum[band] + smooth[band]) * SpeechBands.width(band)
        }
        let change = NaturalLog.of(max(after, 1e-30) / max(before, 1e-30)) / (2 * ColourTaps.neperPerDecibel)
        return smooth.indices.map { band in
            Voice.ColourPoint(
                hertz: SpeechBands.centre(band), decibels: within(smooth[band] - change, mostCut, mostBoost))
        }
    }

    /// What a colour can't go below, so no air.
    static let noAir = -40.0
    private static let mostAir = 12.0

    /// The air that fills a spectrum from `start` on.
    ///
    /// - Parameters:
    ///   - missing: What the voice lacks now, by band.
    ///   - spectrum: What would be there without the colour.
    ///   - wanted: What is to be there.
    ///   - given: The air that the voice has already; then it is corrected by what is missing.
    static func air(
        from start: Double, missing: [Double], spectrum: [Double], wanted: [Double], given: [Voice.ColourPoint]
    ) -> [Voice.ColourPoint] {
        SpeakerProfile.bandCentresHertz.enumerated().map { band, hertz in
            guard hertz >= start else { return Voice.ColourPoint(hertz: hertz, decibels: noAir) }
            var decibels = ColourTaps.decibels(given, atHertz: hertz) + missing[band]
            if given.isEmpty {
                // A cosine puts a quarter of the power on either side.
                let place = SpeechBands.place(of: hertz - AirFilter.shiftHertz)
                decibels = wanted[band] - spectrum[max(0, min(SpeechBands.count - 1, Int(place)))] + 6
            }
            return Voice.ColourPoint(hertz: hertz, decibels: within(decibels, noAir + 1, mostAir))
        }
    }
}
