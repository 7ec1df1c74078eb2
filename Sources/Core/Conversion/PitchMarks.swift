import CSignalKernels

/// One glottal pulse of the source: where a grain is centred.
struct PitchMark {
    var position = 0.0
    var period = 0.0
    /// Whether the marks before belong to another voiced stretch.
    var startsRun = false
}

/// The marks on both sides of a position, and how far between them it lies.
struct MarkPair {
    var first: Double
    var second: Double
    /// 0 at `first`, 1 at `second`.
    var blend: Double
}

/// Places one mark per period, each where the waveform looks most like that around the mark before.
///
/// Marks are fractional: with whole samples every grain would sit up to half a sample off, and that is heard as
/// roughness. A mark becomes final when half a period of signal beyond its search range is there; a pulse that can't
/// wait extends the chain for itself with what it knows.
struct PitchMarks: ~Copyable {
    private static let capacity = 64
    private static let searchShare = 0.12
    private static let peakWeight: Float = 0.3
    private static let distanceWeight: Float = 0.2
    /// Boxcar of the excitation's energy: 1.5 ms.
    private static let smoothing = 24
    /// How far beside a mark its strength may be taken, in samples.
    private static let strengthSlack = 8.0

    private let marks: UnsafeMutablePointer<PitchMark>
    private let scores: UnsafeMutablePointer<Float>
    private static let scoreCapacity = 256
    private var count = 0
    private var running = false
    /// No mark may be set before this position.
    private var cursor = 0.0
    /// The smoothed energy of the first difference, as old as the audio; centred by `smoothing / 2`.
    private var excitation = SampleHistory(capacity: 4096)
    private var boxcar = 0.0
    private var lastSample: Float = 0
    private var differences = SampleHistory(capacity: 64)

    init() {
        marks = .allocate(capacity: Self.capacity)
        marks.initialize(repeating: PitchMark(), count: Self.capacity)
        scores = .allocate(capacity: Self.scoreCapacity)
        scores.initialize(repeating: 0, count: Self.scoreCapacity)
    }

    deinit {
        marks.deallocate()
        scores.deallocate()
    }

    mutating func reset() {
        count = 0
        running = false
        cursor = 0
        excitation.reset()
        differences.reset()
        boxcar = 0
        lastSample = 0
    }

    mutating func append(_ sample: Float) {
        let step = sample - lastSample
        lastSample = sample
        let oldest = differences.samples(from: differences.count - Self.smoothing)[0]
        differences.append(step * step)
        boxcar = max(0, boxcar + Double(step * step) - Double(oldest))
        excitation.append(Float(boxcar))
    }

    /// Places every mark that the signal so far allows.
    mutating func advance(audio: borrowing SampleHistory, track: borrowing PitchTrack) {
        let known = Double(audio.count)
        cursor = max(cursor, known - 2000)
        for _ in 0..<Self.capacity {
            guard running else {
                guard startRun(audio: audio, track: track) else { return }
                continue
            }
            let last = mark(0)
            guard let period = track.period(at: last.position + 0.5 * last.period) else {
                running = false
                return
            }
            guard track.knownEnd > last.position + period else { return }
            guard track.isVoiced(at: last.position + period) else {
                running = false
                cursor = last.position + period
                continue
            }
            guard last.position + (1 + Self.searchShare + 0.5) * period + 4 < known else { return }
            let next = search(after: last.position, period: period, rightShare: 0.5, audio: audio)
            push(PitchMark(position: next, period: period))
        }
    }

    private func mark(_ age: Int) -> PitchMark {
        marks[(count &- 1 &- age) % Self.capacity]
    }

    private mutating func push(_ mark: PitchMark) {
        marks[count % Self.capacity] = mark
        count &+= 1
        cursor = mark.position
    }

    /// Opens a voiced stretch at the strongest excitation of its first period.
    private mutating func startRun(audio: borrowing SampleHistory, track: borrowing PitchTrack) -> Bool {
        guard let start = track.firstVoiced(after: cursor), let period = track.period(at: start) else { return false }
        let known = audio.count
        let from = Int(start)
        let length = Int(period)
        guard from + length + Self.smoothing < known else { return false }
        let energies = excitation.samples(from: from + Self.smoothing / 2)
        var best = 0
        for index in 0..<length where energies[index] > energies[best] {
            best = index
        }
        push(PitchMark(position: Double(from + best), period: period, startsRun: true))
        running = true
        return true
    }

    /// The smoothed energy of the first difference around `index`; 0 where the signal isn't there yet.
    @inline(__always)
    private func edge(at index: Int) -> Float {
        let shifted = index + Self.smoothing / 2
        return shifted < excitation.count ? excitation.samples(from: shifted)[0] : 0
    }

    /// The energy of the source's edges around `position`; nil where the signal isn't there yet.
    func strength(at position: Double) -> Float? {
        let index = min(Int(position), excitation.count - 1 - Self.smoothing / 2)
        guard Double(index) > position - Self.strengthSlack else { return nil }
        return excitation.samples(from: index + Self.smoothing / 2)[0]
    }

