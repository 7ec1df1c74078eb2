import CRealtime
import Glibc
import Synchronization
import VoiceALSADevice
import VoiceRealtime

/// A microphone made by PipeWire's own tool, which carries the sound from its sink to its source while it runs; for
/// machines without PulseAudio's `pactl`.
package final class MicrophoneTool: MicrophoneParts {
    private static let program = "pw-loopback"
    private static let startSeconds: Int64 = 5

    private enum State {
        case running(pid_t)
        /// It ended by itself, or never began.
        case gone
        /// It was taken away for good.
        case removed
    }

    let name: String
    let sink: String
    private let state = Mutex(State.gone)

    init(name: String) {
        self.name = name
        sink = MicrophoneOwner.own.sink(name)
    }

    /// Whether PipeWire runs and can be asked.
    static var isAvailable: Bool { ToolRun.run(["pw-cli", "info", "0"])?.status == 0 }

    /// Whether PipeWire has a source or another node of this name.
    static func hasNode(_ name: String) -> Bool {
        guard let run = ToolRun.run(["pw-cli", "ls", "Node"]), run.status == 0 else { return false }
        return run.output.contains("node.name = \"\(name)\"\n")
    }

    /// Starts the tool and waits until others see the microphone.
    func make() -> Bool {
        state.withLock { state in
            if case .removed = state { return false }
            let properties = { (kind: String, node: String, title: String) in
                "{ media.class=Audio/\(kind) node.name=\"\(node)\" node.description=\"\(title)\" }"
            }
            let started = ToolRun.spawn([
                Self.program, "-n", sink, "-m", "[ MONO ]",
                "--capture-props=\(properties("Sink", sink, name + "-input"))",
                "--playback-props=\(properties("Source", name, name))",
            ])
            guard let process = started else { return false }
            let end = monotonicNow().advanced(byNanoseconds: .seconds(Self.startSeconds))
            while monotonicNow() < end {
                if Self.hasNode(name), Self.hasNode(sink) {
                    state = .running(process)
                    return true
                }
                if waitpid(process, nil, WNOHANG) != 0 { return false }
                usleep(50_000)
            }
            Self.end(process)
            return false
        }
    }

    /// The tool ends with what it has made.
    func isComplete() -> Bool? {
        state.withLock { state in
            guard case .running(let process) = state else { return false }
            var information = siginfo_t()
            // Whoever makes it again takes its end.
            let code = waitid(P_PID, id_t(process), &information, WEXITED | WNOHANG | WNOWAIT)
            return code == 0 && information.si_signo == 0
        }
    }

    func restore() -> Bool {
        let isThere = state.withLock { state in
            guard case .running(let process) = state else { return false }
            guard waitpid(process, nil, WNOHANG) == 0 else {
                state = .gone
                return false
            }
            if Self.hasNode(name), Self.hasNode(sink) { return true }
            // It lives, but not on this server.
            Self.end(process)
            state = .gone
            return false
        }
        return isThere || make()
    }

    func remove() {
        state.withLock { state in
            if case .running(let process) = state { Self.end(process) }
            state = .removed
        }
    }

    /// Ends a child; by force when it takes longer than a second.
    private static func end(_ process: pid_t) {
        kill(process, SIGTERM)
        for _ in 0..<100 {
            if waitpid(process, nil, WNOHANG) != 0 { return }
            usleep(10_000)
        }
        kill(process, SIGKILL)
        while waitpid(process, nil, 0) < 0, errno == EINTR {}
    }

    /// Ends the tools whose makers are gone, on any sound server; returns how many there were.
    static func removeLeftovers() -> Int {
        guard let folder = opendir("/proc") else { return 0 }
        defer { closedir(folder) }
        var count = 0
        while let entry = readdir(folder) {
            let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            // A tool is its maker's child until the maker is gone, whatever has the maker's number by now.
            guard let process = pid_t(name), let owner = owner(commandLine: fileText("/proc/\(name)/cmdline")),
                parent(status: fileText("/proc/\(name)/status")) != owner
            else { continue }
            if kill(process, SIGTERM) == 0 { count += 1 }
        }
        return count
    }

    /// The parent that /proc tells of a process.
    private static func parent(status: String) -> Int32? {
        status.firstMatch(of: /PPid:\s+(\d+)/).flatMap { Int32($0.output.1) }
    }

    /// The process that has started a tool of ours; nil for all other command lines.
    package static func owner(commandLine: String) -> Int32? {
        let words = commandLine.split(separator: "\0")
        guard words.count > 2, words[0].split(separator: "/").last.map(String.init) == program, words[1] == "-n" else {
            return nil
        }
        return words[2].prefixMatch(of: /quota-voice-(\d+)-/).flatMap { Int32($0.output.1) }
    }
}
