import CSignalKernels

/// What the synthesizer is to make of the source at the moment.
struct SynthesisPlan {
    /// Output pitch over source pitch.
    var pitchRatio = 1.0
    /// When positive, the output's period in samples, whatever the source's.
    var constantPeriod = 0.0
    /// Output formants over source formants.
    var formantRatio = 1.0
}

/// Pitch-synchronous overlap-add with grains that are read faster or slower than they were recorded.
///
/// The distance of the pulses makes the pitch, the reading speed the formants. Between two marks the low frequencies go
/// over from one grain to the next, which keeps the voice smooth; the high ones, which would weaken each other where the
/// marks are a fraction of a sample off, are those of the nearer grain. A grain is rendered sample by
/// sample while its own source is still arriving, so the delay needs to cover only the left half of a window
/// and the uncertainty of the pitch, not a whole grain.
struct GrainSynthesizer: ~Copyable {
    private static let capacity = 32
    /// Distance and half length of unvoiced grains: 4 ms.
    private static let unvoicedStep = 64.0
    /// Halves of a voiced window reach over a period of the source, the left one a little further, and over so many
    /// periods of the output at most.
    private static let leftStretch = 1.15
    private static let widestOverlap = 1.4
    /// In samples: at most, and for each unit of the reading speed beside 1.
    private static let widestScatter = 8.0
    private static let scatterBySpeed = 200.0
    private static let reach = Double(SincTable.taps / 2 + 1)

    private let delay: Double
    private let window = HalfWindow()
    private let pulses: UnsafeMutablePointer<Pulse>
    private var pulseCount = 0
    private var nextTime = 0.0
    private var nextLeft = 64.0
    private var lastVoiced = false
    private var lastTime = -64.0
    /// Where the window of the last pulse closes.
    private var lastEnd = 0.0
    /// Whether the next pulse was moved forward to close a gap, and is to stay there.
    private var isSettled = false
    private var scatterState: UInt64 = 1

    init(delay: Int) {
        self.delay = Double(delay)
        pulses = .allocate(capacity: Self.capacity)
        pulses.initialize(repeating: Pulse(), count: Self.capacity)
    }

    deinit {
        pulses.deallocate()
    }

    mutating func reset() {
        pulseCount = 0
        nextTime = 0
        nextLeft = Self.unvoicedStep
        lastVoiced = false
        lastTime = -Self.unvoicedStep
        lastEnd = 0
        isSettled = false
        scatterState = 1
    }

    /// The output sample that belongs to source position `position`, which is `delay` before the newest one.
    mutating func render(
        position: Double, plan: SynthesisPlan, audio: borrowing SampleHistory, track: borrowing PitchTrack,
        marks: borrowing PitchMarks, sinc: borrowing SincTable
    ) -> Float {
        var planned = 0
        while position >= nextTime - nextLeft && planned < 4 {
            if lastVoiced && isPostponed(position: position, plan: plan, audio: audio, track: track, marks: marks) {
                break
            }
            schedule(position: position, plan: plan, audio: audio, track: track, marks: marks)
            planned += 1
        }
        var sum: Float = 0
        var index = 0
        while index < pulseCount {
            let offset = position - pulses[index].time
            if offset >= pulses[index].right {
                pulseCount -= 1
                pulses[index] = pulses[pulseCount]
                continue
            }
            sum += sample(of: pulses + index, offset: offset, audio: audio, sinc: sinc)
            index += 1
        }
        return sum
    }

    @inline(__always)
    private func sample(
        of pulse: UnsafePointer<Pulse>, offset: Double, audio: borrowing SampleHistory, sinc: borrowing SincTable
    ) -> Float {
        let edge = offset < 0 ? -offset / pulse.pointee.left : offset / pulse.pointee.right
        guard edge < 1 else { return 0 }
        let bank = sinc.bank(speed: pulse.pointee.speed)
        let shift = pulse.pointee.speed * offset
        var value = SincTable.read(audio, at: pulse.pointee.near + shift, bank: bank)
        if pulse.pointee.otherShare > 0 {
            let low = sinc.lowBank
            let other = SincTable.read(audio, at: pulse.pointee.other + shift, bank: low)
            let near = SincTable.read(audio, at: pulse.pointee.near + shift, bank: low)
            value = near + pulse.pointee.highGain * (value - near) + pulse.pointee.otherShare * (other - near)
        }
        return pulse.pointee.gain * value * window.value(edge, power: pulse.pointee.powerWindow)
    }

