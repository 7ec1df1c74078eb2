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

    let pitch: Pitch
    let formants: Formants
    let effects: Voice.Effects
    let colour: ColourTaps
    /// Gain of what lies above the converter's band, from the colour at 7.5 kHz.
    let highGain: Float
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
        colour = ColourTaps(voice.colour)
        let treble = ColourTaps.decibels(voice.colour, atHertz: 7500)
        highGain = Float(NaturalLog.inverse(min(6, treble) * ColourTaps.neperPerDecibel))
        isBypass = voice.isBypass
    }
}
