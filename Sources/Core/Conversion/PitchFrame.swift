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

    /// The period at `position`: between the centres of two voiced frames interpolated, else that of the nearest.
    func period(at position: Double) -> Double? {
        var later: PitchFrame?
        for age in 0..<depth {
            let frame = frame(age)
            guard frame.voiced else { continue }
            if frame.centre <= position {
                guard let next = later, next.centre - frame.centre < 400 else { return frame.period }
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
