import CRealtime
import Foundation
import Synchronization
import VoiceKit

/// Where a running session listens for `quota-voice ctl`: a Unix socket that only its user may reach.
enum ControlSocket {
    static let requestBytesMax = 1_024

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

    static func connect(_ path: String) -> Int32? {
        let descriptor = open()
        guard descriptor >= 0 else { return nil }
        let code = withAddress(path) { Glibc.connect(descriptor, $0, $1) } ?? -1
        guard code == 0 else {
            close(descriptor)
            return nil
        }
        return descriptor
    }
}

/// Answers `quota-voice ctl`, one line for one line, on a thread of its own.
final class ControlServer: Sendable {
    private let listener: Int32
    private let path: String
    private let controls: LiveControls
    private let isStopped = Atomic<Bool>(false)

    private init(listener: Int32, path: String, controls: LiveControls) {
        self.listener = listener
        self.path = path
        self.controls = controls
    }

    /// Listens; nil where there is no folder for the socket. Throws when another session holds it.
    static func start(_ controls: LiveControls) throws -> ControlServer? {
        guard let path = ControlSocket.path() else { return nil }
        if let other = ControlSocket.connect(path) {
            close(other)
            throw CommandFailure(
                status: .tryAgain,
                sentence: "another session runs already (\(path)); end it, or set XDG_RUNTIME_DIR to another folder")
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
        let server = ControlServer(listener: listener, path: path, controls: controls)
        let thread = Thread { server.run() }
        thread.name = "control"
        thread.start()
        return server
    }

    func stop() {
        isStopped.store(true, ordering: .releasing)
        unlink(path)
        shutdown(listener, Int32(SHUT_RDWR))
    }

    private func run() {
        while !isStopped.load(ordering: .acquiring) {
            let client = accept(listener, nil, nil)
            guard client >= 0 else {
                if errno == EINTR || errno == ECONNABORTED { continue }
                break
            }
            // A client that says nothing must not keep the others out.
            var limit = timeval(tv_sec: 1, tv_usec: 0)
            setsockopt(client, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
            setsockopt(client, SOL_SOCKET, SO_SNDTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
            let answer = ControlRequest.answer(to: Self.line(from: client), controls) + "\n"
            _ = answer.withCString { send(client, $0, strlen($0), Int32(MSG_NOSIGNAL)) }
            close(client)
        }
        close(listener)
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
        previous-voice, gain DB, record, stop-recording, status, quit
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
        case ("next-voice", nil): controls.stepVoice(by: 1)
        case ("previous-voice", nil): controls.stepVoice(by: -1)
        case ("bypass", nil): controls.setBypassed(true)
        case ("unbypass", nil): controls.setBypassed(false)
        case ("record", nil): controls.recorder.start()
        case ("stop-recording", nil): controls.recorder.stop()
        case ("status", nil): return LiveReport.status(controls.session.snapshot)
        case ("quit", nil): controls.session.stop()
        case ("gain", let text?):
            guard let decibels = Double(text), (-60...40).contains(decibels) else {
                return "error: gain takes -60 to 40"
            }
            controls.setGain(decibels: decibels)
        case ("voice", let name?):
            do {
                try controls.setVoice(name)
            } catch let failure as CommandFailure {
                return "error: \(failure.sentence)"
            } catch {
                return "error: \(error)"
            }
        default: return "error: unknown request; there is \(words)"
        }
        return "ok"
    }
}
