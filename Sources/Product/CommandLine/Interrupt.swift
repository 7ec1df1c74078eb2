import Foundation
import Synchronization
import UnixSignals

/// Ctrl-C, SIGTERM and the end of the terminal: the first asks the work to stop and clean up, a second ends the process
/// at once, and so does work that can't stop (standard input that gives nothing) after a few seconds.
final class Interrupt: Sendable {
    /// Longer than the close handshake of a conversion, the longest part of its clean-up. What is not taken away by then
    /// stays: the temporary file of a reader that gives nothing, or what a sound server that stands still does not let go.
    static let cleanupSecondsMax = 4

    /// One event often comes as several signals: a terminal that is closed sends one and its shell another, and so do
    /// programs that end a whole process group.
    private static let sameEvent = Duration.milliseconds(500)

    private struct First {
        let status: ExitStatus
        let time = ContinuousClock.now
    }

    private let received = Mutex<First?>(nil)
    private let secondsMax: Int

    /// - Parameter secondsMax: after so long the process ends, cleaned up or not.
    init(secondsMax: Int = Interrupt.cleanupSecondsMax) {
        self.secondsMax = secondsMax
    }

    /// Listens from now on. `onInterrupt` is called once, on a task of its own.
    func start(onInterrupt: @escaping @Sendable () -> Void) async {
        signal(SIGPIPE, SIG_IGN)
        // Whoever started this with SIGHUP ignored (nohup) wants it to outlive the terminal.
        let signals =
            Self.isIgnored(SIGHUP)
            ? await UnixSignalsSequence(trapping: .sigint, .sigterm)
            : await UnixSignalsSequence(trapping: .sigint, .sigterm, .sighup)
        Task { [self] in
            for await signal in signals {
                let status: ExitStatus =
                    switch signal {
                    case .sigterm: .terminated
                    case .sighup: .hungUp
                    default: .interrupted
                    }
                guard note(status) else {
                    if signal != .sighup, isLater { Self.end(status) }
                    continue
                }
                onInterrupt()
                Task {
                    try? await Task.sleep(for: .seconds(secondsMax))
                    Self.end(status)
                }
            }
        }
    }

    private static func isIgnored(_ number: Int32) -> Bool {
        var action = sigaction()
        guard sigaction(number, nil, &action) == 0 else { return false }
        // Comparing the functions themselves is nothing that Swift does.
        return unsafeBitCast(action.__sigaction_handler.sa_handler, to: Int.self)
            == unsafeBitCast(SIG_IGN, to: Int.self)
    }

    private static func end(_ status: ExitStatus) -> Never {
        ScreenTerminal.leaveAll()
        _exit(status.rawValue)
    }

    /// The exit code that the signal asks for, once one came.
    var status: ExitStatus? { received.withLock { $0?.status } }

    /// Whether what comes now is more than the first event.
    private var isLater: Bool { received.withLock { ($0?.time.duration(to: .now) ?? .zero) > Self.sameEvent } }

    private func note(_ status: ExitStatus) -> Bool {
        received.withLock { received in
            guard received == nil else { return false }
            received = First(status: status)
            return true
        }
    }
}
