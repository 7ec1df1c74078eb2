import ArgumentParser
import Foundation
import VoiceConversion

/// How far a voice of this machine is moved, and how much of it is heard.
struct VoiceTuning: Sendable, Hashable {
    static let pitchRange = -24.0...24.0
    static let formantRange = 0.5...2.0
    static let mixRange = 0.0...100.0

    /// Semitones.
    var pitch = 0.0
    /// Factor on the formants.
    var formant = 1.0
    /// Share of the converted voice in percent; the rest is the own one.
    var mix = 100.0

    /// As the converter takes it.
    var share: Double { mix / 100 }
}

/// The options of commands that convert on this machine.
struct VoiceOptions: ParsableArguments {
    @Option(
        parsing: .unconditional,
        help: ArgumentHelp(
            """
            Move a voice of this machine by semitones, -24 to 24. Nobody is moved further than two octaves from their \
            own pitch.
            """, valueName: "semitones"))
    var pitch = 0.0

    @Option(help: ArgumentHelp("Times the formants of a voice of this machine, 0.5 to 2.", valueName: "factor"))
    var formant = 1.0

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp(
            "Percent of the converted voice; the rest is the own one. Default: 100.", valueName: "percent"))
    var mix: Double?

    @Option(
        help: ArgumentHelp(
            """
            Milliseconds that the conversion may hear ahead: 10, 15, 20 or 30, and 2 more from 32,000 Hz on. Default: 15.
            """, valueName: "ms"))
    var delay: ConversionDelay?

    func validate() throws {
        guard VoiceTuning.pitchRange.contains(pitch) else {
            throw ValidationError("--pitch takes -24 to 24 semitones.")
        }
        guard VoiceTuning.formantRange.contains(formant) else { throw ValidationError("--formant takes 0.5 to 2.") }
        if let mix, !VoiceTuning.mixRange.contains(mix) { throw ValidationError("--mix takes 0 to 100 percent.") }
    }

    var tuning: VoiceTuning { VoiceTuning(pitch: pitch, formant: formant, mix: mix ?? 100) }

    /// A relay takes the name of a voice and nothing else.
    func refuseForRelay() throws {
        guard pitch == 0, formant == 1, mix == nil, delay == nil else {
            throw CommandFailure(
                status: .usage,
                sentence: "--pitch, --formant, --mix and --delay are for the voices of this machine only; add --local")
        }
    }

    /// The relay inside this process is one of them, but for a voice that is moved before it starts.
    func refuseForLoopback() throws {
        guard mix == nil, delay == nil else {
            throw CommandFailure(status: .usage, sentence: "--mix and --delay go with --local, not with --loopback")
        }
    }
}

extension ConversionDelay: ExpressibleByArgument {
    public var defaultValueDescription: String { "\(rawValue)" }
}

extension Voice {
    private static let hertzRange = 50.0...600.0
    private static let ratioRange = 0.25...4.0

    /// The same voice, moved by semitones and by a factor on the formants; a sentence when that leads out of what the
    /// converter does.
    func moved(by tuning: VoiceTuning) throws -> Voice {
        let factor = pow(2, tuning.pitch / 12)
        var moved = self
        switch pitch {
        case .landing(let median, let spread):
            try check(pitch: tuning.pitch, of: median, Self.hertzRange, "Hz")
            moved.pitch = .landing(medianHertz: median * factor, spreadSemitones: spread)
        case .ratio(let ratio):
            try check(pitch: tuning.pitch, of: ratio, Self.ratioRange, "times the speaker's own pitch")
            moved.pitch = .ratio(ratio * factor)
        case .constant(let hertz):
            try check(pitch: tuning.pitch, of: hertz, Self.hertzRange, "Hz")
            moved.pitch = .constant(hertz: hertz * factor)
        }
        switch formants {
        case .landing(let spacing):
            try check(formant: tuning.formant, of: spacing, 700...2000)
            moved.formants = .landing(spacingHertz: spacing * tuning.formant)
        case .ratio(let ratio):
            try check(formant: tuning.formant, of: ratio, VoiceTuning.formantRange)
            moved.formants = .ratio(ratio * tuning.formant)
        }
        // `none` stays the untouched voice only as long as nobody touches it.
        if tuning.pitch != 0 || tuning.formant != 1 { moved.isBypass = false }
        return moved
    }

    private func check(pitch semitones: Double, of value: Double, _ range: ClosedRange<Double>, _ unit: String) throws {
        let wanted = value * pow(2, semitones / 12)
        guard semitones != 0, !range.contains(wanted) else { return }
        let least = (12 * log2(range.lowerBound / value) * 10).rounded(.up) / 10
        let most = (12 * log2(range.upperBound / value) * 10).rounded(.down) / 10
        throw CommandFailure(
            status: .usage,
            sentence: String(
                format: "%@ moved by %g semitones would speak at %.3g %@; it can be moved by %g to %g semitones", name,
                semitones, wanted, unit, max(least, -24), min(most, 24)))
    }

    private func check(formant factor: Double, of value: Double, _ range: ClosedRange<Double>) throws {
        guard factor != 1, !range.contains(value * factor) else { return }
        let least = (range.lowerBound / value * 100).rounded(.up) / 100
        let most = (range.upperBound / value * 100).rounded(.down) / 100
        throw CommandFailure(
            status: .usage,
            sentence: String(
                format: "the formants of %@ can't be moved by %g, only by %g to %g", name, factor, max(least, 0.5),
                min(most, 2)))
    }
}
