/// The documented exit codes, after BSD's sysexits where one fits.
enum ExitStatus: Int32, CaseIterable {
    case success = 0
    case several = 1
    case usage = 64
    case badInput = 65
    case noInput = 66
    case unreachable = 69
    case internalError = 70
    case cantCreate = 73
    case inputOutput = 74
    case tryAgain = 75
    case protocolError = 76
    case noPermission = 77
    case balanceExhausted = 80
    case sessionTimeout = 81
    case hungUp = 129
    case interrupted = 130
    case terminated = 143

    var meaning: String {
        switch self {
        case .success: "all done"
        case .several: "some files failed, for different reasons"
        case .usage: "wrong use of the command line"
        case .badInput: "the input is not sound, is damaged, or is empty"
        case .noInput: "the input, a sound device or a running session is missing or can't be opened"
        case .unreachable: "the relay can't be reached"
        case .internalError: "a fault of quota-voice"
        case .cantCreate: "the output exists or can't be created"
        case .inputOutput: "writing failed (disk full), or a sound device did"
        case .tryAgain: "the relay went away, or a device or a session is busy; try again"
        case .protocolError: "the relay or this client broke the protocol"
        case .noPermission: "no credential, or it is refused"
        case .balanceExhausted: "the wallet is empty"
        case .sessionTimeout: "the session's time is up"
        case .hungUp: "stopped as the terminal was closed"
        case .interrupted: "stopped by Ctrl-C"
        case .terminated: "stopped by SIGTERM"
        }
    }

    /// "0 all done, 1 some files failed …", for the help text.
    static var summary: String {
        allCases.map { "\($0.rawValue) \($0.meaning)" }.joined(separator: "; ") + "."
    }
}

/// What ends a command: one sentence that names the cause and the next step, and an exit code.
struct CommandFailure: Error {
    let status: ExitStatus
    let sentence: String
}
