import ArgumentParser
import Foundation

struct CtlCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ctl",
        abstract: "Drive a running live session, for example from a hotkey.",
        discussion: "Requests: \(ControlRequest.words).")

    @Argument(parsing: .allUnrecognized, help: "What to do; status answers with JSON.")
    var request: [String]

    func validate() throws {
        if request.isEmpty { throw ValidationError("Say what to do: \(ControlRequest.words).") }
    }

    func run() throws {
        guard let path = ControlSocket.path() else {
            throw CommandFailure(
                status: .noInput, sentence: "XDG_RUNTIME_DIR is not set; a live session can't be found without it")
        }
        let descriptor: Int32
        switch ControlSocket.connect(path) {
        case .connected(let connected): descriptor = connected
        case .deaf: throw Self.noAnswer
        case .nobody:
            throw CommandFailure(
                status: .noInput, sentence: "no live session runs here; start one with quota-voice live")
        }
        defer { close(descriptor) }
        let line = request.joined(separator: " ").replacing("\n", with: " ") + "\n"
        _ = line.withCString { send(descriptor, $0, strlen($0), Int32(MSG_NOSIGNAL)) }
        var answer = Data()
        var bytes = [UInt8](repeating: 0, count: 65_536)
        while answer.count < 1 << 20 {
            let count = recv(descriptor, &bytes, bytes.count, 0)
            if count < 0, errno == EAGAIN { throw Self.noAnswer }
            guard count > 0 else { break }
            answer.append(contentsOf: bytes[..<count])
        }
        let text = String(decoding: answer, as: UTF8.self).trimmingCharacters(in: .newlines)
        if let failure = ControlRequest.failure(in: text) { throw failure }
        guard !text.isEmpty else {
            throw CommandFailure(status: .tryAgain, sentence: "the session gave no answer; it may be ending")
        }
        if text != "ok" { Terminal.result(text) }
    }

    private static var noAnswer: CommandFailure {
        CommandFailure(
            status: .tryAgain,
            sentence: "the session has not answered for \(ControlSocket.answerSecondsMax) s; is it stopped? fg or "
                + "kill -CONT lets it go on")
    }
}
