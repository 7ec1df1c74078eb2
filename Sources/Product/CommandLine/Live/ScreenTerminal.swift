import Foundation
import Synchronization

/// The terminal while a session's screen is on it: a screen of its own without cursor, keys one by one without an echo.
///
/// Whatever was there before comes back with ``leave()``: at the end, while the job is stopped, and when the process has
/// to end at once. Works only while the process is in the terminal's foreground, as one that is not would be stopped.
final class ScreenTerminal: Sendable {
    /// What ``leaveAll()`` leaves.
    private static let current = Mutex<ScreenTerminal?>(nil)

    private struct State {
        var before: termios?
        var isEntered = false
    }

    private let readsKeys: Bool
    private let state = Mutex(State())

    /// - Parameter readsKeys: whether standard input is a terminal, too.
    init(readsKeys: Bool) {
        self.readsKeys = readsKeys
        Self.current.withLock { $0 = self }
    }

    /// From any thread, when the process ends without coming back here.
    static func leaveAll() {
        current.withLock { $0 }?.leave()
    }

    /// Whether this process may draw and read: its group has the terminal.
    var isForeground: Bool {
        let group = tcgetpgrp(STDERR_FILENO)
        return group < 0 || group == getpgrp()
    }

    /// Takes the terminal; also after someone else had it, with `again`.
    func enter(again: Bool = false) {
        state.withLock { state in
            guard !state.isEntered || again else { return }
            state.isEntered = true
            var settings = termios()
            if readsKeys, tcgetattr(STDIN_FILENO, &settings) == 0 {
                if !again || state.before == nil { state.before = settings }
                settings.c_lflag &= ~(tcflag_t(ICANON) | tcflag_t(ECHO))
                // Ctrl-Z comes as a key, so that the terminal is given back before the job stops.
                withUnsafeMutableBytes(of: &settings.c_cc) { $0[Int(VSUSP)] = 0 }
                tcsetattr(STDIN_FILENO, TCSANOW, &settings)
            }
            Terminal.draw("\u{1B}[?1049h\u{1B}[?25l\u{1B}[2J")
        }
    }

    /// Gives the terminal back as it was.
    func leave() {
        state.withLock { state in
            guard state.isEntered else { return }
            state.isEntered = false
            // Whoever has the terminal by now has made it theirs; a change from behind would stop this process.
            guard isForeground else { return }
            Terminal.draw("\u{1B}[?25h\u{1B}[?1049l")
            if var settings = state.before { tcsetattr(STDIN_FILENO, TCSADRAIN, &settings) }
            state.before = nil
        }
    }

    /// Stops the job as Ctrl-Z does, and comes back when it goes on.
    func suspend() {
        leave()
        kill(0, SIGTSTP)
    }

    /// The picture, over the one before.
    func draw(_ lines: [String]) {
        let body = lines.map { $0 + "\u{1B}[K" }.joined(separator: "\r\n")
        Terminal.draw("\u{1B}[H" + body + "\u{1B}[J")
    }

    /// The next key, waited for so long. The sequences of arrows and the like are none.
    func key(milliseconds: Int32) -> Character? {
        guard readsKeys, isForeground else {
            Thread.sleep(forTimeInterval: Double(milliseconds) / 1_000)
            return nil
        }
        guard let byte = byte(milliseconds) else { return nil }
        guard byte == 0x1B else { return byte < 0x80 ? Character(UnicodeScalar(byte)) : nil }
        skipSequence()
        return nil
    }

    /// What follows ESC of a key that has no letter: ECMA-48 §5.4, CSI up to its final byte, or SS3 and one byte.
    private func skipSequence() {
        guard let first = byte(0), first == UInt8(ascii: "[") || first == UInt8(ascii: "O") else { return }
        while let next = byte(0), !(0x40...0x7E).contains(next) {}
    }

    private func byte(_ milliseconds: Int32) -> UInt8? {
        var entry = pollfd(fd: STDIN_FILENO, events: Int16(POLLIN), revents: 0)
        guard poll(&entry, 1, milliseconds) > 0 else { return nil }
        var byte: UInt8 = 0
        guard read(STDIN_FILENO, &byte, 1) == 1 else {
            // The terminal is gone; there will be no more keys.
            Thread.sleep(forTimeInterval: Double(milliseconds) / 1_000)
            return nil
        }
        return byte
    }
}