    /// Adds the pulse that is due at `nextTime` and says when the one after it is.
    ///
    /// Whether a pulse is voiced is known just when its window opens, not earlier; so a voiced pulse expects another
    /// one, and where the voice turned out to end, the unvoiced grains start as early as they still can.
    private mutating func schedule(
        position: Double, plan: SynthesisPlan, audio: borrowing SampleHistory, track: borrowing PitchTrack,
        marks: borrowing PitchMarks
    ) {
        var pulse = Pulse()
        pulse.time = nextTime
        pulse.speed = plan.formantRatio
        var step = Self.unvoicedStep
        var voiced = false
        if track.isVoiced(at: nextTime), let period = track.period(at: nextTime),
            let pair = marks.pair(around: nextTime, audio: audio, track: track)
        {
            voiced = true
            step = distance(after: nextTime, period, plan: plan, audio: audio, track: track, marks: marks)
            shape(&pulse, pair: pair, period: period, outputPeriod: step, marks: marks)
        } else {
            if lastVoiced { pulse.time = min(nextTime, max(lastTime + Self.unvoicedStep, position + 16)) }
            pulse.near = pulse.time + scatter(speed: plan.formantRatio)
            pulse.other = pulse.near
            pulse.powerWindow = true
            pulse.left = Self.unvoicedStep
            pulse.right = Self.unvoicedStep
        }
        if voiced != lastVoiced {
            let gap = max(8, pulse.time - lastTime)
            pulse.left = min(pulse.left, gap)
            trimNewest(to: gap, at: position)
        }
        pulse.left = min(pulse.left, max(1, pulse.time - position))
        keepWithinSignal(&pulse)
        add(pulse)
        lastVoiced = voiced
        lastTime = pulse.time
        lastEnd = pulse.time + pulse.right
        isSettled = false
        nextTime = pulse.time + step
        nextLeft = voiced ? leftHalf(at: nextTime, plan: plan, track: track) : Self.unvoicedStep
    }

    /// How far beside its place an unvoiced grain is taken from.
    ///
    /// Grains that are read faster or slower repeat or leave out always the same stretch between them. Evenly placed ones
    /// would colour a hiss like a comb, by 6 dB; scattered by half a millisecond they don't.
    private mutating func scatter(speed: Double) -> Double {
        scatterState = scatterState &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        let place = Double(Int64(bitPattern: scatterState) >> 40) / 8_388_608
        return place * min(Self.widestScatter, Self.scatterBySpeed * abs(1 - speed))
    }

    /// Shortens the right half of the pulse added last, unless it is already sounding.
    private func trimNewest(to length: Double, at position: Double) {
        guard pulseCount > 0, position <= lastTime else { return }
        for index in 0..<pulseCount where pulses[index].time == lastTime {
            pulses[index].right = min(pulses[index].right, length)
        }
    }

    /// From a pulse to the next one: an output period, counted along the marks. So the output follows every period of
    /// the source, where the tracker knows only their mean over its window.
    private func distance(
        after time: Double, _ period: Double, plan: SynthesisPlan, audio: borrowing SampleHistory,
        track: borrowing PitchTrack, marks: borrowing PitchMarks
    ) -> Double {
        if plan.constantPeriod > 0 { return plan.constantPeriod }
        let expected = (track.period(at: time + 0.5 * period / plan.pitchRatio) ?? period) / plan.pitchRatio
        guard let counted = marks.position(1 / plan.pitchRatio, after: time, audio: audio, track: track) else {
            return expected
        }
        return within(counted - time, 0.85 * expected, 1.15 * expected)
    }

    /// Plans the next pulse once more, now that its window is about to open and more of the signal is there, and says
    /// whether it is due later than was thought.
    private mutating func isPostponed(
        position: Double, plan: SynthesisPlan, audio: borrowing SampleHistory, track: borrowing PitchTrack,
        marks: borrowing PitchMarks
    ) -> Bool {
        guard !isSettled, track.isVoiced(at: nextTime), let period = track.period(at: lastTime) else { return false }
        nextTime = lastTime + distance(after: lastTime, period, plan: plan, audio: audio, track: track, marks: marks)
        nextLeft = leftHalf(at: nextTime, plan: plan, track: track)
        // Where the tracker jumped up an octave the pulse may be overdue; a window that begins at once would click.
        nextTime = max(nextTime, position + 0.5 * nextLeft)
        return position < nextTime - nextLeft - 1
    }

