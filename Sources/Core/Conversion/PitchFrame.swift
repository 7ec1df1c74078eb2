/// What the tracker said about one window of the signal.
struct PitchFrame {
    /// The absolute sample index that the estimate belongs to.
    var centre = 0.0
    /// The period in samples at 16 kHz; meaningful when `voiced`.
    var period = 0.0
    /// The stretch of the signal that counts as voiced because of this frame.
    var start = 0.0
    var end = 0.0
    var voiced = false
}

/// The latest frames of the tracker, asked by position.
struct PitchTrack: ~Copyable {
    private static let capacity = 64
    private static let trendFrames = 3
    private static let trendFramesLeast = 9.0
    private static let trendTrust = 0.0
    private let frames: UnsafeMutablePointer<PitchFrame>
    private var count = 0

    init() {
        frames = .allocate(capacity: Self.capacity)
        frames.initialize(repeating: PitchFrame(), count: Self.capacity)
    }

    deinit {
        frames.deallocate()
    }

    mutating func append(_ frame: PitchFrame) {
        frames[count % Self.capacity] = frame
        count &+= 1
    }

    mutating func reset() {
        count = 0
    }

    private func frame(_ age: Int) -> PitchFrame {
        frames[(count &- 1 &- age) % Self.capacity]
    }

    private var depth: Int { min(count, Self.capacity) }

    /// Whether any frame counts `position` as voiced; beyond what is decided, what the newest frame was.
    func isVoiced(at position: Double) -> Bool {
        guard count > 0 else { return false }
        if position >= knownEnd { return frame(0).voiced }
        for age in 0..<depth {
            let frame = frame(age)
            if frame.voiced && position >= frame.start && position < frame.end { return true }
        }
        return false
    }

    /// Up to where the voicing has been decided.
    var knownEnd: Double {
        count == 0 ? 0 : frame(0).end
    }

    /// The first voiced position after `cursor` that the kept frames know.
    func firstVoiced(after cursor: Double) -> Double? {
        var first: Double?
        for age in 0..<depth {
            let frame = frame(age)
            if frame.voiced && frame.end > cursor + 1 {
                first = max(cursor + 1, min(frame.start, first ?? frame.start))
            }
        }
        return first
    }

    /// The period at `position` beyond the newest centre: along the line through the last frames.
    private func extrapolatedPeriod(from age: Int, to position: Double) -> Double {
        let newest = frame(age)
        var count = 0.0
        var sumX = 0.0
        var sumY = 0.0
        var sumXX = 0.0
        var sumXY = 0.0
        for back in age..<min(age + Self.trendFrames, depth) {
            let frame = frame(back)
            guard frame.voiced, abs(frame.period - newest.period) < 0.1 * newest.period else { break }
            let x = frame.centre - newest.centre
            let y = frame.period - newest.period
            count += 1
            sumX += x
            sumY += y
            sumXX += x * x
            sumXY += x * y
        }
        let spread = sumXX - sumX * sumX / count
        guard count >= Self.trendFramesLeast, spread > 1 else { return newest.period }
        let slope = max(-0.1, min(0.1, (sumXY - sumX * sumY / count) / spread))
        let line = newest.period + (sumY - slope * sumX) / count
        return line + Self.trendTrust * slope * min(position - newest.centre, 200)
    }

    /// The period at `position`: between the centres of two voiced frames interpolated, else that of the nearest.
    func period(at position: Double) -> Double? {
        var later: PitchFrame?
        for age in 0..<depth {
            let frame = frame(age)
            guard frame.voiced else { continue }
            if frame.centre <= position {
                guard let next = later, next.centre - frame.centre < 400 else {
                    return extrapolatedPeriod(from: age, to: position)
                }
                let ratio = next.period / frame.period
                guard ratio > 0.7 && ratio < 1.4 else {
                    return position - frame.centre < next.centre - position ? frame.period : next.period
                }
                let weight = (position - frame.centre) / max(next.centre - frame.centre, 1)
                return frame.period + weight * (next.period - frame.period)
            }
            later = frame
        }
        return later?.period
    }
}
