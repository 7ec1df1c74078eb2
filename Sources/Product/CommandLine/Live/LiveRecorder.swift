import Foundation
import Synchronization
import VoiceAudioFile
import VoiceKit
import VoiceRealtime

/// Writes both sides of a session to files, on a thread of its own; they get their names when they are whole.
final class LiveRecorder: Sendable {
    private static let ringSeconds = 4.0

    private struct State {
        var path: String?
        var count = 0
        var thread: RecorderThread?
        var problem: CommandFailure?
        /// The session is over: what began now, nobody would end.
        var isFinished = false
    }

    private let session: LiveSession
    private let replaces: Bool
    private let state: Mutex<State>

    init(session: LiveSession, path: String?, replaces: Bool) {
        self.session = session
        self.replaces = replaces
        state = Mutex(State(path: path))
    }

    /// Refuses formats that there are not, and names that are taken, before anything is spoken.
    func checkNames() throws {
        guard let path = state.withLock({ $0.path }) else { return }
        let names = Self.names(path)
        guard Self.format(names[0]) != nil else {
            throw CommandFailure(
                status: .usage,
                sentence: "--record \(path): recordings end in .wav, .flac, .ogg, .opus or .aiff; choose one of them")
        }
        let folder = (path as NSString).deletingLastPathComponent
        guard access(folder.isEmpty ? "." : folder, W_OK | X_OK) == 0 else {
            let reason = String(cString: strerror(errno))
            throw CommandFailure(
                status: .cantCreate, sentence: "--record \(path): can't write there (\(reason)); choose another folder")
        }
        for name in names where !replaces && FileManager.default.fileExists(atPath: name) {
            throw CommandFailure(
                status: .cantCreate,
                sentence: "\(name): exists already; give --force to replace it, or another name for --record")
        }
    }

    var isRecording: Bool { state.withLock { $0.thread != nil } }

    /// Begins a recording, if none goes on. Throws what is wrong with its files, or that nothing is heard yet or any more.
    func start() throws(CommandFailure) {
        let failure: CommandFailure? = state.withLock { state in
            if state.isFinished {
                return CommandFailure(status: .tryAgain, sentence: "the session ends; there is nothing to record")
            }
            guard state.thread == nil else { return nil }
            guard let tap = session.startTap(seconds: Self.ringSeconds) else {
                return CommandFailure(status: .tryAgain, sentence: "there is nothing to record yet; try again")
            }
            let path = state.count == 0 && state.path != nil ? state.path! : Self.freshPath()
            do throws(AudioFileError) {
                let thread = try RecorderThread(tap, names: Self.names(path), replaces: replaces)
                thread.start()
                state.thread = thread
                state.count += 1
                return nil
            } catch {
                session.stopTap()
                state.problem = CommandFailure(status: ExitStatus(error.cause), sentence: error.description)
                return state.problem
            }
        }
        if let failure { throw failure }
    }

    /// Ends the recording and returns the names of its files.
    @discardableResult
    func stop() -> [String] {
        session.stopTap()
        guard
            let thread = state.withLock({ state in
                defer { state.thread = nil }
                return state.thread
            })
        else { return [] }
        if let problem = thread.finish() {
            state.withLock { $0.problem = problem }
            return []
        }
        return thread.names
    }

    /// Why the recording has ended by itself; once.
    func takeFailure() -> CommandFailure? {
        guard state.withLock({ $0.thread?.hasFailed }) == true else { return nil }
        stop()
        return problem
    }

    /// What went wrong last.
    var problem: CommandFailure? { state.withLock { $0.problem } }

    /// At the end of the session: what went wrong, if anything did. There are no recordings after it.
    func finish() -> CommandFailure? {
        state.withLock { $0.isFinished = true }
        stop()
        return state.withLock { $0.problem }
    }

    static func names(_ path: String) -> [String] {
        let name = path as NSString
        let ending = name.pathExtension.isEmpty ? "wav" : name.pathExtension
        return ["original", "converted"].map { "\(name.deletingPathExtension).\($0).\(ending)" }
    }

    static func format(_ name: String) -> AudioFileFormat? {
        AudioFileFormat(fileExtension: (name as NSString).pathExtension)
    }

    private static func freshPath() -> String {
        let format = DateFormatter()
        format.dateFormat = "yyyy-MM-dd-HHmmss"
        return "quota-voice-\(format.string(from: Date())).wav"
    }
}

/// Empties a tap into two files until it is told to finish, or its session's ends are gone.
final class RecorderThread: @unchecked Sendable {
    let names: [String]
    /// What was written for so long is readable whatever happens to this process.
    private static let headerPause = Duration.seconds(5)
    private static let lapSeconds = 0.05

    // The thread's own until `done` is signalled.
    private var tap: LiveTap
    private let original: AudioFileWriter
    private let converted: AudioFileWriter
    private var problem: CommandFailure?
    private let isEnding = Atomic<Bool>(false)
    private let isFailed = Atomic<Bool>(false)
    private let done = DispatchSemaphore(value: 0)

    init(_ tap: consuming LiveTap, names: [String], replaces: Bool) throws(AudioFileError) {
        self.names = names
        let format = LiveRecorder.format(names[0]) ?? .wav
        let original = try AudioFileWriter(
            path: names[0], sampleRate: tap.captureRate, format: format, frames: nil, replaces: replaces,
            option: "--record")
        let converted = try AudioFileWriter(
            path: names[1], sampleRate: tap.playbackRate, format: format, frames: nil, replaces: replaces,
            option: "--record")
        self.original = original
        self.converted = converted
        self.tap = tap
    }

    /// Whether it has ended by itself.
    var hasFailed: Bool { isFailed.load(ordering: .acquiring) }

    func start() {
        let thread = Thread { self.run() }
        thread.name = "record"
        thread.start()
    }

    /// Writes the rest and names the files. Blocks until that is done; gives what went wrong.
    func finish() -> CommandFailure? {
        isEnding.store(true, ordering: .releasing)
        done.wait()
        return problem
    }

    private func run() {
        let block = UnsafeMutableBufferPointer<Float>.allocate(capacity: 8_192)
        block.initialize(repeating: 0)
        defer {
            block.deallocate()
            done.signal()
        }
        var nextHeader = ContinuousClock.now + Self.headerPause
        do throws(AudioFileError) {
            while true {
                // Asked before the rings are emptied: what was written before is then still taken.
                let isLast = isEnding.load(ordering: .acquiring)
                try drain(block)
                if isLast { break }
                Thread.sleep(forTimeInterval: Self.lapSeconds)
                if ContinuousClock.now >= nextHeader {
                    nextHeader = .now + Self.headerPause
                    original.updateHeader()
                    converted.updateHeader()
                }
            }
            try original.commit()
            try converted.commit()
        } catch {
            // Spoken once only: what is there is kept, both sides alike.
            let isKept = [original.keep(), converted.keep()] == [true, true]
            let rest = isKept ? "; what came before is in \(names.joined(separator: " and "))" : ""
            problem = CommandFailure(status: ExitStatus(error.cause), sentence: error.description + rest)
            isFailed.store(true, ordering: .releasing)
        }
    }

    private func drain(_ block: UnsafeMutableBufferPointer<Float>) throws(AudioFileError) {
        while true {
            let count = tap.original.read(into: block)
            if count == 0 { break }
            try original.write(UnsafeBufferPointer(rebasing: block[..<count]))
        }
        while true {
            let count = tap.converted.read(into: block)
            if count == 0 { break }
            try converted.write(UnsafeBufferPointer(rebasing: block[..<count]))
        }
    }
}
