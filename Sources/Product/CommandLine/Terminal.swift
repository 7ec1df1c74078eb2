import Foundation
import Synchronization

/// What a person sees: results on standard output, everything else on standard error, plain when not a terminal.
enum Terminal {
    static let errorIsTerminal = isatty(STDERR_FILENO) == 1 && ProcessInfo.processInfo.environment["TERM"] != "dumb"
    static let colours = errorIsTerminal && ProcessInfo.processInfo.environment["NO_COLOR"] == nil

    /// Columns of the terminal behind standard error.
    static var columns: Int { size.columns }

    /// Its columns and rows.
    static var size: (columns: Int, rows: Int) {
        var size = winsize()
        guard ioctl(STDERR_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0, size.ws_row > 0 else {
            return (80, 24)
        }
        return (Int(size.ws_col), Int(size.ws_row))
    }

    /// Whether what reads the results has closed its end.
    static var isReaderGone: Bool { readerIsGone.load(ordering: .relaxed) }

    private static let readerIsGone = Atomic<Bool>(false)

    static func note(_ line: String) {
        write(line + "\n", to: STDERR_FILENO)
    }

    static func error(_ sentence: String) {
        let label = colours ? "\u{1B}[31mquota-voice:\u{1B}[0m" : "quota-voice:"
        // Names of files, and what stands in them, may hold what moves a terminal's cursor.
        let safe = sentence.unicodeScalars.map { scalar -> Character in
            scalar != "\n" && scalar.properties.generalCategory == .control ? "?" : Character(scalar)
        }
        write("\(label) \(String(safe))\n", to: STDERR_FILENO)
    }

    static func result(_ line: String) {
        write(line + "\n", to: STDOUT_FILENO)
    }

    /// A part of a result, as it comes. On a terminal without what could move its cursor or forge its title.
    static func piece(_ text: String) {
        guard isatty(STDOUT_FILENO) == 1 else { return write(text, to: STDOUT_FILENO) }
        let safe = text.unicodeScalars.filter { $0 == "\n" || $0 == "\t" || $0.properties.generalCategory != .control }
        write(String(String.UnicodeScalarView(safe)), to: STDOUT_FILENO)
    }

    /// Replaces the terminal's last line; an empty text clears it.
    static func status(_ text: String) {
        write("\r\u{1B}[2K" + text, to: STDERR_FILENO)
    }

    /// A picture of several lines, with what moves the cursor.
    static func draw(_ text: String) {
        write(text, to: STDERR_FILENO)
    }

    /// One write, so that lines of several threads never mix. A closed pipe is not our error: SIGPIPE is ignored.
    private static func write(_ text: String, to descriptor: Int32) {
        var bytes = Array(text.utf8)[...]
        while !bytes.isEmpty {
            let count = bytes.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else {
                if errno == EPIPE, descriptor == STDOUT_FILENO { readerIsGone.store(true, ordering: .relaxed) }
                return
            }
            bytes = bytes.dropFirst(count)
        }
    }
}
