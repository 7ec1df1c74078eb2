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
/// The distance of the pulses makes the pitch, the reading speed the formants. A grain is rendered sample by
/// sample while its own source is still arriving, so the delay needs to cover only the left half of a window
/// and the uncertainty of the pitch, not a whole grain.
struct GrainSynthesizer: ~Copyable {
    private static let capacity = 32
    /// Distance and half length of unvoiced grains: 4 ms.
    private static let unvoicedStep = 64.0
    private static let reach = Double(SincTable.taps / 2 + 1)

    private let delay: Double
    private let window = HalfWindow()
    private let pulses: UnsafeMutablePointer<Pulse>
    private var pulseCount = 0
    private var nextTime = 0.0
    private var nextLeft = 64.0
    private var lastVoiced = false
    /// How far the local period lies beside the tracker's, as a share; smoothed.
    private var correction = 0.0
    private var lastTime = -64.0

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
        correction = 0
        lastTime = -Self.unvoicedStep
    }

    /// The output sample that belongs to source position `position`, which is `delay` before the newest one.
    mutating func render(
        position: Double, plan: SynthesisPlan, audio: borrowing SampleHistory, track: borrowing PitchTrack,
        marks: borrowing PitchMarks, sinc: borrowing SincTable
    ) -> Float {
        var planned = 0
        while position >= nextTime - nextLeft && planned < 4 {
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
        var value: Float = 0
        if pulse.pointee.firstGain != 0 {
            value = pulse.pointee.firstGain * SincTable.read(audio, at: pulse.pointee.first + shift, bank: bank)
        }
        if pulse.pointee.secondGain != 0 {
            value += pulse.pointee.secondGain * SincTable.read(audio, at: pulse.pointee.second + shift, bank: bank)
        }
        return value * window.value(edge, power: pulse.pointee.powerWindow)
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
            if plan.constantPeriod > 0 {
                step = plan.constantPeriod
            } else {
                let halfway = track.period(at: nextTime + 0.5 * period / plan.pitchRatio) ?? period
                step = refined(halfway, pair, rate: 1 / plan.pitchRatio) / plan.pitchRatio
            }
            shape(&pulse, pair: pair, period: period, outputPeriod: step)
        } else {
            if lastVoiced { pulse.time = min(nextTime, max(lastTime + Self.unvoicedStep, position + 16)) }
            pulse.first = pulse.time
            pulse.firstGain = 1
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
        nextTime = pulse.time + step
        nextLeft = voiced ? leftHalf(at: nextTime, plan: plan, track: track) : Self.unvoicedStep
    }

    /// Shortens the right half of the pulse added last, unless it is already sounding.
    private func trimNewest(to length: Double, at position: Double) {
        guard pulseCount > 0, position <= lastTime else { return }
        for index in 0..<pulseCount where pulses[index].time == lastTime {
            pulses[index].right = min(pulses[index].right, length)
        }
    }

    /// The tracker's period, corrected by what the newest marks say: they are about one period ahead of it.
    private mutating func refined(_ period: Double, _ pair: MarkPair, rate: Double) -> Double {
        if !lastVoiced { correction = 0 }
        let local = pair.second - pair.first
        if local > 0.85 * period && local < 1.15 * period {
            correction += 0.5 * min(1, rate) * (local / period - 1 - correction)
        }
        // Smoothing costs about a pulse of lag; going a little further makes up for it.
        return period * (1 + 1.4 * correction)
    }

    private func leftHalf(at time: Double, plan: SynthesisPlan, track: borrowing PitchTrack) -> Double {
        guard let period = track.period(at: time) else { return Self.unvoicedStep }
        let step = plan.constantPeriod > 0 ? plan.constantPeriod : period / plan.pitchRatio
        return leftHalf(period: period, outputPeriod: step, speed: plan.formantRatio)
    }

    private func leftHalf(period: Double, outputPeriod: Double, speed: Double) -> Double {
        let whole = min(period / speed, 1.4 * outputPeriod)
        let allowed = max(0.4 * period / speed, delay - 0.6 * period - 24)
        return max(8, min(whole, allowed))
    }

    private func shape(_ pulse: inout Pulse, pair: MarkPair, period: Double, outputPeriod: Double) {
        pulse.left = leftHalf(period: period, outputPeriod: outputPeriod, speed: pulse.speed)
        pulse.right = max(8, min(period / pulse.speed, 1.4 * outputPeriod))
        pulse.first = pair.first
        pulse.second = pair.second
        let gain = csk_sqrtf(Float(outputPeriod / period))
        pulse.firstGain = gain * Float(1 - pair.blend)
        pulse.secondGain = gain * Float(pair.blend)
    }

    /// Drops or shortens what would read beyond the newest sample at the moment it is due.
    private func keepWithinSignal(_ pulse: inout Pulse) {
        let budget = delay - Self.reach
        let stretch = max(0, pulse.speed - 1)
        if pulse.secondGain != 0 {
            let ahead = pulse.second - pulse.time
            let worst = max(ahead + stretch * pulse.right, ahead - (pulse.speed - 1) * pulse.left)
            if worst > budget {
                pulse.firstGain += pulse.secondGain
                pulse.secondGain = 0
            }
        }
        let ahead = pulse.first - pulse.time
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