    /// Looks again at a pulse that is due only after a gap. Once per hop.
    ///
    /// Where the tracker took noise for a low voice, the next pulse was planned far ahead by that voice's period; what
    /// begins meanwhile would be left out, and the hole in it heard as a click.
    mutating func reconsider(position: Double, plan: SynthesisPlan, track: borrowing PitchTrack) {
        let covered = max(lastEnd, position)
        guard lastVoiced, nextTime - nextLeft > covered else { return }
        let uncovered = covered + Self.unvoicedStep
        guard track.isVoiced(at: uncovered) else {
            nextTime = min(nextTime, uncovered)
            nextLeft = Self.unvoicedStep
            return
        }
        guard let period = track.period(at: uncovered) else { return }
        let step = plan.constantPeriod > 0 ? plan.constantPeriod : period / plan.pitchRatio
        let left = leftHalf(period: period, outputPeriod: step, speed: plan.formantRatio)
        let earliest = max(lastTime + step, position + left)
        guard earliest < nextTime - 0.25 * step else { return }
        nextTime = earliest
        nextLeft = left
        isSettled = true
    }

    private func leftHalf(at time: Double, plan: SynthesisPlan, track: borrowing PitchTrack) -> Double {
        guard let period = track.period(at: time) else { return Self.unvoicedStep }
        let step = plan.constantPeriod > 0 ? plan.constantPeriod : period / plan.pitchRatio
        return leftHalf(period: period, outputPeriod: step, speed: plan.formantRatio)
    }

    private func leftHalf(period: Double, outputPeriod: Double, speed: Double) -> Double {
        let whole = min(Self.leftStretch * period / speed, Self.widestOverlap * outputPeriod)
        let allowed = max(0.4 * period / speed, delay - 0.6 * period - 24)
        return max(8, min(whole, allowed))
    }

    private func shape(
        _ pulse: inout Pulse, pair: MarkPair, period: Double, outputPeriod: Double, marks: borrowing PitchMarks
    ) {
        pulse.left = leftHalf(period: period, outputPeriod: outputPeriod, speed: pulse.speed)
        pulse.right = max(8, min(period / pulse.speed, Self.widestOverlap * outputPeriod))
        let isFirstNear = pair.blend < 0.5
        pulse.near = isFirstNear ? pair.first : pair.second
        pulse.other = isFirstNear ? pair.second : pair.first
        pulse.otherShare = Float(min(pair.blend, 1 - pair.blend))
        pulse.gain = csk_sqrtf(Float(outputPeriod / period))
        if let near = marks.strength(at: pulse.near), let other = marks.strength(at: pulse.other), other < near {
            pulse.highGain = csk_sqrtf(1 - pulse.otherShare * (1 - other / near))
        }
    }

    /// Drops or shortens what would read beyond the newest sample at the moment it is due.
    private func keepWithinSignal(_ pulse: inout Pulse) {
        let budget = delay - Self.reach
        let stretch = max(0, pulse.speed - 1)
        let later = max(pulse.near, pulse.other) - pulse.time
        let ahead = min(pulse.near, pulse.other) - pulse.time
        if later > ahead && max(later + stretch * pulse.right, later - (pulse.speed - 1) * pulse.left) > budget {
            pulse.near = min(pulse.near, pulse.other)
            pulse.other = pulse.near
            pulse.otherShare = 0
        }
        if ahead + stretch * pulse.right > budget {
            pulse.right = stretch > 0 ? max(8, (budget - ahead) / stretch) : pulse.right
        }
        if pulse.speed < 1 && ahead + (1 - pulse.speed) * pulse.left > budget {
            pulse.left = max(8, (budget - ahead) / (1 - pulse.speed))
        }
    }

    private mutating func add(_ pulse: Pulse) {
        guard pulseCount < Self.capacity else { return }
        pulses[pulseCount] = pulse
        pulseCount += 1
    }
}
