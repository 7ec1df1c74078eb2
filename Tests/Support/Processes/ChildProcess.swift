import CRealtime
import Foundation
import Synchronization

/// A process that a test starts, as Foundation's `Process` would, and without its faults.
///
/// That one crashes where more than 1,300 files are open, as in a test with many sessions; and it notices an end by a
/// socket that a process made in the same moment inherits, and then never. This one inherits nothing but what it is
/// given, and asks the kernel. All properties are set before `run`.
public final class ChildProcess: @unchecked Sendable {
    public var executableURL = URL(fileURLWithPath: "/usr/bin/env")
    public var arguments: [String] = []
    /// This process' own, unless set.
    public var environment: [String: String] = ProcessInfo.processInfo.environment
    public var currentDirectoryURL: URL?
    /// A `Pipe`, a `FileHandle`, or nothing; errors go where those of the tests go unless set.
    public var standardInput: AnyObject?
    public var standardOutput: AnyObject?
    public var standardError: AnyObject? = FileHandle.standardError
    /// Called once, on a thread of its own, with the exit code or the negative number of the signal that ended it.
    public var onEnd: (@Sendable (Int32) -> Void)?
    public private(set) var processIdentifier: pid_t = 0

    private let status = Mutex<Int32?>(nil)
    private let ended = NSCondition()

    public init() {}

    /// Starts it. The ends of pipes that are the child's are closed here.
    public func run() throws {
        let words = ([executableURL.path] + arguments).map { strdup($0) } + [nil]
        let variables = environment.map { strdup("\($0.key)=\($0.value)") } + [nil]
        let folder = strdup(currentDirectoryURL?.path ?? FileManager.default.currentDirectoryPath)
        defer { for text in words + variables + [folder] { free(text) } }
        let code = words.withUnsafeBufferPointer { words in
            variables.withUnsafeBufferPointer { variables in
                var child = crt_child()
                child.words = words.baseAddress
                child.environment = variables.baseAddress
                child.descriptors = (
                    Self.end(of: standardInput, isRead: true), Self.end(of: standardOutput, isRead: false),
                    Self.end(of: standardError, isRead: false)
                )
                child.folder = UnsafePointer(folder)
                child.has_own_group = true
                return crt_spawn(&child, &processIdentifier)
            }
        }
        guard code == 0 else {
            throw ProcessFailure("\(executableURL.path) can't be started: \(String(cString: strerror(code)))")
        }
        try (standardInput as? Pipe)?.fileHandleForReading.close()
        try (standardOutput as? Pipe)?.fileHandleForWriting.close()
        if standardError !== standardOutput { try (standardError as? Pipe)?.fileHandleForWriting.close() }
        Thread.detachNewThread { self.awaitEnd() }
    }

    private static func end(of stream: AnyObject?, isRead: Bool) -> Int32 {
        switch stream {
        case let pipe as Pipe: (isRead ? pipe.fileHandleForReading : pipe.fileHandleForWriting).fileDescriptor
        case let file as FileHandle where file !== FileHandle.nullDevice: file.fileDescriptor
        default: -1
        }
    }

    private func awaitEnd() {
        var code: Int32 = 0
        while waitpid(processIdentifier, &code, 0) < 0, errno == EINTR {}
        let signal = code & 0x7F
        let result = signal == 0 ? code >> 8 & 0xFF : -signal
        ended.lock()
        status.withLock { $0 = result }
        ended.broadcast()
        ended.unlock()
        onEnd?(result)
    }

    public var isRunning: Bool { processIdentifier != 0 && status.withLock { $0 } == nil }

    /// The exit code, or the negative number of the signal that ended it; 0 while it runs.
    public var terminationStatus: Int32 { status.withLock { $0 } ?? 0 }

    /// Blocks.
    public func waitUntilExit() {
        ended.lock()
        while isRunning { ended.wait() }
        ended.unlock()
    }

    /// Asks it to end, by SIGTERM.
    public func terminate() { if isRunning { kill(processIdentifier, SIGTERM) } }
}
