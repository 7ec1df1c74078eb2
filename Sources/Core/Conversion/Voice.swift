/// A voice to speak in: where its pitch and its formants lie, how it is coloured, and what is done to it besides.
public struct Voice: Sendable, Hashable {
    /// Where the pitch goes.
    public enum Pitch: Sendable, Hashable {
        /// Every speaker lands on this median; the spread is one standard deviation.
        case landing(medianHertz: Double, spreadSemitones: Double)
        /// The speaker's own pitch times this.
        case ratio(Double)
        /// One pitch for everything.
        case constant(hertz: Double)
    }

    /// Where the formants go.
    public enum Formants: Sendable, Hashable {
        /// Every speaker lands on this formant spacing (1190 Hz is a woman's, 1010 Hz a man's).
        case landing(spacingHertz: Double)
        /// The speaker's own formants times this.
        case ratio(Double)
    }

    /// One point of the voice's colour; between the points the gain is interpolated over log frequency.
    public struct ColourPoint: Sendable, Hashable {
        public var hertz: Double
        public var decibels: Double

        public init(hertz: Double, decibels: Double) {
            self.hertz = hertz
            self.decibels = decibels
        }
    }

    /// What is done to the voice besides pitch, formants and colour. Everything is off at 0.
    public struct Effects: Sendable, Hashable {
        /// Share of noise in the place of the voice's own excitation: 1 whispers.
        public var whisper = 0.0
        /// Ring modulation: its frequency in hertz and its share.
        public var ringHertz = 0.0
        public var ringDepth = 0.0
        /// Drive into a soft clipper, 0 to 1.
        public var drive = 0.0
        /// Slow wavering of the pitch: its rate and its size.
        public var vibratoHertz = 0.0
        public var vibratoSemitones = 0.0

        public init() {}

        /// The same effects with every figure in the range that the converter works in.
        func bounded() -> Effects {
            var effects = Effects()
            effects.whisper = within(whisper, 0, 1)
            effects.ringHertz = within(ringHertz, 0, 4000)
            effects.ringDepth = within(ringDepth, 0, 1)
            effects.drive = within(drive, 0, 1)
            effects.vibratoHertz = within(vibratoHertz, 0, 20)
            effects.vibratoSemitones = within(vibratoSemitones, 0, 6)
            return effects
        }
    }

    /// Who is expected to speak in a voice. The converter starts from these figures instead of finding them out, and
    /// follows the one who really speaks from there.
    public struct Speaker: Sendable, Hashable {
        public var medianHertz: Double
        public var spreadSemitones: Double
        public var spacingHertz: Double
        /// Somebody else may be the one who speaks: a voice that is clearly another's is followed from its first second
        /// on, as if nobody had been expected.
        public var mayBeAnother: Bool

        public init(
            medianHertz: Double, spreadSemitones: Double, spacingHertz: Double, mayBeAnother: Bool = false
        ) {
            self.medianHertz = medianHertz
            self.spreadSemitones = spreadSemitones
            self.spacingHertz = spacingHertz
            self.mayBeAnother = mayBeAnother
        }
    }

    /// The name that selects the voice: lower case letters, digits and dashes.
    public var name: String
    /// One sentence for a list of voices.
    public var summary: String
    public var pitch: Pitch
    public var formants: Formants
    public var colour: [ColourPoint]
    /// What is added above the end of the speaker's spectrum: gains over frequency of what lies 2 kHz lower, moved up.
    /// Empty adds nothing.
    public var air: [ColourPoint]
    public var effects: Effects
    /// For whom the voice was made; nil when it is for anyone.
    public var speaker: Speaker?
    /// True only for `none`: the output is the delayed input, bit for bit.
    public var isBypass: Bool

    public init(
        name: String, summary: String, pitch: Pitch, formants: Formants, colour: [ColourPoint] = [],
        air: [ColourPoint] = [],
        effects: Effects = Effects(), speaker: Speaker? = nil, isBypass: Bool = false
    ) {
        self.name = name
        self.summary = summary
        self.pitch = pitch
        self.formants = formants
        self.colour = colour
        self.air = air
        self.effects = effects
        self.speaker = speaker
        self.isBypass = isBypass
    }

    /// Whether the result depends on who speaks, and nothing says yet who that is.
    package var adaptsToSpeaker: Bool {
        guard speaker == nil, !isBypass else { return false }
        if case .landing = pitch { return true }
        if case .landing = formants { return true }
        return false
    }
}
