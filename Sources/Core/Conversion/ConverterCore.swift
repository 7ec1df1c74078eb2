import CSignalKernels

/// The converter's chain, in the order of the signal.
struct ConverterCore: ~Copyable, @unchecked Sendable {
    // @unchecked: the buffers are raw memory that this value alone owns and reaches.
    private static let mixStep: Float = 1 / 320

    /// Voiced hops between two measurements of the formants: 20 ms.
    private static let formantHops = 8

    let delay: Int
    private var dry = SampleHistory(capacity: 1024)
    private var highPass = FourthOrderFilter(cutoffHertz: 60, highPass: true)
    private var audio = SampleHistory(capacity: 4096)
    private var tracker = PitchTracker()
    private var track = PitchTrack()
    private var statistics = SourceStatistics()
    private var formants = FormantTracker()
    private var landing: Landing
    private var marks = PitchMarks()
    private var synthesizer: GrainSynthesizer
    private let sinc = SincTable()
    private var breath: BreathSource
    private var breathShare: Float
    private var colour: ColourFilter
    private var effects: EffectChain
    private var level = LevelKeeper()
    private var gate = NoiseGate()
    private var plan = SynthesisPlan()
    private var voicedHops = 0
    private var wantedMix: Float = 1
    private var mix: Float

    init(voice: PreparedVoice, delay: Int, seed: UInt64) {
        self.delay = delay
        landing = Landing(voice: voice)
        synthesizer = GrainSynthesizer(delay: delay)
        breath = BreathSource(seed: seed)
        breathShare = Float(voice.effects.whisper)
        colour = ColourFilter(voice.colour)
        effects = EffectChain(effects: voice.effects)
        mix = voice.isBypass ? 0 : 1
    }

    @inline(__always)
    mutating func convert(_ input: Float) -> Float {
        let sample = input.isFinite ? max(-8, min(8, input)) : 0
        dry.append(sample)
        let passed = highPass.filter(Double(sample))
        audio.append(Float(passed))
        tracker.append(Double(sample))
        marks.append(Float(passed))
        if audio.count % ConversionFormat.hop == 0 { analyse() }
        let position = audio.count - 1 - delay
        let source = audio.samples(from: position)[0]
        let rendered = synthesizer.render(
            position: Double(position), plan: plan, audio: audio, track: track, marks: marks, sinc: sinc)
        let coloured = effects.apply(to: colour.filter(breathe(rendered)))
        let converted = level.keep(coloured, source: source)
        let output = blend(converted, dry: position < 0 ? 0 : dry.samples(from: position)[0])
        let gain = gate.gain(for: Float(passed))
        return gain == 1 ? output : gain * output
    }

    /// Replaces a share of the voice by noise of the same colour, in equal power.
    @inline(__always)
    private mutating func breathe(_ voiced: Float) -> Float {
        let wanted = Float(landing.voice.effects.whisper)
        if breathShare < wanted {
            breathShare = min(wanted, breathShare + Self.mixStep)
        } else if breathShare > wanted {
            breathShare = max(wanted, breathShare - Self.mixStep)
        }
        guard breathShare > 0 else { return voiced }
        return csk_sqrtf(1 - breathShare) * voiced + csk_sqrtf(breathShare) * breath.next()
    }

    /// One step of the slow part: pitch, marks, and what to do with them.
    private mutating func analyse() {
        let frame = tracker.update(audio: audio)
        track.append(frame)
        let hertz = frame.voiced ? ConversionFormat.sampleRate / frame.period : 0
        if frame.voiced {
            statistics.add(hertz: hertz)
            voicedHops += 1
            if voicedHops % Self.formantHops == 0 { formants.measure(audio: audio, sinc: sinc) }
        } else {
            voicedHops = 0
        }
        marks.advance(audio: audio, track: track)
        plan = landing.advance(hertz: hertz, statistics: statistics, spacingHertz: formants.spacingHertz)
        colour.advance()
        if breathShare > 0 || landing.voice.effects.whisper > 0 {
            let ahead = max(0, min(56, delay - 184))
            breath.fit(position: audio.count - delay + ahead, speed: plan.formantRatio, audio: audio, sinc: sinc)
        }
    }

    @inline(__always)
    private mutating func blend(_ converted: Float, dry: Float) -> Float {
        let wanted = landing.voice.isBypass ? 0 : wantedMix
        if mix < wanted {
            mix = min(wanted, mix + Self.mixStep)
        } else if mix > wanted {
            mix = max(wanted, mix - Self.mixStep)
        }
        if mix == 0 { return dry }
        if mix == 1 { return converted }
        return dry + mix * (converted - dry)
    }

    mutating func setVoice(_ voice: PreparedVoice) {
        landing.voice = voice
        effects.wanted = voice.effects
        colour.set(voice.colour)
    }

    mutating func setOffsets(pitchSemitones: Double, formantRatio: Double) {
        landing.offsetPitchLog = within(pitchSemitones, -24, 24) * NaturalLog.perSemitone
        landing.offsetFormantLog = NaturalLog.of(within(formantRatio, 0.5, 2))
    }

    mutating func setFixedRatio(pitch: Double, formant: Double) {
        landing.fixed = Landing.FixedRatio(
            pitchLog: NaturalLog.of(within(pitch, 0.25, 4)), formantLog: NaturalLog.of(within(formant, 0.5, 2)))
    }

    mutating func setGate(thresholdDecibels: Double?) {
        guard let thresholdDecibels else {
            gate.thresholdPower = 0
            return
        }
        let decibels = within(thresholdDecibels, -100, 0)
        gate.thresholdPower = Float(NaturalLog.inverse(2 * decibels * ColourTaps.neperPerDecibel))
    }

    mutating func setMix(_ share: Float) {
        wantedMix = share
    }

    mutating func setFixed(_ fixed: Landing.FixedRatio?) {
        landing.fixed = fixed
    }

    mutating func reset() {
        dry.reset()
        highPass.reset()
        audio.reset()
        tracker.reset()
        track.reset()
        statistics.reset()
        formants.reset()
        voicedHops = 0
        landing.reset()
        marks.reset()
        synthesizer.reset()
        breath.reset()
        breathShare = Float(landing.voice.effects.whisper)
        colour.reset()
        effects.reset()
        level.reset()
        gate.reset()
        plan = SynthesisPlan()
        mix = landing.voice.isBypass ? 0 : wantedMix
    }
}
