import CRealtime
import Glibc
import VoiceRealtime

/// A small program that was run to its end.
struct ToolRun {
    /// The exit code, or 128 and the number of the signal that ended it.
    let status: Int32
    /// Its standard output, the first 64 KiB.
    let output: String

    /// Runs a program of PATH and waits for it; nil when there is none of that name or it takes longer than `seconds`,
    /// and then it is killed.
    static func run(_ arguments: [String], seconds: Int64 = 5) -> ToolRun? {
        var pipeEnds: [Int32] = [-1, -1]
        guard crt_pipe(&pipeEnds) == 0 else { return nil }
        defer { close(pipeEnds[0]) }
        let started = spawn(arguments, output: pipeEnds[1])
        close(pipeEnds[1])
        guard let process = started else { return nil }
        let (output, isComplete) = read(from: pipeEnds[0], seconds: seconds)
        if !isComplete { kill(process, SIGKILL) }
        var status: Int32 = 0
        while waitpid(process, &status, 0) < 0, errno == EINTR {}
        guard isComplete else { return nil }
        let signal = status & 0x7F
        return ToolRun(status: signal == 0 ? status >> 8 & 0xFF : 128 + signal, output: output)
    }

    /// Starts a program of PATH; nil when there is none of that name.
    ///
    /// - Parameter output: where its standard output goes; nil to nowhere, and then the program is in a process group of
    ///   its own, out of the reach of the terminal's keys.
    static func spawn(_ arguments: [String], output: Int32? = nil) -> pid_t? {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0)
        if let output {
            posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO)
        } else {
            posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0)
        }
        posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0)
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        // Threads of ours have signals blocked, which a program would inherit.
        var noSignals = sigset_t()
        sigemptyset(&noSignals)
        posix_spawnattr_setsigmask(&attributes, &noSignals)
        let group = output == nil ? POSIX_SPAWN_SETPGROUP : 0
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK | group))
        var process: pid_t = 0
        var words = arguments.map { strdup($0) }
        defer { for word in words { free(word) } }
        words.append(nil)
        var environment = environmentWithoutKeys()
        return posix_spawnp(&process, arguments[0], &actions, &attributes, words, &environment) == 0 ? process : nil
    }

    /// Of this process, but for what pays: no sound server's tool has a use for it, and a child's environment is one
    /// more place where it can be read. The strings stay this process' own.
    private static func environmentWithoutKeys() -> [UnsafeMutablePointer<CChar>?] {
        let withheld = ["QUOTA_API_KEY=", "QUOTA_WEBHOOK_SECRET="]
        var kept: [UnsafeMutablePointer<CChar>?] = []
        var place = environ
        while let entry = place?.pointee {
            if !withheld.contains(where: { strncmp(entry, $0, $0.utf8.count) == 0 }) { kept.append(entry) }
            place = place?.advanced(by: 1)
        }
        kept.append(nil)
        return kept
    }

    /// Everything until the other end closes; false when that does not happen in time.
    private static func read(from descriptor: Int32, seconds: Int64) -> (String, Bool) {
        var bytes: [UInt8] = []
        var block = [UInt8](repeating: 0, count: 4_096)
        let end = monotonicNow().advanced(byNanoseconds: .seconds(seconds))
        while true {
            let left = end.nanoseconds(since: monotonicNow())
            guard left > 0 else { return ("", false) }
            var entry = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
            guard crt_poll(&entry, 1, left) > 0 else { continue }
            let count = Glibc.read(descriptor, &block, block.count)
            if count > 0, bytes.count < 1 << 16 { bytes += block[..<count] }
            if count == 0 { return (String(decoding: bytes, as: UTF8.self), true) }
            if count < 0, errno != EAGAIN, errno != EINTR { return ("", false) }
        }
    }
}

func monotonicNow() -> MonotonicTime {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return MonotonicTime(nanoseconds: UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec))
}
