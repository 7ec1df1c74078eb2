/// Tells from the first seconds of voice whether the one who speaks is the one who was expected.
struct SpeakerWatch: ~Copyable {
    /// 1 s of voice: with less, a sentence that begins high is all that is known.
    private static let framesMin = 200
    /// After 5 s whoever was expected counts for less than who has been heard.
    private static let framesMax = 1000
    /// Sentences of one person lie nearer to each other, most men and women further apart.
    private static let distanceLog = 4.5 * NaturalLog.perSemitone

    /// Who has been heard, as if nobody had been expected.
    private(set) var heard = SourceStatistics()
    private var frames = 0
    private var expectedLog: Double?

    /// Begins to watch; a speaker who is certain needs no watch.
    mutating func begin(expecting speaker: PreparedVoice.Speaker?) {
        heard.reset()
        frames = 0
        expectedLog = nil
        if let speaker, speaker.mayBeAnother { expectedLog = speaker.medianLog }
    }

    /// Notes a voiced frame and says, once, that somebody else speaks.
    mutating func findsAnother(hertz: Double) -> Bool {
        guard let expected = expectedLog else { return false }
        heard.add(hertz: hertz)
        frames += 1
        if frames >= Self.framesMax { expectedLog = nil }
        guard frames >= Self.framesMin, let median = heard.medianLog else { return false }
        guard abs(median - expected) > Self.distanceLog else { return false }
        expectedLog = nil
        return true
    }
}
