import CSignalKernels

/// The converter's chain, in the order of the signal.
struct ConverterCore: ~Copyable, @unchecked Sendable {
    // @unchecked: the buffers are raw memory that this value alone owns and reaches.
    private static let mixStep: Float = 1 / 320

    /// Voiced hops between two measurements of the formants: 20 ms.
    private static let formantHops = 8
    /// 5 s of voice.
    private static let knownHops = 1000

    let delay: Int
    private var dry = SampleHistory(capacity: 1024)
    private var highPass = FourthOrderFilter(cutoffHertz: 60, highPass: true)
    private var audio = SampleHistory(capacity: 4096)
    private var tracker = PitchTracker()
    private var track = PitchTrack()
    private var statistics = SourceStatistics()
    private var watch = SpeakerWatch()
    private var heardHops = 0
    private var formants = FormantTracker()
    private var landing: Landing
    private var marks = PitchMarks()
    private var synthesizer: GrainSynthesizer
    private let sinc = SincTable()
    private var breath: BreathSource
    private var breathShare: Float
    private var colour: ColourFilter
    private var air: AirFilter
    private var effects: EffectChain
    private var level = LevelKeeper()
    private var peaks = PeakGuard()
    private var gate = NoiseGate()
    private var plan = SynthesisPlan()
    private var voicedHops = 0
    private var wantedMix: Float = 1
    /// The share of the converted voice in the newest output.
    private(set) var mix: Float
    /// Who is known to speak, if the voice doesn't say for whom it was made.
    private let speaker: PreparedVoice.Speaker?
    /// The gate's gain for the newest output.
    private(set) var gateGain: Float = 1

    init(voice: PreparedVoice, delay: Int, seed: UInt64, speaker: Voice.Speaker? = nil) {
        self.delay = delay
        self.speaker = speaker.map { PreparedVoice.Speaker($0) }
        landing = Landing(voice: voice)
        synthesizer = GrainSynthesizer(delay: delay)
        breath = BreathSource(seed: seed)
        breathShare = Float(voice.effects.whisper)
        colour = ColourFilter(voice.colour)
        air = AirFilter(voice.air)
        effects = EffectChain(effects: voice.effects)
        mix = voice.isBypass ? 0 : 1
        expectSpeaker()
    }

    /// Starts from the speaker for whom the voice was made, or from whoever is known to speak.
    private mutating func expectSpeaker() {
        let expected = landing.voice.speaker ?? speaker
        watch.begin(expecting: expected)
        guard let speaker = expected else { return }
        statistics.expect(speaker)
        formants.expect(spacingHertz: speaker.spacingHertz)
        landing.expect(speaker)
    }

    /// The one who has been heard; nil before there was voice enough to know them again.
    var heardSpeaker: Voice.Speaker? {
        guard heardHops >= Self.knownHops, let median = statistics.medianLog, let spacing = formants.spacingHertz
        else { return nil }
        return Voice.Speaker(
            medianHertz: NaturalLog.inverse(median), spreadSemitones: statistics.spreadLog / NaturalLog.perSemitone,
            spacingHertz: spacing)
    }

    /// The next output sample, the gate's gain included.
    @inline(__always)
    mutating func convert(_ input: Float) -> Float {
        let output = convertUngated(input)
        return gateGain == 1 ? output : gateGain * output
    }

    /// The next output sample without the gate's gain, which `gateGain` then is.
    @inline(__always)
    mutating func convertUngated(_ input: Float) -> Float {
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
        let breathed = breathe(rendered)
        let coloured = effects.apply(to: colour.filter(breathed) + air.air(above: breathed))
        let converted = level.keep(coloured, source: source)
        gateGain = gate.gain(for: Float(passed))
        let unconverted = position < 0 ? 0 : dry.samples(from: position)[0]
        let blended = blend(converted, dry: unconverted)
        if mix == 0 { return unconverted }
        return peaks.protect(blended, newest: sample, source: unconverted, share: mix)
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
            if watch.findsAnother(hertz: hertz) { forgetExpected() }
            heardHops += 1
            voicedHops += 1
            if voicedHops % Self.formantHops == 0 { formants.measure(audio: audio, hertz: hertz, sinc: sinc) }
        } else {
            voicedHops = 0
        }
        marks.advance(audio: audio, track: track)
        plan = landing.advance(hertz: hertz, statistics: statistics, spacingHertz: formants.spacingHertz)
        synthesizer.reconsider(position: Double(audio.count - 1 - delay), plan: plan, track: track)
        colour.advance()
        air.advance()
        if breathShare > 0 || landing.voice.effects.whisper > 0 {
            let ahead = max(0, min(56, delay - 184))
            breath.fit(position: audio.count - delay + ahead, speed: plan.formantRatio, audio: audio, sinc: sinc)
        }
    }

    /// Goes on with what has been heard alone: the one who was expected is not here.
    private mutating func forgetExpected() {
        statistics.adopt(watch.heard)
        formants.reset()
        landing.forgetSpeaker()
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
        return (dry + mix * (converted - dry)) * level.makeUp(share: mix)
    }

    mutating func setVoice(_ voice: PreparedVoice) {
        landing.voice = voice
        // Later the one who speaks is known better.
        if statistics.seconds < 2 { expectSpeaker() }
        effects.wanted = voice.effects
        colour.set(voice.colour)
        air.set(voice.air)
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
        heardHops = 0
        voicedHops = 0
        landing.reset()
        marks.reset()
        synthesizer.reset()
        breath.reset()
        breathShare = Float(landing.voice.effects.whisper)
        colour.reset()
        air.reset()
        effects.reset()
        level.reset()
        peaks.reset()
        gate.reset()
        gateGain = 1
        plan = SynthesisPlan()
        mix = landing.voice.isBypass ? 0 : wantedMix
        expectSpeaker()
    }
}
