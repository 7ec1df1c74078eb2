import CRealtime
import Foundation
import Synchronization
import VoiceKit

/// Where a running session listens for `quota-voice ctl`: a Unix socket that only its user may reach.
enum ControlSocket {
    static let requestBytesMax = 1_024
    /// How long `quota-voice ctl` waits for a session that says nothing: longer than the session waits for its relay.
    static let answerSecondsMax = LiveControls.answerSecondsMax + 2

    /// `$XDG_RUNTIME_DIR/quota-voice.sock`; nil where there is no such folder.
    static func path(environment: [String: String] = ProcessInfo.processInfo.environment) -> String? {
        guard let folder = environment["XDG_RUNTIME_DIR"], !folder.isEmpty else { return nil }
        return folder + "/quota-voice.sock"
    }

    /// Runs `body` with the address of the socket; nil when the path is too long for one.
    static func withAddress<Result>(
        _ path: String, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Result
    ) -> Result? {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let bytes = Array(path.utf8)
        guard bytes.count < MemoryLayout.size(ofValue: address.sun_path) else { return nil }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
        return withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                body($0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
    }

    static func open() -> Int32 {
        socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    }

    /// Who listens at a socket.
    enum Listener {
        case connected(Int32)
        /// Somebody, who takes no one: the process is stopped, or far too busy.
        case deaf
        case nobody
    }

    static func connect(_ path: String) -> Listener {
        let descriptor = open()
        guard descriptor >= 0 else { return .nobody }
        setTimeLimits(descriptor, seconds: answerSecondsMax)
        let code = withAddress(path) { Glibc.connect(descriptor, $0, $1) } ?? -1
        let error = errno
        guard code == 0 else {
            close(descriptor)
            return error == EAGAIN || error == EINPROGRESS ? .deaf : .nobody
        }
        return .connected(descriptor)
    }

    /// For connecting, sending and receiving each.
    static func setTimeLimits(_ descriptor: Int32, seconds: Int) {
        var limit = timeval(tv_sec: seconds, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
    }
}

/// Answers `quota-voice ctl`, one line for one line. One thread takes the clients and each has a short one of its own, so
/// that a mute never waits for a voice that the relay has not answered yet.
///
/// It is there from before the session, so that of two that are started one ends before it has touched anything.
final class ControlServer: Sendable {
    private static let clientsMax = 16

    private let listener: Int32
    private let path: String
    private let clients = Atomic<Int>(0)
    private let isStopped = Atomic<Bool>(false)
    private let isServed = Atomic<Bool>(false)

    private init(listener: Int32, path: String) {
        self.listener = listener
        self.path = path
    }

    /// Listens, and answers once there is something to answer with: ``serve(_:)``. Nil where there is no folder for the
    /// socket. Throws when another session holds it.
    static func claim() throws -> ControlServer? {
        guard let path = ControlSocket.path() else {
            Terminal.note("quota-voice: XDG_RUNTIME_DIR is not set; quota-voice ctl won't reach this session")
            return nil
        }
        switch ControlSocket.connect(path) {
        case .nobody: break
        case .connected(let other):
            close(other)
            throw Self.isTaken
        case .deaf: throw Self.isTaken
        }
        // Left over from a session that could not clean up: nobody answers there.
        unlink(path)
        let listener = ControlSocket.open()
        guard listener >= 0 else { return nil }
        // For its user alone from the first moment on: no one can connect before the mode is set, as none listens.
        let code =
            ControlSocket.withAddress(path) { address, size in
                Glibc.bind(listener, address, size) == 0 && chmod(path, 0o600) == 0 && listen(listener, 8) == 0
            } ?? false
        guard code else {
            close(listener)
            Terminal.note("quota-voice: \(path): can't listen there; quota-voice ctl won't reach this session")
            return nil
        }
        return ControlServer(listener: listener, path: path)
    }

    private static var isTaken: CommandFailure {
        CommandFailure(
            status: .tryAgain,
            sentence: "another session runs already; quota-voice ctl drives it, and quota-voice ctl quit ends it")
    }

    /// Answers from now on; until then requests wait.
    func serve(_ controls: LiveControls) {
        isServed.store(true, ordering: .releasing)
        let thread = Thread { self.run(controls) }
        thread.name = "control"
        thread.start()
    }

    func stop() {
        isStopped.store(true, ordering: .releasing)
        unlink(path)
        shutdown(listener, Int32(SHUT_RDWR))
        if !isServed.load(ordering: .acquiring) { close(listener) }
    }

    private func run(_ controls: LiveControls) {
        while !isStopped.load(ordering: .acquiring) {
            let client = accept(listener, nil, nil)
            guard client >= 0 else {
                if errno == EINTR || errno == ECONNABORTED { continue }
                break
            }
            ControlSocket.setTimeLimits(client, seconds: 1)
            guard clients.add(1, ordering: .relaxed).newValue <= Self.clientsMax else {
                clients.subtract(1, ordering: .relaxed)
                Self.say(ControlRequest.error(.tryAgain, "too many requests at once; try again"), to: client)
                continue
            }
            let thread = Thread {
                let line = Self.line(from: client)
                Self.say(ControlRequest.answer(to: line, controls), to: client)
                // Behind its answer, which would be lost with the process.
                if ControlRequest.isQuit(line) { controls.session.stop() }
                self.clients.subtract(1, ordering: .relaxed)
            }
            thread.name = "control-client"
            thread.start()
        }
        close(listener)
    }

    private static func say(_ answer: String, to client: Int32) {
        _ = (answer + "\n").withCString { send(client, $0, strlen($0), Int32(MSG_NOSIGNAL)) }
        close(client)
    }

    private static func line(from client: Int32) -> String {
        var bytes = [UInt8](repeating: 0, count: ControlSocket.requestBytesMax)
        var count = 0
        while count < bytes.count, !bytes[..<count].contains(UInt8(ascii: "\n")) {
            let room = bytes.count - count
            let got = bytes.withUnsafeMutableBytes { recv(client, $0.baseAddress! + count, room, 0) }
            guard got > 0 else { break }
            count += got
        }
        return String(decoding: bytes[..<count].prefix { $0 != UInt8(ascii: "\n") }, as: UTF8.self)
    }
}

/// The words of the control socket.
enum ControlRequest {
    static let words =
        """
        mute, unmute, toggle-mute, talk on|off, bypass, unbypass, toggle-bypass, voice NAME, next-voice, \
        previous-voice, pitch SEMITONES, formant FACTOR, mix PERCENT, gain DB, record, stop-recording, status, quit
        """

    static func answer(to line: String, _ controls: LiveControls) -> String {
        let parts = line.split(separator: " ", maxSplits: 1).map(String.init)
        let argument = parts.count > 1 ? parts[1] : nil
        switch (parts.first ?? "", argument) {
        case ("mute", nil): controls.setMuted(true)
        case ("unmute", nil): controls.setMuted(false)
        case ("toggle-mute", nil): controls.toggleMute()
        case ("talk", "on"): controls.setMuted(false)
        case ("talk", "off"): controls.setMuted(true)
        case ("toggle-bypass", nil): controls.toggleBypass()
        case ("next-voice", nil): return change { try controls.confirm(controls.stepVoice(by: 1)) }
        case ("previous-voice", nil): return change { try controls.confirm(controls.stepVoice(by: -1)) }
        case ("bypass", nil): controls.setBypassed(true)
        case ("unbypass", nil): controls.setBypassed(false)
        case ("record", nil):
            return change { try controls.recorder.start() }
        case ("stop-recording", nil):
            let wasRecording = controls.recorder.isRecording
            let names = controls.recorder.stop()
            if wasRecording, names.isEmpty, let problem = controls.recorder.problem {
                return error(problem.status, problem.sentence)
            }
        case ("status", nil): return LiveReport.status(controls.session.snapshot, controls.tuning)
        case ("quit", nil): break
        case ("gain", let text?):
            guard let decibels = Double(text), (-60...40).contains(decibels) else {
                return error(.usage, "gain takes -60 to 40")
            }
            controls.setGain(decibels: decibels)
        case ("voice", let name?):
            return change { try controls.confirm(controls.setVoice(name)) }
        case ("pitch", let text?): return tune("pitch", text, VoiceTuning.pitchRange, \.pitch, controls)
        case ("formant", let text?): return tune("formant", text, VoiceTuning.formantRange, \.formant, controls)
        case ("mix", let text?): return tune("mix", text, VoiceTuning.mixRange, \.mix, controls)
        default: return error(.usage, "unknown request; there is \(words)")
        }
        return "ok"
    }

    /// Whether the session shall end once this is answered.
    static func isQuit(_ line: String) -> Bool { line.split(separator: " ") == ["quit"] }

    private static func tune(
        _ word: String, _ text: String, _ range: ClosedRange<Double>, _ field: WritableKeyPath<VoiceTuning, Double>,
        _ controls: LiveControls
    ) -> String {
        guard let value = Double(text), range.contains(value) else {
            return error(.usage, String(format: "%@ takes %g to %g", word, range.lowerBound, range.upperBound))
        }
        return change { try controls.tune { $0[keyPath: field] = value } }
    }

    private static func change(_ body: () throws -> Void) -> String {
        do {
            try body()
            return "ok"
        } catch let failure as CommandFailure {
            return error(failure.status, failure.sentence)
        } catch let other {
            return error(.internalError, "\(other)")
        }
    }

    /// An answer that says what is wrong, with the exit code of whoever asked.
    static func error(_ status: ExitStatus, _ sentence: String) -> String { "error \(status.rawValue): \(sentence)" }

    /// What an answer says is wrong; nil for all others.
    static func failure(in answer: String) -> CommandFailure? {
        guard let match = answer.wholeMatch(of: /error (\d+): (.*)/.dotMatchesNewlines()) else { return nil }
        let status = Int32(match.output.1).flatMap(ExitStatus.init(rawValue:)) ?? .internalError
        return CommandFailure(status: status, sentence: String(match.output.2))
    }
}
