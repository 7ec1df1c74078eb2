import ArgumentParser
import VoiceConversion

/// What happens to the sound before it is converted; every part is off unless asked for.
struct CleanUpOptions: ParsableArguments {
    @Flag(help: "Take away what lies below 80 Hz: rumble, handling, the mains.")
    var highPass = false

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp(
            "Lower pauses below this level of the input, -100 to 0; -45 is a quiet room's. --level does not move it.",
            valueName: "dB"))
    var gate: Double?

    @Flag(help: "Bring speech slowly to one level: by -12 to 18 dB.")
    var level = false

    @Flag(help: "Find howls of a speaker that feeds back and notch them.")
    var feedbackGuard = false

    func validate() throws {
        if let gate, !(-100...0).contains(gate) { throw ValidationError("--gate takes -100 to 0 decibels.") }
    }

    /// All but the gate, which is the converter's.
    var settings: CleanUpSettings {
        CleanUpSettings(highPass: highPass, level: level, feedbackGuard: feedbackGuard)
    }
}
