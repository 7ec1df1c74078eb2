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
    }

    private let session: LiveSession
    private let replaces: Bool
    private let state: Mutex<State>

    init(session: LiveSession, path: String?, replaces: Bool) {
        self.session = session
        self.replaces = replaces
        state = Mutex(State(path: path))
    }

    /// Refuses names that are taken before anything is spoken.
    func checkNames() throws {
        guard let path = state.withLock({ $0.path }), !replaces else { return }
        for name in Self.names(path) where FileManager.default.fileExists(atPath: name) {
            throw CommandFailure(
                status: .cantCreate,
                sentence: "\(name): exists already; give --force to replace it, or another name for --record")
        }
    }

    var isRecording: Bool { state.withLock { $0.thread != nil } }

    /// Begins a recording, if none goes on.
    func start() {
        state.withLock { state in
            guard state.thread == nil, let tap = session.startTap(seconds: Self.ringSeconds) else { return }
            state.count += 1
            let path = state.count == 1 && state.path != nil ? state.path! : Self.freshPath()
            do throws(AudioFileError) {
                let thread = try RecorderThread(tap, names: Self.names(path), replaces: replaces)
                thread.start()
                state.thread = thread
            } catch {
                session.stopTap()
                state.problem = CommandFailure(status: ExitStatus(error.cause), sentence: error.description)
            }
        }
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
        if let error = thread.finish() {
            state.withLock {
                $0.problem = CommandFailure(status: ExitStatus(error.cause), sentence: error.description)
            }
            return []
        }
        return thread.names
    }

    /// What went wrong last.
    var problem: CommandFailure? { state.withLock { $0.problem } }

    /// At the end of the session: what went wrong, if anything did.
    func finish() -> CommandFailure? {
        stop()
        return state.withLock { $0.problem }
    }

    static func names(_ path: String) -> [String] {
        let name = path as NSString
        let ending = name.pathExtension.isEmpty ? "wav" : name.pathExtension
        return ["original", "converted"].map { "\(name.deletingPathExtension).\($0).\(ending)" }
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
    // The thread's own until `done` is signalled.
    private var tap: LiveTap
    private let original: AudioFileWriter
    private let converted: AudioFileWriter
    private var error: AudioFileError?
    private let isEnding = Atomic<Bool>(false)
    private let done = DispatchSemaphore(value: 0)

    init(_ tap: consuming LiveTap, names: [String], replaces: Bool) throws(AudioFileError) {
        self.names = names
        let format = AudioFileFormat(rawValue: (names[0] as NSString).pathExtension) ?? .wav
        // Room for a day: a recording's length is not known before its end.
        let original = try AudioFileWriter(
            path: names[0], sampleRate: tap.captureRate, format: format, frames: tap.captureRate, replaces: replaces)
        let converted = try AudioFileWriter(
            path: names[1], sampleRate: tap.playbackRate, format: format, frames: tap.playbackRate,
            replaces: replaces)
        self.original = original
        self.converted = converted
        self.tap = tap
    }

    func start() {
        let thread = Thread { self.run() }
        thread.name = "record"
        thread.start()
    }

    /// Writes the rest and names the files. Blocks until that is done.
    func finish() -> AudioFileError? {
        isEnding.store(true, ordering: .releasing)
        done.wait()
        return error
    }

    private func run() {
        let block = UnsafeMutableBufferPointer<Float>.allocate(capacity: 8_192)
        block.initialize(repeating: 0)
        defer {
            block.deallocate()
            done.signal()
        }
        do throws(AudioFileError) {
            while true {
                // Asked before the rings are emptied: what was written before is then still taken.
                let isLast = isEnding.load(ordering: .acquiring)
                try drain(block)
                if isLast { break }
                Thread.sleep(forTimeInterval: 0.05)
            }
            try original.commit()
            try converted.commit()
        } catch {
            original.discard()
            converted.discard()
            self.error = error
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
