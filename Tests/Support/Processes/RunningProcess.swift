import Foundation
import Synchronization

/// What went wrong with a process of the tests, as opposed to what the process itself reports.
public struct ProcessFailure: Error, CustomStringConvertible {
    public let description: String

    public init(_ description: String) { self.description = description }
}

/// How a process ended, and what it said.
public struct ProcessResult: Sendable {
    /// The exit code, or the negative number of the signal that ended it.
    public let status: Int32
    public let output: String
    public let errors: String

    public var outputLines: [Substring] { output.split(separator: "\n") }
    public var errorLines: [Substring] { errors.split(separator: "\n") }
}

/// A process that a test starts. It never outlives this object, nor the test run.
public final class RunningProcess: Sendable {
    public let identifier: Int32
    private let scratch: Scratch
    private let end: ProcessEnd
    private let inputEnd: Int32

    /// - Parameters:
    ///   - environment: added to a small one that has no credential and no proxy in it.
    ///   - input: the file that becomes standard input; without it standard input stays open until this object goes.
    public init(
        _ program: String, _ arguments: [String], environment: [String: String] = [:], input: String? = nil,
        folder: String? = nil
    ) throws {
        scratch = try Scratch()
        let process = ChildProcess()
        process.executableURL = URL(fileURLWithPath: program)
        process.arguments = arguments
        process.environment = Self.environment(scratch).merging(environment) { $1 }
        process.currentDirectoryURL = URL(fileURLWithPath: folder ?? scratch.path)
        for name in ["stdout", "stderr"] { try scratch.write(name, "") }
        process.standardOutput = FileHandle(forWritingAtPath: scratch("stdout"))
        process.standardError = FileHandle(forWritingAtPath: scratch("stderr"))
        let pipe = Pipe()
        process.standardInput = input.flatMap { FileHandle(forReadingAtPath: $0) } ?? pipe
        inputEnd = fcntl(pipe.fileHandleForWriting.fileDescriptor, F_DUPFD_CLOEXEC, 3)
        try pipe.fileHandleForWriting.close()
        let end = ProcessEnd()
        self.end = end
        process.onEnd = { end.came($0) }
        try process.run()
        identifier = process.processIdentifier
        Remains.add(identifier)
    }

    deinit {
        close(inputEnd)
        signal(SIGKILL)
        Remains.remove(identifier)
    }

    private static func environment(_ scratch: Scratch) -> [String: String] {
        let own = ProcessInfo.processInfo.environment
        var small = ["HOME": scratch.path, "TMPDIR": scratch.path, "LC_ALL": "C.UTF-8"]
        for name in ["PATH", "LD_LIBRARY_PATH"] { small[name] = own[name] }
        return small
    }

    /// Nothing when the process has ended already.
    public func signal(_ number: Int32) {
        if end.status == nil { kill(identifier, number) }
    }

    public var outputSoFar: String { (try? String(contentsOfFile: scratch("stdout"), encoding: .utf8)) ?? "" }
    public var errorsSoFar: String { (try? String(contentsOfFile: scratch("stderr"), encoding: .utf8)) ?? "" }
    public var hasEnded: Bool { end.status != nil }

    /// The end of the process; after `seconds` it is killed, and that is an error.
    public func result(within seconds: Double = 60) async throws -> ProcessResult {
        let alarm = Alarms.shared.add(after: .seconds(seconds)) { [end, identifier] in
            // It may have ended in time, and whoever waits not have got its turn to see that.
            if end.expire() { kill(identifier, SIGKILL) }
        }
        let status = await end.wait()
        Alarms.shared.remove(alarm)
        if end.hasExpired {
            throw ProcessFailure("no end within \(seconds) s; it had said: \(outputSoFar)\(errorsSoFar)")
        }
        return ProcessResult(status: status, output: outputSoFar, errors: errorsSoFar)
    }

    /// Waits until something is so, looking every few milliseconds; not being so within `seconds` is an error.
    public func wait(
        for what: String, within seconds: Double = 60, until condition: () throws -> Bool
    ) async throws {
        let deadline = ContinuousClock.now + .seconds(seconds)
        while true {
            // Before the condition: what comes last comes with the end.
            let isOver = hasEnded || ContinuousClock.now >= deadline
            if try condition() { return }
            guard !isOver else {
                throw ProcessFailure("\(what) did not come; it said: \(outputSoFar)\(errorsSoFar)")
            }
            try await pause(.milliseconds(5))
        }
    }
}

/// The end of a process, awaited by any number of tasks.
private final class ProcessEnd: Sendable {
    private struct State {
        var status: Int32?
        var hasExpired = false
        var waiting: [CheckedContinuation<Int32, Never>] = []
    }

    private let state = Mutex(State())

    var status: Int32? { state.withLock { $0.status } }

    /// Whether it was to be killed as it took too long.
    var hasExpired: Bool { state.withLock { $0.hasExpired } }

    /// Notes that the time is up; false when it has ended in time.
    func expire() -> Bool {
        state.withLock { state in
            guard state.status == nil else { return false }
            state.hasExpired = true
            return true
        }
    }

    func came(_ status: Int32) {
        let waiting = state.withLock { state in
            state.status = state.status ?? status
            defer { state.waiting = [] }
            return state.waiting
        }
        for continuation in waiting { continuation.resume(returning: status) }
    }

    func wait() async -> Int32 {
        await withCheckedContinuation { continuation in
            let status = state.withLock { state in
                if state.status == nil { state.waiting.append(continuation) }
                return state.status
            }
            if let status { continuation.resume(returning: status) }
        }
    }
}

/// What still runs or lies about when the test runner exits (what all tests share is never let go before): ended then,
/// each by its number, and removed.
enum Remains {
    private struct State {
        var identifiers: Set<Int32> = []
        var folders: Set<String> = []
    }

    private static let state: Mutex<State> = {
        atexit { Remains.clear() }
        return Mutex(State())
    }()

    private static func clear() {
        let left = state.withLock { $0 }
        for identifier in left.identifiers { kill(identifier, SIGKILL) }
        for folder in left.folders { try? FileManager.default.removeItem(atPath: folder) }
    }

    static func add(_ identifier: Int32) { state.withLock { _ = $0.identifiers.insert(identifier) } }

    static func remove(_ identifier: Int32) { state.withLock { _ = $0.identifiers.remove(identifier) } }

    static func add(_ folder: String) { state.withLock { _ = $0.folders.insert(folder) } }

    static func remove(_ folder: String) { state.withLock { _ = $0.folders.remove(folder) } }
}
