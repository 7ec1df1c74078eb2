/// Puts something above the end of the speaker's spectrum: what lies 2 kHz lower, moved up and coloured.
///
/// Formants that are moved down take the end of the spectrum with them; where the microphone or a codec had cut it off,
/// the target's breath is missing. What is moved up has the rhythm of the voice, is silent where it is, and costs no
/// delay; so high nobody hears where it came from. The colour has to suppress everything else that the shift makes.
struct AirFilter: ~Copyable {
    /// By how much the spectrum is moved: 2 kHz are an eighth of the sample rate.
    static let shiftHertz = ConversionFormat.sampleRate / 8
    /// Hops after which the old colour has faded out.
    private static let fadingHops = 100

    private let cosines: InlineArray<8, Float> = [
        1, 0.707_106_77, 0, -0.707_106_77, -1, -0.707_106_77, 0, 0.707_106_77,
    ]
    private var filter: ColourFilter
    private var phase = 0
    private var hopsLeft: Int
    private var isWanted: Bool

    /// - Parameter colour: What is added, over frequency; nil adds nothing.
    init(_ colour: ColourTaps?) {
        filter = ColourFilter(colour ?? .silent)
        isWanted = colour != nil
        hopsLeft = isWanted ? Self.fadingHops : 0
    }

    mutating func set(_ colour: ColourTaps?) {
        filter.set(colour ?? .silent)
        isWanted = colour != nil
        if isWanted { hopsLeft = Self.fadingHops }
    }

    /// Moves the colour towards the wanted one; once per hop.
    mutating func advance() {
        guard hopsLeft > 0 else { return }
        filter.advance()
        if !isWanted { hopsLeft -= 1 }
    }

    /// What is to be added to the coloured sample.
    @inline(__always)
    mutating func air(above sample: Float) -> Float {
        phase = (phase &+ 1) & 7
        guard hopsLeft > 0 else { return 0 }
        return filter.filter(sample * cosines[phase])
    }

    mutating func reset() {
        filter.reset()
        phase = 0
        hopsLeft = isWanted ? Self.fadingHops : 0
    }
}