    /// The position one period after `position` where the signal repeats best.
    private func search(
        after position: Double, period: Double, rightShare: Double, audio: borrowing SampleHistory
    ) -> Double {
        let origin = Int(position)
        let left = Int((1 - rightShare) * period)
        let length = left + Int(rightShare * period)
        let range = max(2, min(Int(Self.searchShare * period), Self.scoreCapacity / 2 - 2))
        let centre = Int(period + 0.5)
        let reference = audio.samples(from: origin - left)
        let referenceEnergy = DotProduct.energy(reference, count: length)
        var peak: Float = 1e-12
        for lag in (centre - range)...(centre + range) {
            peak = max(peak, edge(at: origin + lag))
        }
        var best: Float = -10
        var bestIndex = range
        for index in 0...(2 * range) {
            let lag = centre - range + index
            let other = audio.samples(from: origin + lag - left)
            let product = DotProduct.of(reference, other, count: length)
            let likeness = product / (csk_sqrtf(referenceEnergy * DotProduct.energy(other, count: length)) + 1e-9)
            let edge = edge(at: origin + lag) / peak
            let error = Float(abs(Double(lag) - period) / period)
            let score = likeness + Self.peakWeight * edge - Self.distanceWeight * error
            scores[index] = score
            if score > best {
                best = score
                bestIndex = index
            }
        }
        var offset = 0.0
        if bestIndex > 0 && bestIndex < 2 * range {
            offset = parabolicOffset(scores[bestIndex - 1], best, scores[bestIndex + 1])
        }
        return position + Double(centre - range + bestIndex) + offset
    }

    /// The marks around `position`, or nil when no voiced stretch reaches it.
    func pair(around position: Double, audio: borrowing SampleHistory, track: borrowing PitchTrack) -> MarkPair? {
        guard count > 0 else { return nil }
        let newest = mark(0)
        if position >= newest.position {
            return extendedPair(from: newest, to: position, audio: audio, track: track)
        }
        var later = newest
        for age in 1..<Self.capacity {
            guard age < count, !later.startsRun else { break }
            let earlier = mark(age)
            if earlier.position <= position {
                let blend = (position - earlier.position) / max(1, later.position - earlier.position)
                return MarkPair(first: earlier.position, second: later.position, blend: blend)
            }
            later = earlier
        }
        if later.position - position < 0.6 * later.period {
            return MarkPair(first: later.position, second: later.position, blend: 0)
        }
        return tail(before: later, around: position)
    }

    /// The end of the voiced stretch before the one that `later` opens, up to a period after its last mark.
    private func tail(before later: PitchMark, around position: Double) -> MarkPair? {
        for age in 1..<min(count, Self.capacity) where mark(age).position < later.position {
            let last = mark(age)
            guard position >= last.position, position < last.position + last.period else { return nil }
            return MarkPair(first: last.position, second: last.position, blend: 0)
        }
        return nil
    }

    /// Goes on from the newest mark for one pulse, with as much of the signal as is there.
    private func extendedPair(
        from newest: PitchMark, to position: Double, audio: borrowing SampleHistory, track: borrowing PitchTrack
    ) -> MarkPair? {
        var first = newest.position
        for _ in 0..<8 {
            guard let second = continued(first, audio: audio, track: track) else { return nil }
            guard position < first + 4 * (second - first) else { return nil }
            if second > position {
                return MarkPair(first: first, second: second, blend: (position - first) / max(1, second - first))
            }
            first = second
        }
        return nil
    }

    /// The mark that would follow the last one at `first`: searched for as far as the signal allows.
    private func continued(
        _ first: Double, audio: borrowing SampleHistory, track: borrowing PitchTrack
    ) -> Double? {
        guard let period = track.period(at: first + 0.5 * mark(0).period) else { return nil }
        let room = Double(audio.count) - first - (1 + Self.searchShare) * period - 4
        let share = min(0.5, room / period)
        guard share > -0.1 else { return first + period }
        return search(after: first, period: period, rightShare: share, audio: audio)
    }

    /// The place that lies so many periods after `start`, or nil where the marks of one voiced stretch don't lead there.
    func position(
        _ periods: Double, after start: Double, audio: borrowing SampleHistory, track: borrowing PitchTrack
    ) -> Double? {
        let depth = min(count, Self.capacity)
        var age = 0
        while age < depth && mark(age).position > start {
            guard !mark(age).startsRun else { return nil }
            age += 1
        }
        guard age < depth else { return nil }
        var first = mark(age).position
        var remaining: Double?
        for _ in 0..<16 {
            age -= 1
            guard age < 0 || !mark(age).startsRun else { return nil }
            guard let second = age < 0 ? continued(first, audio: audio, track: track) : mark(age).position else {
                return nil
            }
            if second > start {
                let length = max(1, second - first)
                let left = remaining ?? (periods + (start - first) / length)
                if left <= 1 { return first + left * length }
                remaining = left - 1
            }
            first = second
        }
        return nil
    }
}
