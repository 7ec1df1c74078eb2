/// The converter's chain, in the order of the signal.
struct ConverterCore: ~Copyable, @unchecked Sendable {
    // @unchecked: the buffers are raw memory that this value alone owns and reaches.
    private static let mixStep: Float = 1 / 320

    let delay: Int
    private var dry = SampleHistory(capacity: 1024)
    private var highPass = FourthOrderFilter(cutoffHertz: 60, highPass: true)
    private var audio = SampleHistory(capacity: 4096)
    private var tracker = PitchTracker()
    private var track = PitchTrack()
    private var statistics = SourceStatistics()
    private var landing: Landing
    private var marks = PitchMarks()
    private var synthesizer: GrainSynthesizer
    private var effects: EffectChain
    private var level = LevelKeeper()
    private var plan = SynthesisPlan()
    private var wantedMix: Float = 1
    private var mix: Float

    init(voice: PreparedVoice, delay: Int, seed: UInt64) {
        self.delay = delay
        landing = Landing(voice: voice)
        synthesizer = GrainSynthesizer(delay: delay)
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
            position: Double(position), plan: plan, audio: audio, track: track, marks: marks)
        let converted = effects.apply(to: level.keep(rendered, source: source))
        return blend(converted, dry: position < 0 ? 0 : dry.samples(from: position)[0])
    }

    /// One step of the slow part: pitch, marks, and what to do with them.
    private mutating func analyse() {
        let frame = tracker.update(audio: audio)
        track.append(frame)
        let hertz = frame.voiced ? ConversionFormat.sampleRate / frame.period : 0
        if frame.voiced { statistics.add(hertz: hertz) }
        marks.advance(audio: audio, track: track)
        plan = landing.advance(hertz: hertz, statistics: statistics)
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
    }

    mutating func setOffsets(pitchLog: Double, formantLog: Double) {
        landing.offsetPitchLog = pitchLog
        landing.offsetFormantLog = formantLog
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
        landing.reset()
        marks.reset()
        synthesizer.reset()
        effects.reset()
        level.reset()
        plan = SynthesisPlan()
        mix = landing.voice.isBypass ? 0 : wantedMix
    }
}
