import Foundation
import VoiceServer

/// `serve --reset-password`: the new password comes from the terminal, typed twice and not shown, or from the first line
/// of standard input; never from an argument, which everybody on the machine sees.
struct PasswordReset {
    let folder: String
    let email: String

    func run() async throws {
        let password = try read()
        do {
            try await PasswordChange.set(password, of: email, inFolder: folder)
        } catch let failure as PasswordChange.Failure {
            throw Self.failure(failure, folder: folder, email: email)
        }
        Terminal.note("The password of \(email) is changed; whoever was signed in has to sign in again.")
    }

    private static func failure(_ failure: PasswordChange.Failure, folder: String, email: String) -> CommandFailure {
        switch failure {
        case .folderTaken:
            CommandFailure(status: .cantCreate, sentence: "\(folder): a server uses it; stop that first")
        case .noState(let reason):
            CommandFailure(status: .noInput, sentence: "\(folder): no server's state can be read there (\(reason))")
        case .noAccount:
            CommandFailure(status: .noInput, sentence: "\(email): no account has this address; see how it is written")
        case .badPassword(let rule):
            CommandFailure(status: .usage, sentence: "\(rule); nothing was changed")
        }
    }

    private func read() throws -> String {
        guard isatty(STDIN_FILENO) == 1 else { return readLine() ?? "" }
        let first = Self.ask("New password for \(email): ")
        guard first == Self.ask("The same again: ") else {
            throw CommandFailure(status: .usage, sentence: "the two are not the same; nothing was changed")
        }
        return first
    }

    /// A line of the terminal that is not shown.
    private static func ask(_ question: String) -> String {
        Terminal.draw(question)
        var settings = termios()
        let isKnown = tcgetattr(STDIN_FILENO, &settings) == 0
        let before = settings
        settings.c_lflag &= ~tcflag_t(ECHO)
        if isKnown { tcsetattr(STDIN_FILENO, TCSAFLUSH, &settings) }
        defer {
            if isKnown {
                var before = before
                tcsetattr(STDIN_FILENO, TCSAFLUSH, &before)
            }
            Terminal.note("")
        }
        return readLine() ?? ""
    }
}
