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
    let isBypass: Bool

    public init(_ voice: Voice) {
        switch voice.pitch {
        case .landing(let medianHertz, let spreadSemitones):
            pitch = .landing(
                medianLog: NaturalLog.of(bounded(medianHertz, 40, 600)),
                spreadLog: bounded(spreadSemitones, 0, 12) * NaturalLog.perSemitone)
        case .ratio(let ratio):
            pitch = .ratio(log: NaturalLog.of(bounded(ratio, 0.25, 4)))
        case .constant(let hertz):
            pitch = .constant(period: ConversionFormat.sampleRate / bounded(hertz, 40, 600))
        }
        switch voice.formants {
        case .landing(let spacingHertz):
            formants = .landing(spacingHertz: bounded(spacingHertz, 700, 2000))
        case .ratio(let ratio):
            formants = .ratio(log: NaturalLog.of(bounded(ratio, 0.5, 2)))
        }
        effects = voice.effects
        isBypass = voice.isBypass
    }
}
