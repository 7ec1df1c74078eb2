/// Finds the pitch and formant ratio that bring this speaker to that voice.
///
/// The speaker's statistics move slowly once a second of speech is known, so a sentence isn't bent by them; a change of
/// the voice or of an offset takes 30 ms.
struct Landing {
    /// Ratios that leave adaptation out, for measurements.
    struct FixedRatio {
        var pitchLog: Double
        var formantLog: Double
    }

    private static let glide = 1.0 / 12
    /// A change of the speaker's own pitch is stretched or flattened as fast as this.
    private static let deviationGlide = 1.0 / 6
    /// The formants may drift by 4 % a second.
    private static let spacingSlewPerHop = 1e-4
    private static let slewPerHop = 7.5e-5
    /// Who begins to speak does so above their median, by about this; it is forgotten in so many seconds of voice.
    private static let openingLog = 0.045
    private static let openingSeconds = 2.0
    var voice: PreparedVoice
    var offsetPitchLog = 0.0
    var offsetFormantLog = 0.0
    var fixed: FixedRatio?
    private var speakerMedianLog: Double?
    private var speakerSpacingHertz = 1100.0
    private var pitchLog = 0.0
    private var deviationLog = 0.0
    private var formantLog = 0.0
    private var vibratoPhase = 0.0
    private var primed = false

    init(voice: PreparedVoice) {
        self.voice = voice
    }

    mutating func reset() {
        speakerMedianLog = nil
        speakerSpacingHertz = 1100
        pitchLog = 0
        deviationLog = 0
        formantLog = 0
        vibratoPhase = 0
        primed = false
    }

    /// The next frame tells who speaks; what is synthesized glides there.
    mutating func forgetSpeaker() {
        speakerMedianLog = nil
    }

    /// Starts from a speaker known beforehand.
    mutating func expect(_ speaker: PreparedVoice.Speaker) {
        speakerMedianLog = speaker.medianLog
        speakerSpacingHertz = speaker.spacingHertz
    }

    /// The factor that takes formants of one spacing to another.
    static func formantRatio(from: Double, to: Double) -> Double {
        within(to / max(from, 1), 0.5, 2)
    }

    /// Advances by one hop and says what to synthesize.
    mutating func advance(hertz: Double, statistics: borrowing SourceStatistics, spacingHertz: Double?) -> SynthesisPlan
    {
        follow(statistics)
        follow(spacingHertz: spacingHertz)
        var plan = SynthesisPlan()
        let wanted = wantedPitchLog()
        let stretch = stretch(statistics)
        if hertz > 0, let speaker = speakerMedianLog {
            let deviation = within(NaturalLog.of(hertz) - speaker, -0.7, 0.7)
            deviationLog += (deviation - deviationLog) * Self.deviationGlide
        }
        let wantedFormant = wantedFormantLog()
        if primed {
            pitchLog += (wanted - pitchLog) * Self.glide
            formantLog += (wantedFormant - formantLog) * Self.glide
        } else {
            pitchLog = wanted
            formantLog = wantedFormant
            primed = speakerMedianLog != nil
        }
        plan.formantRatio = within(NaturalLog.inverse(formantLog), 0.5, 2)
        plan.pitchRatio = within(NaturalLog.inverse(pitchLog + stretch * deviationLog + vibrato()), 0.25, 4)
        if case .constant(let period) = voice.pitch, fixed == nil {
            plan.constantPeriod = period / NaturalLog.inverse(offsetPitchLog)
        }
        return plan
    }

    private mutating func follow(_ statistics: borrowing SourceStatistics) {
        guard let found = statistics.medianLog else { return }
        let median = found - Self.openingLog * max(0, 1 - statistics.seconds / Self.openingSeconds)
        guard let current = speakerMedianLog, statistics.seconds > 0.1 else {
            speakerMedianLog = median
            return
        }
        let distance = median - current
        if statistics.seconds < 1 {
            speakerMedianLog = current + 0.05 * distance
        } else {
            let most = max(Self.slewPerHop, abs(distance) * 0.001)
            speakerMedianLog = current + max(-most, min(most, distance))
        }
    }

    /// What takes the speaker's median to the voice's.
    private func wantedPitchLog() -> Double {
        if let fixed { return fixed.pitchLog }
        switch voice.pitch {
        case .ratio(let log):
            return log + offsetPitchLog
        case .constant:
            return 0
        case .landing(let medianLog, _):
            guard let speaker = speakerMedianLog else { return offsetPitchLog }
            return medianLog - speaker + offsetPitchLog
        }
    }

    /// By which share the speaker's deviations from the median are to grow (shrink, below 0).
    private func stretch(_ statistics: borrowing SourceStatistics) -> Double {
        guard fixed == nil, case .landing(_, let spreadLog) = voice.pitch else { return 0 }
        let known = min(1, statistics.seconds / 2)
        // What was learned beforehand can be trusted more than a few seconds of speech.
        let most = voice.speaker == nil ? 1.4 : 2
        return known * (within(spreadLog / statistics.spreadLog, 1 / most, most) - 1)
    }

    private func wantedFormantLog() -> Double {
        if let fixed { return fixed.formantLog }
        switch voice.formants {
        case .ratio(let log):
            return log + offsetFormantLog
        case .landing(let spacingHertz):
            return NaturalLog.of(spacingHertz / speakerSpacingHertz) + offsetFormantLog
        }
    }

    /// Follows the measured spacing slowly; before there is one, what the pitch suggests.
    private mutating func follow(spacingHertz measured: Double?) {
        let suggested = SpeakerNorm.spacingLog(pitchLog: speakerMedianLog ?? 5)
        let distance = (measured.map(NaturalLog.of) ?? suggested) - NaturalLog.of(speakerSpacingHertz)
        let most = measured == nil ? 1 : Self.spacingSlewPerHop
        speakerSpacingHertz *= NaturalLog.inverse(max(-most, min(most, distance)))
    }

    private mutating func vibrato() -> Double {
        let effects = voice.effects
        guard effects.vibratoHertz > 0, fixed == nil else { return 0 }
        vibratoPhase += effects.vibratoHertz * Double(ConversionFormat.hop) / ConversionFormat.sampleRate
        if vibratoPhase >= 1 { vibratoPhase -= 1 }
        return effects.vibratoSemitones * NaturalLog.perSemitone * NaturalLog.sine(turns: vibratoPhase)
    }
}
