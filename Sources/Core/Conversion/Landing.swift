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
    /// The formants may drift by 4 % a second.
    private static let spacingSlewPerHop = 1e-4
    private static let slewPerHop = 7.5e-5
    /// The measured spacing follows the real one by this power alone: eight speakers, moved by known factors, were found
    /// moved by 0.44 to 0.89 of it (in logarithms), on average by 0.7. A spacing is reached when the tracker finds it.
    private static let measuredPower = 0.77

    var voice: PreparedVoice
    var offsetPitchLog = 0.0
    var offsetFormantLog = 0.0
    var fixed: FixedRatio?
    private var speakerMedianLog: Double?
    private var speakerSpacingHertz = 1100.0
    private var pitchLog = 0.0
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
        formantLog = 0
        vibratoPhase = 0
        primed = false
    }

    /// Advances by one hop and says what to synthesize.
    mutating func advance(hertz: Double, statistics: borrowing SourceStatistics, spacingHertz: Double?) -> SynthesisPlan
    {
        follow(statistics)
        follow(spacingHertz: spacingHertz)
        var plan = SynthesisPlan()
        let wanted = wantedPitchLog(hertz: hertz, statistics: statistics)
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
        plan.pitchRatio = within(NaturalLog.inverse(pitchLog + vibrato()), 0.25, 4)
        if case .constant(let period) = voice.pitch, fixed == nil {
            plan.constantPeriod = period / NaturalLog.inverse(offsetPitchLog)
        }
        return plan
    }

    private mutating func follow(_ statistics: borrowing SourceStatistics) {
        guard let median = statistics.medianLog else { return }
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

    private func wantedPitchLog(hertz: Double, statistics: borrowing SourceStatistics) -> Double {
        if let fixed { return fixed.pitchLog }
        switch voice.pitch {
        case .ratio(let log):
            return log + offsetPitchLog
        case .constant:
            return 0
        case .landing(let medianLog, let spreadLog):
            guard let speaker = speakerMedianLog else { return offsetPitchLog }
            let known = min(1, statistics.seconds / 2)
            let spread = 1 + known * (within(spreadLog / statistics.spreadLog, 0.7, 1.4) - 1)
            let deviation = hertz > 0 ? NaturalLog.of(hertz) - speaker : 0
            return medianLog - speaker + within(deviation, -0.7, 0.7) * (spread - 1) + offsetPitchLog
        }
    }

    private func wantedFormantLog() -> Double {
        if let fixed { return fixed.formantLog }
        switch voice.formants {
        case .ratio(let log):
            return log + offsetFormantLog
        case .landing(let spacingHertz):
            return NaturalLog.of(spacingHertz / speakerSpacingHertz) / Self.measuredPower + offsetFormantLog
        }
    }

    /// Follows the measured spacing slowly; before there is one, what the pitch suggests.
    private mutating func follow(spacingHertz measured: Double?) {
        let suggested = 1020 * NaturalLog.inverse(0.25 * ((speakerMedianLog ?? 5) - NaturalLog.of(110)))
        let distance = NaturalLog.of((measured ?? suggested) / speakerSpacingHertz)
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
