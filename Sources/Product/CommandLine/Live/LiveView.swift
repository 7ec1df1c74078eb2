import Foundation
import Synchronization
import VoiceKit
import VoiceVirtualMicrophone

/// Shows a session while it runs, and takes its keys: a screen on a terminal, lines or JSON elsewhere.
final class LiveView: Sendable {
    enum Style: Sendable {
        case automatic, json
    }

    private struct State {
        var isEnding = false
        var messages: [String] = []
        var lastLine = ContinuousClock.now
        var lastLap = ContinuousClock.now
        var recordsAtOnce = false
        var talk = TalkKey()
    }

    /// Longer than any lap: the process was stopped meanwhile, and the terminal has been someone else's.
    private static let lapMax = Duration.seconds(1)
    private static let messagesMax = 16

    private let session: LiveSession
    private let controls: LiveControls
    private let isJSON: Bool
    private let isPushToTalk: Bool
    private let microphone: String?
    private let hasKeys: Bool
    private let screen: ScreenTerminal?
    private let start = ContinuousClock.now
    private let state = Mutex(State())
    private let done = DispatchSemaphore(value: 0)

    /// - Parameter microphone: the name that the output has for others, where it is a microphone.
    init(session: LiveSession, controls: LiveControls, style: Style, isPushToTalk: Bool, microphone: String?) {
        self.microphone = microphone
        self.session = session
        self.controls = controls
        self.isPushToTalk = isPushToTalk
        isJSON = style == .json
        hasKeys = isatty(STDIN_FILENO) == 1
        screen = style != .json && Terminal.errorIsTerminal ? ScreenTerminal(readsKeys: hasKeys) : nil
    }

    func start(recordsAtOnce: Bool) {
        state.withLock { $0.recordsAtOnce = recordsAtOnce }
        let thread = Thread { self.run() }
        thread.name = "view"
        thread.start()
    }

    /// Ends the view, and leaves the terminal as it was.
    func finish() {
        state.withLock { $0.isEnding = true }
        // A reader that stands still is no reason to leave the devices and the microphone behind.
        _ = done.wait(timeout: .now() + 1)
    }

    private func run() {
        while !state.withLock({ $0.isEnding }) {
            takeTerminal()
            show()
            if let screen {
                if let key = screen.key(milliseconds: 100) { press(key) }
                if state.withLock({ $0.talk.tick(now: Self.nanoseconds(start)) }) { controls.setMuted(true) }
            } else {
                Thread.sleep(forTimeInterval: 0.1)
            }
        }
        show()
        if let screen {
            screen.leave()
            if session.snapshot.input != nil { Terminal.note(LiveReport.line(session.snapshot)) }
        }
        done.signal()
    }

    private func takeTerminal() {
        guard let screen else { return }
        let wasStopped = state.withLock { state in
            defer { state.lastLap = .now }
            return state.lastLap.duration(to: .now) > Self.lapMax
        }
        if screen.isForeground { screen.enter(again: wasStopped) }
    }

    private func press(_ key: Character) {
        switch key {
        case " ":
            guard isPushToTalk else { return }
            if state.withLock({ $0.talk.press(now: Self.nanoseconds(start)) }) { controls.setMuted(false) }
        case "m":
            state.withLock { $0.talk.forget() }
            controls.toggleMute()
        case "b": controls.toggleBypass()
        case "v": controls.stepVoice(by: 1)
        case "V": controls.stepVoice(by: -1)
        case "+", "=": controls.changeGain(by: 1)
        case "-": controls.changeGain(by: -1)
        case "r": note(controls.toggleRecording())
        case "q", "\u{3}", "\u{4}": session.stop()
        case "\u{1A}":
            screen?.suspend()
            // The signal stops the process any moment now; what follows happens when it goes on.
            Thread.sleep(forTimeInterval: 0.1)
        default: break
        }
    }

    private static func nanoseconds(_ start: ContinuousClock.Instant) -> Int64 {
        let (seconds, attoseconds) = start.duration(to: .now).components
        return seconds * 1_000_000_000 + attoseconds / 1_000_000_000
    }

    private func show() {
        let snapshot = session.snapshot
        for event in session.takeEvents() { tell(event) }
        let startsRecording = state.withLock { state in
            // At the last look the recorder has finished.
            guard state.recordsAtOnce, snapshot.input != nil, !state.isEnding else { return false }
            state.recordsAtOnce = false
            return true
        }
        if startsRecording { record() }
        if let failure = controls.recorder.takeFailure() { tellFailure(failure) }
        if let screen { return draw(snapshot, screen) }
        let isDue = state.withLock { state in
            let wait: Duration = isJSON ? .seconds(1) : .seconds(5)
            guard snapshot.input != nil, state.lastLine.duration(to: .now) >= wait else { return false }
            state.lastLine = .now
            return true
        }
        guard isDue else { return }
        // Whoever wanted the events has gone, and nobody else ends a session that writes them.
        if isJSON, Terminal.isReaderGone { return session.stop() }
        if isJSON {
            Terminal.result(LiveReport.status(snapshot, controls.tuning))
        } else {
            Terminal.note(LiveReport.line(snapshot))
        }
    }

    /// Begins the recording that was asked for on the command line.
    private func record() {
        do throws(CommandFailure) {
            try controls.recorder.start()
            note("recording")
        } catch {
            tellFailure(error)
        }
    }

    private func tellFailure(_ failure: CommandFailure) {
        if isJSON { return Terminal.result(LiveReport.recordingFailed(failure.sentence)) }
        note(failure.sentence)
    }

    private func tell(_ event: LiveEvent) {
        if isJSON { return Terminal.result(LiveReport.json(event)) }
        if screen != nil, case .noRealtime = event {
            return note("no real-time priority, so it may crackle; quota-voice doctor says how to get it")
        }
        if let sentence = LiveReport.sentence(event) { note(sentence) }
    }

    /// Shows what has become of the virtual microphone. From any thread.
    func tell(_ event: VirtualMicrophoneEvent) {
        if isJSON { return Terminal.result(LiveReport.json(event)) }
        note(LiveReport.sentence(event))
    }

    /// A sentence for people; JSON has events of its own.
    private func note(_ sentence: String) {
        if isJSON { return }
        guard screen != nil else { return Terminal.note(sentence) }
        state.withLock { state in
            state.messages.append(sentence)
            if state.messages.count > Self.messagesMax { state.messages.removeFirst() }
        }
    }

    private func draw(_ snapshot: LiveSnapshot, _ screen: ScreenTerminal) {
        guard screen.isForeground else { return }
        let size = Terminal.size
        var frame = LiveScreen.Frame()
        frame.columns = size.columns
        frame.rows = size.rows
        frame.hasColours = Terminal.colours
        frame.hasKeys = hasKeys
        frame.isPushToTalk = isPushToTalk
        frame.microphone = microphone
        frame.isRecording = controls.recorder.isRecording
        frame.messages = state.withLock { $0.messages }
        screen.draw(LiveScreen.lines(snapshot, frame))
    }
}
