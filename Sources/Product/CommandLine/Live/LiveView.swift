import Foundation
import Synchronization
import VoiceKit

/// Shows a session while it runs, and takes its keys: a screen on a terminal, lines or JSON elsewhere.
final class LiveView: Sendable {
    enum Style: Sendable {
        case automatic, json
    }

    private struct State {
        var isEnding = false
        var linesShown = 0
        var messages: [String] = []
        var lastLine = ContinuousClock.now
        var recordsAtOnce = false
    }

    private let session: LiveSession
    private let controls: LiveControls
    private let isJSON: Bool
    private let hasScreen: Bool
    private let keys: KeyReader?
    private let state = Mutex(State())
    private let done = DispatchSemaphore(value: 0)

    init(session: LiveSession, controls: LiveControls, style: Style) {
        self.session = session
        self.controls = controls
        isJSON = style == .json
        hasScreen = style != .json && Terminal.errorIsTerminal
        keys = hasScreen ? KeyReader() : nil
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
        done.wait()
    }

    private func run() {
        while !state.withLock({ $0.isEnding }) {
            show()
            if let key = keys?.next(milliseconds: 100) { press(key) }
            if keys == nil { Thread.sleep(forTimeInterval: 0.1) }
        }
        show()
        keys?.restore()
        done.signal()
    }

    private func press(_ key: Character) {
        switch key {
        case "m", " ": controls.toggleMute()
        case "b": controls.toggleBypass()
        case "v": controls.stepVoice(by: 1)
        case "V": controls.stepVoice(by: -1)
        case "+", "=": controls.changeGain(by: 1)
        case "-": controls.changeGain(by: -1)
        case "r": controls.toggleRecording()
        case "q", "\u{3}", "\u{4}": session.stop()
        default: break
        }
    }

    private func show() {
        let snapshot = session.snapshot
        for event in session.takeEvents() { tell(event) }
        state.withLock { state in
            if state.recordsAtOnce, snapshot.input != nil {
                state.recordsAtOnce = false
                controls.recorder.start()
            }
        }
        if hasScreen { return draw(snapshot) }
        let isDue = state.withLock { state in
            let wait: Duration = isJSON ? .seconds(1) : .seconds(5)
            guard snapshot.input != nil, state.lastLine.duration(to: .now) >= wait else { return false }
            state.lastLine = .now
            return true
        }
        guard isDue else { return }
        if isJSON { Terminal.result(LiveReport.status(snapshot)) } else { Terminal.note(LiveReport.line(snapshot)) }
    }

    private func tell(_ event: LiveEvent) {
        if isJSON { return Terminal.result(LiveReport.json(event)) }
        guard let sentence = LiveReport.sentence(event) else { return }
        if hasScreen {
            state.withLock { state in
                state.messages.append(sentence)
                if state.messages.count > 16 { state.messages.removeFirst() }
            }
        } else {
            Terminal.note(sentence)
        }
    }

    private func draw(_ snapshot: LiveSnapshot) {
        state.withLock { state in
            var frame = LiveScreen.Frame()
            frame.columns = Terminal.columns - 1
            frame.hasColours = Terminal.colours
            frame.isRecording = controls.recorder.isRecording
            frame.messages = state.messages
            let lines = LiveScreen.lines(snapshot, frame)
            // Back to the first line of the last picture, and over it.
            var text = state.linesShown > 0 ? "\u{1B}[\(state.linesShown)A\r" : ""
            for line in lines { text += "\u{1B}[2K\(line)\r\n" }
            text += "\u{1B}[J"
            state.linesShown = lines.count
            Terminal.draw(text)
        }
    }
}

/// Single keys from the terminal, without an echo, until it is restored.
final class KeyReader: Sendable {
    private let before: termios

    /// nil where standard input is not a terminal.
    init?() {
        var settings = termios()
        guard isatty(STDIN_FILENO) == 1, tcgetattr(STDIN_FILENO, &settings) == 0 else { return nil }
        before = settings
        settings.c_lflag &= ~(tcflag_t(ICANON) | tcflag_t(ECHO))
        tcsetattr(STDIN_FILENO, TCSANOW, &settings)
    }

    func restore() {
        var settings = before
        tcsetattr(STDIN_FILENO, TCSANOW, &settings)
    }

    /// The next key, waited for so long.
    func next(milliseconds: Int32) -> Character? {
        var entry = pollfd(fd: STDIN_FILENO, events: Int16(POLLIN), revents: 0)
        guard poll(&entry, 1, milliseconds) > 0 else { return nil }
        var byte: UInt8 = 0
        guard read(STDIN_FILENO, &byte, 1) == 1 else {
            // The terminal is gone; there will be no more keys.
            Thread.sleep(forTimeInterval: Double(milliseconds) / 1_000)
            return nil
        }
        return byte < 0x80 ? Character(UnicodeScalar(byte)) : nil
    }
}
