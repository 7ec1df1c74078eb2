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
    /// It is in a process group of its own: Ctrl-C must not leave half a microphone.
    ///
    /// - Parameter output: where its standard output goes; nil to nowhere.
    static func spawn(_ arguments: [String], output: Int32? = nil) -> pid_t? {
        let words = arguments.map { strdup($0) } + [nil]
        // What it says is read by a program.
        let language = strdup("LC_ALL=C")
        defer { for word in words + [language] { free(word) } }
        let environment = [language] + environmentWithoutKeys()
        return words.withUnsafeBufferPointer { words in
            environment.withUnsafeBufferPointer { environment in
                var child = crt_child()
                child.words = words.baseAddress
                child.environment = environment.baseAddress
                child.descriptors = (-1, output ?? -1, -1)
                child.has_own_group = true
                var process: pid_t = 0
                return crt_spawn(&child, &process) == 0 ? process : nil
            }
        }
    }

    /// Of this process, but for the language and for what pays: no sound server's tool has a use for it, and a child's environment is one
    /// more place where it can be read. The strings stay this process' own.
    private static func environmentWithoutKeys() -> [UnsafeMutablePointer<CChar>?] {
        let withheld = ["QUOTA_API_KEY=", "QUOTA_WEBHOOK_SECRET=", "LC_ALL="]
        var kept: [UnsafeMutablePointer<CChar>?] = []
        var place = environ
        while let entry = place.pointee {
            if !withheld.contains(where: { strncmp(entry, $0, $0.utf8.count) == 0 }) { kept.append(entry) }
            place += 1
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
