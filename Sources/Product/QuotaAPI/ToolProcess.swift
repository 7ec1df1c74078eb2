import Foundation
import Synchronization

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
        await withCheckedContinuation { continuation in
            // Waiting for a process blocks: never on one of Swift's own threads.
            let thread = Thread { continuation.resume(returning: runBlocking(path, arguments, input, seconds)) }
            thread.stackSize = 1 << 19
            thread.start()
        }
    }

    /// Starts a program that may stay; gives its status if it ends within `seconds`, `nil` if it goes on.
    static func start(_ path: String, _ arguments: [String], seconds: Double) async -> Int32? {
        await withCheckedContinuation { continuation in
            let thread = Thread {
                let process = Process()
                process.executableURL = URL(fileURLWithPath: path)
                process.arguments = arguments
                process.environment = environment
                process.standardInput = FileHandle.nullDevice
                process.standardOutput = FileHandle.nullDevice
                process.standardError = FileHandle.nullDevice
                let ended = DispatchSemaphore(value: 0)
                process.terminationHandler = { _ in ended.signal() }
                guard (try? process.run()) != nil else { return continuation.resume(returning: 127) }
                let isOver = ended.wait(timeout: .now() + seconds) == .success
                continuation.resume(returning: isOver ? process.terminationStatus : nil)
            }
            thread.stackSize = 1 << 19
            thread.start()
        }
    }

    private static func runBlocking(
        _ path: String, _ arguments: [String], _ input: Data, _ seconds: Double
    ) -> Outcome? {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: path)
        process.arguments = arguments
        process.environment = environment
        let stdin = Pipe()
        let stdout = Pipe()
        process.standardInput = stdin
        process.standardOutput = stdout
        process.standardError = FileHandle.nullDevice
        let ended = DispatchSemaphore(value: 0)
        process.terminationHandler = { _ in ended.signal() }
        guard (try? process.run()) != nil else { return nil }
        // What is written here is far smaller than a pipe's buffer, so this can't wait.
        try? stdin.fileHandleForWriting.write(contentsOf: input)
        try? stdin.fileHandleForWriting.close()
        guard ended.wait(timeout: .now() + seconds) == .success else {
            kill(process.processIdentifier, SIGKILL)
            return nil
        }
        let output = (try? stdout.fileHandleForReading.read(upToCount: 64 << 10)) ?? Data()
        return Outcome(status: process.terminationStatus, output: output)
    }
}
