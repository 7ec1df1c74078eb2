/// A voice in the form that the converter takes on an audio thread: plain numbers, no references.
///
/// Preparing designs the colour filter and may allocate; do it on any other thread, then hand the result over.
public struct PreparedVoice: Sendable {
    enum Pitch {
        case landing(medianLog: Double, spreadLog: Double)
        case ratio(log: Double)
        case constant(period: Double)
    }

    enum Formants {
        case landing(spacingHertz: Double)
        case ratio(log: Double)
    }

    /// Who is expected to speak.
    struct Speaker {
        let medianLog: Double
        let spreadLog: Double
        let spacingHertz: Double
        let mayBeAnother: Bool

        init(_ speaker: Voice.Speaker) {
            mayBeAnother = speaker.mayBeAnother
            medianLog = NaturalLog.of(within(speaker.medianHertz, 50, 600))
            spreadLog = within(speaker.spreadSemitones, 0.3, 12) * NaturalLog.perSemitone
            spacingHertz = within(speaker.spacingHertz, 700, 1690)
        }
    }

    /// What lies above the converter's band goes on as the colour ends here.
    private static let trebleHertz = 7900.0

    let pitch: Pitch
    let formants: Formants
    let effects: Voice.Effects
    let colour: ColourTaps
    /// nil adds no air.
    let air: ColourTaps?
    /// Gain of what lies above the converter's band, from the colour at its end; never more than 1, as nothing there
    /// is told from noise.
    let highGain: Float
    let speaker: Speaker?
    let isBypass: Bool

    public init(_ voice: Voice) {
        switch voice.pitch {
        case .landing(let medianHertz, let spreadSemitones):
            pitch = .landing(
                medianLog: NaturalLog.of(within(medianHertz, 40, 600)),
                spreadLog: within(spreadSemitones, 0, 12) * NaturalLog.perSemitone)
        case .ratio(let ratio):
            pitch = .ratio(log: NaturalLog.of(within(ratio, 0.25, 4)))
        case .constant(let hertz):
            pitch = .constant(period: ConversionFormat.sampleRate / within(hertz, 40, 600))
        }
        switch voice.formants {
        case .landing(let spacingHertz):
            formants = .landing(spacingHertz: within(spacingHertz, 700, 2000))
        case .ratio(let ratio):
            formants = .ratio(log: NaturalLog.of(within(ratio, 0.5, 2)))
        }
        effects = voice.effects.bounded()
        let levelled = VoiceFitting.levelled(voice.colour)
        colour = ColourTaps(levelled)
        air = voice.air.isEmpty ? nil : ColourTaps(voice.air)
        let treble = ColourTaps.decibels(levelled, atHertz: Self.trebleHertz)
        highGain = Float(NaturalLog.inverse(min(0, treble) * ColourTaps.neperPerDecibel))
        speaker = voice.speaker.map { Speaker($0) }
        isBypass = voice.isBypass
    }
}
