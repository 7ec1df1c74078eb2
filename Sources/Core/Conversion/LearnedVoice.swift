extension Voice {
    /// As far as one round of refining moves a band, in dB: what can't be reached must not drag its neighbours along.
    private static let refiningStep = 8.0
    /// Air begins where so much is missing, in dB, and no lower than this: below it a shifted spectrum can be heard.
    private static let mostMissing = 10.0
    private static let lowestAirHertz = 5000.0

    /// A voice that sounds like `target`.
    ///
    /// With a known source the formants move by what brings that speaker's sounds nearest to the target's, and the
    /// colour takes their spectrum to the target's; `refined(towards:speech:)` makes it fit better still. Without, both
    /// start from an average speaker. Takes about a second.
    ///
    /// - Parameters:
    ///   - name: The name to give it.
    ///   - summary: One sentence about it.
    ///   - target: Whom it should sound like.
    ///   - source: Who will speak, when that is known.
    public init(name: String, summary: String, target: SpeakerProfile, source: SpeakerProfile? = nil) {
        let from = source ?? SpeechBands.averageSpeaker
        var spacing = target.spacingHertz
        var ratio = Landing.formantRatio(from: from.spacingHertz, to: spacing)
        if let source {
            ratio = VoiceFitting.formantRatio(from: source, to: target)
            spacing = source.spacingHertz * ratio
        }
        self.init(
            name: name, summary: summary,
            pitch: .landing(medianHertz: target.medianHertz, spreadSemitones: target.spreadSemitones),
            formants: .landing(spacingHertz: spacing))
        if let source {
            speaker = Speaker(
                medianHertz: source.medianHertz, spreadSemitones: source.spreadSemitones,
                spacingHertz: source.spacingHertz)
        }
        let moved = from.meanDecibels(movedBy: ratio)
        colour = VoiceFitting.colour(
            zip(target.bandDecibels, moved).map { $0 - $1 }, keepingLevelOf: moved)
    }

    /// The voice with what makes up for what is still between its speech and the target's: a colour, and air where
    /// there is nothing to colour.
    ///
    /// Converts the speech and measures what came out, three times. Takes some hundredths of the speech's duration.
    ///
    /// - Parameters:
    ///   - target: Whom it should sound like.
    ///   - speech: The one who will use the voice, 16 kHz mono; a minute is enough. With less than ten seconds of
    ///     speech nothing changes.
    public func refined(towards target: SpeakerProfile, speech: [Float]) -> Voice {
        var voice = self
        for _ in 0..<3 {
            guard let found = voice.bands(of: speech) else { return voice }
            voice.refine(found: found, wanted: target.bandDecibels)
        }
        return voice
    }

    /// The mean spectrum of this speech in this voice.
    private func bands(of speech: [Float]) -> [Double]? {
        var converter = VoiceConverter(voice: self)
        var output = [Float](repeating: 0, count: speech.count)
        speech.withUnsafeBufferPointer { source in
            output.withUnsafeMutableBufferPointer { converter.process(source, into: $0) }
        }
        var learner = VoiceLearner()
        output.withUnsafeBufferPointer { learner.add($0) }
        return try? learner.profile().bandDecibels
    }

    private mutating func refine(found: [Double], wanted: [Double]) {
        let centres = SpeakerProfile.bandCentresHertz
        var gains = centres.map { ColourTaps.decibels(colour, atHertz: $0) }
        let before = zip(found, gains).map { $0 - $1 }
        let missing = zip(wanted, found).map { $0 - $1 }
        let start = airStart(missing: missing)
        if let start {
            air = VoiceFitting.air(
                from: start, missing: missing, spectrum: before, wanted: wanted, given: air)
        }
        for band in gains.indices {
            // Where there is air, the colour only takes away.
            let isAir = start.map { centres[band] >= $0 } ?? false
            gains[band] += within(missing[band], -Self.refiningStep, isAir ? 0 : Self.refiningStep)
        }
        colour = VoiceFitting.colour(gains, keepingLevelOf: before)
    }

    /// From where on air is to be added: where it is already, else where more is missing than a colour may make up for.
    private func airStart(missing: [Double]) -> Double? {
        if let first = air.first(where: { $0.decibels > VoiceFitting.noAir }) { return first.hertz }
        let centres = SpeakerProfile.bandCentresHertz
        return centres.indices.first { centres[$0] > Self.lowestAirHertz && missing[$0] > Self.mostMissing }
            .map { centres[$0] }
    }
}
