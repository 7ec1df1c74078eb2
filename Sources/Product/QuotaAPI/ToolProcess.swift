import CRealtime
import Foundation

/// Runs a small program to its end. What is secret goes through its standard input, never its arguments.
enum ToolProcess {
    struct Outcome: Sendable {
        var status: Int32
        var output: Data
    }

    /// What a program that is started here gets: it has no use for our credentials.
    private static var environment: [String: String] {
        let withheld = ["QUOTA_API_KEY", "QUOTA_WEBHOOK_SECRET"]
        return ProcessInfo.processInfo.environment.filter { !withheld.contains($0.key) }
    }

    /// Where a program of this name is, in the folders of PATH.
    static func find(_ name: String, environment: [String: String] = ProcessInfo.processInfo.environment) -> String? {
        let folders = (environment["PATH"] ?? "/usr/local/bin:/usr/bin:/bin").split(separator: ":")
        return folders.map { "\($0)/\(name)" }.first { $0.hasPrefix("/") && access($0, X_OK) == 0 }
    }

    /// - Returns: `nil` when it can't be started or takes longer than `seconds`; it is then killed.
    static func run(_ path: String, _ arguments: [String], input: Data = Data(), seconds: Double) async -> Outcome? {
        await onThread { answer in answer(runBlocking(path, arguments, input, seconds)) }
    }

    /// Starts a program that may stay; gives its status if it ends within `seconds`, `nil` if it goes on.
    static func start(_ path: String, _ arguments: [String], seconds: Double) async -> Int32? {
        await onThread { answer in
            guard let process = spawn(path, arguments, (-1, -1, -1)) else { return answer(127) }
            let status = end(of: process, within: seconds)
            answer(status)
            // Nobody else would ever take note of its end.
            if status == nil { waitpid(process, nil, 0) }
        }
    }

    /// Waiting for a process blocks: never on one of Swift's own threads.
    private static func onThread<Answer: Sendable>(
        _ body: @escaping @Sendable (_ answer: @Sendable (Answer) -> Void) -> Void
    ) async -> Answer {
        await withCheckedContinuation { continuation in
            let thread = Thread {
                // A program that does not read its input to the end is no reason for SIGPIPE.
                crt_block_signals()
                body { continuation.resume(returning: $0) }
            }
            thread.stackSize = 1 << 19
            thread.start()
        }
    }

    private static func runBlocking(
        _ path: String, _ arguments: [String], _ input: Data, _ seconds: Double
    ) -> Outcome? {
        let deadline = Date(timeIntervalSinceNow: seconds)
        var (stdin, stdout): ([Int32], [Int32]) = ([-1, -1], [-1, -1])
        guard crt_pipe(&stdin) == 0 else { return nil }
        defer { close(stdin[1]) }
        guard crt_pipe(&stdout) == 0 else {
            close(stdin[0])
            return nil
        }
        defer { close(stdout[0]) }
        let process = spawn(path, arguments, (stdin[0], stdout[1], -1))
        close(stdin[0])
        close(stdout[1])
        guard let process else { return nil }
        // What is written here is far smaller than a pipe's buffer, so this can't wait.
        input.withUnsafeBytes { bytes in _ = write(stdin[1], bytes.baseAddress, bytes.count) }
        close(stdin[1])
        stdin[1] = -1
        let output = readAll(from: stdout[0], until: deadline)
        guard let status = end(of: process, within: deadline.timeIntervalSinceNow) else {
            kill(process, SIGKILL)
            waitpid(process, nil, 0)
            return nil
        }
        return Outcome(status: status, output: output)
    }

    /// Foundation's own `Process` crashes where this process has more than 1,300 files open.
    private static func spawn(
        _ path: String, _ arguments: [String], _ descriptors: (Int32, Int32, Int32)
    ) -> pid_t? {
        let words = ([path] + arguments).map { strdup($0) } + [nil]
        let variables = environment.map { strdup("\($0.key)=\($0.value)") } + [nil]
        defer { for text in words + variables { free(text) } }
        return words.withUnsafeBufferPointer { words in
            variables.withUnsafeBufferPointer { variables in
                var child = crt_child()
                child.words = words.baseAddress
                child.environment = variables.baseAddress
                child.descriptors = descriptors
                // Ctrl-C ends this program, not the browser that it opened.
                child.has_own_group = true
                var process: pid_t = 0
                return crt_spawn(&child, &process) == 0 ? process : nil
            }
        }
    }

    /// The first 64 KiB of what comes until the other end closes or time is over.
    private static func readAll(from descriptor: Int32, until deadline: Date) -> Data {
        var output = Data()
        var block = [UInt8](repeating: 0, count: 4_096)
        while output.count < 64 << 10 {
            var entry = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
            let left = deadline.timeIntervalSinceNow
            guard left > 0, poll(&entry, 1, Int32(left * 1_000) + 1) > 0 else { break }
            let count = read(descriptor, &block, block.count)
            guard count > 0 else { break }
            output += block[..<count]
        }
        return output
    }

    /// The exit code, or 128 and the number of the signal that ended it; `nil` if it is still there after `seconds`.
    private static func end(of process: pid_t, within seconds: Double) -> Int32? {
        let deadline = Date(timeIntervalSinceNow: seconds)
        while true {
            var status: Int32 = 0
            let ended = waitpid(process, &status, WNOHANG)
            if ended == process {
                let signal = status & 0x7F
                return signal == 0 ? status >> 8 & 0xFF : 128 + signal
            }
            // A host that ignores SIGCHLD has lost the status.
            if ended < 0, errno != EINTR { return 127 }
            guard Date() < deadline else { return nil }
            usleep(5_000)
        }
    }
}
