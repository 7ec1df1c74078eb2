import ArgumentParser
import Foundation
import VoiceConversion

struct VoicesLearnCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "learn", abstract: "Learn a speaker's voice from recordings.",
        discussion: """
            Needs at least \(Int(VoiceLearner.neededSeconds)) seconds of speech, better a minute. Pitch, its spread, the \
            length of the vocal tract and the long-term spectrum are learned; accent and manner of speaking are not. \
            With --source, recordings of the one who will speak, formants and colour are fitted to that speaker, and \
            the voice comes much nearer.

            Recordings have to be of one person, without noise or music: less than \
            \(Int(RecordingQuality.leastDecibels)) dB between speech and pauses is refused, and so is a voice that never \
            moves.

            The speaker has to agree. Their consent is asked for once, in two words at the least that say who \
            agreed, and kept with the voice and its copies.
            """)

    @Argument(help: ArgumentHelp("The new voice's name.", valueName: "name"))
    var name: String

    @Argument(help: ArgumentHelp("Recordings of the speaker.", valueName: "recording"), completion: .file())
    var recordings: [String]

    @Option(
        parsing: .upToNextOption,
        help: ArgumentHelp("Recordings of the one who will use the voice.", valueName: "recording"), completion: .file()
    )
    var source: [String] = []

    @Option(
        help: ArgumentHelp(
            "The consent, instead of the question: who agreed, and when; two words or more.", valueName: "note"))
    var consent: String?

    @Flag(help: "Replace a voice of that name.")
    var force = false

    /// Half the width of the pitch, in semitones, that two speakers have together, and what no speaker is below.
    private static let mostSpread = 4.5
    private static let leastSpread = 0.3

    func run() throws {
        let path = try VoiceStore.path(for: name, replaces: force)
        // Found missing before anybody is asked, and before a minute of work.
        for recording in recordings + source where recording != "-" { _ = try FileSource(path: recording) }
        let note = try Consent.ask(consent)
        let target = try Learned(recordings)
        let speaker = source.isEmpty ? nil : try Learned(source)
        var voice = Voice(
            name: name, summary: "Learned from \(recordings.count) recording\(recordings.count == 1 ? "" : "s").",
            target: target.profile, source: speaker?.profile)
        let speech = Array((speaker?.recordings ?? []).map(\.samples).joined().prefix(Self.refinedSamples))
        if speaker != nil { voice = voice.refined(towards: target.profile, speech: speech) }
        voice.colour = Self.rounded(voice.colour)
        voice.air = Self.rounded(voice.air)
        let origin = VoiceFile.Origin(
            learnedFrom: recordings.map { ($0 as NSString).lastPathComponent }, consent: note,
            speechSeconds: (target.profile.speechSeconds * 10).rounded() / 10)
        try VoiceStore.save(VoiceFile(voice, origin: origin), replaces: force)
        Terminal.result(path)
        Terminal.note(Self.report(target))
        Terminal.note(speaker.map { Self.fit(voice, speech, $0.profile, target.profile) } ?? Self.rough)
        for warning in target.warnings + (speaker?.warnings ?? []) { Terminal.note("warning: " + warning) }
    }

    /// A speaker as their recordings tell, which were found good enough.
    private struct Learned {
        let names: String
        let recordings: [SpeechReader.Recording]
        let profile: SpeakerProfile
        let quality: RecordingQuality

        init(_ paths: [String]) throws {
            names = paths.joined(separator: ", ")
            recordings = try paths.map { try SpeechReader.recording($0) }
            profile = try VoicesLearnCommand.profile(of: paths, recordings.map(\.samples))
            quality = RecordingQuality(recordings)
            guard quality.noiseDecibels >= RecordingQuality.leastDecibels else {
                throw CommandFailure(
                    status: .badInput,
                    sentence: String(
                        format: """
                            %@: only %.0f dB between speech and pauses, %.0f are needed; record closer to the \
                            microphone, in a quiet room, without music
                            """, names, max(quality.noiseDecibels, 0), RecordingQuality.leastDecibels))
            }
            guard profile.spreadSemitones >= VoicesLearnCommand.leastSpread else {
                throw CommandFailure(
                    status: .badInput,
                    sentence: String(
                        format:
                            "%@: the pitch moves by %.1f semitones only, which no speaker does; give recordings of speech",
                        names, profile.spreadSemitones))
            }
        }

        var warnings: [String] {
            var warnings: [String] = []
            if profile.spreadSemitones > VoicesLearnCommand.mostSpread {
                warnings.append(
                    String(
                        format: """
                            %@: the pitch is spread over %.1f semitones, more than one person's; are there two speakers, \
                            or music?
                            """, names, profile.spreadSemitones))
            }
            if quality.noiseDecibels < RecordingQuality.goodDecibels {
                warnings.append(
                    String(
                        format: "%@: only %.0f dB between speech and pauses; the noise colours the voice", names,
                        quality.noiseDecibels))
            }
            if quality.clippedShare > RecordingQuality.mostClippedShare {
                warnings.append(
                    String(
                        format: "%@: %.1f %% of the samples are clipped; record at a lower level", names,
                        100 * quality.clippedShare))
            }
            return warnings
        }
    }

    /// To tenths: the file is for people as well.
    private static func rounded(_ points: [Voice.ColourPoint]) -> [Voice.ColourPoint] {
        points.map {
            Voice.ColourPoint(hertz: ($0.hertz * 10).rounded() / 10, decibels: ($0.decibels * 10).rounded() / 10)
        }
    }

    /// Two minutes of the source say all about what its voice lacks.
    private static let refinedSamples = 120 * 16_000

    private static func profile(of recordings: [String], _ speech: [[Float]]) throws -> SpeakerProfile {
        var learner = VoiceLearner()
        for samples in speech {
            samples.withUnsafeBufferPointer { learner.add($0) }
        }
        do throws(LearningError) {
            return try learner.profile()
        } catch {
            let names = recordings.joined(separator: ", ")
            switch error {
            case .tooLittleSpeech(let found, let needed):
                throw CommandFailure(
                    status: .badInput,
                    sentence: String(
                        format: "%@: %.1f s of speech found, %.0f s are needed; add recordings", names, found, needed))
            case .noVoice:
                throw CommandFailure(
                    status: .badInput,
                    sentence: "\(names): hardly any voice found; give recordings of one person speaking")
            }
        }
    }

    /// How much was found and how far it goes.
    private static func report(_ learned: Learned) -> String {
        let profile = learned.profile
        let quantity =
            switch profile.speechSeconds {
            case ..<20: "enough to begin with, a minute would be better"
            case ..<60: "long enough"
            default: "plenty"
            }
        return String(
            format: "%.0f s of speech (%@), %@: pitch %.0f Hz ± %.1f semitones, formants every %.0f Hz",
            profile.speechSeconds, quantity, learned.quality.sentence, profile.medianHertz, profile.spreadSemitones,
            profile.spacingHertz)
    }

    private static let rough = """
        rough: it is made for an average speaker, and for some comes no nearer than their own voice; give recordings of \
        the one who will speak with --source
        """

    /// How near the source's speech comes to the target in this voice.
    private static func fit(
        _ voice: Voice, _ speech: [Float], _ source: SpeakerProfile, _ target: SpeakerProfile
    ) -> String {
        var converter = VoiceConverter(voice: voice)
        var output = speech
        output.withUnsafeMutableBufferPointer { converter.process(UnsafeBufferPointer($0), into: $0) }
        var learner = VoiceLearner()
        output.withUnsafeBufferPointer { learner.add($0) }
        guard let found = try? learner.profile() else { return "fitted to --source; too short to say how well" }
        let (before, after) = (distance(source, target), distance(found, target))
        let semitones = abs(12 * log2(found.medianHertz / target.medianHertz))
        return String(
            format: "fitted to --source: spectrum %.1f dB from the target's (unconverted %.1f), pitch %.1f semitones%@",
            after, before, semitones, after < before ? "" : "; no nearer than unconverted: give more recordings")
    }

    /// Between two mean spectra, in dB.
    private static func distance(_ one: SpeakerProfile, _ other: SpeakerProfile) -> Double {
        let squares = zip(one.bandDecibels, other.bandDecibels).map { ($0 - $1) * ($0 - $1) }
        return (squares.reduce(0, +) / Double(max(squares.count, 1))).squareRoot()
    }
}
