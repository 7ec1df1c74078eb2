import Foundation
import Synchronization
import UnixSignals

/// Ctrl-C and SIGTERM: the first asks the work to stop and clean up, a second ends the process at once, and so does
/// work that can't stop (standard input that gives nothing) after a few seconds.
final class Interrupt: Sendable {
    /// Longer than the close handshake of a conversion, after which nothing is left to clean up.
    private static let cleanupSecondsMax = 4

    private let received = Mutex<ExitStatus?>(nil)

    /// Listens from now on. `onInterrupt` is called once, on a task of its own.
    func start(onInterrupt: @escaping @Sendable () -> Void) async {
        signal(SIGPIPE, SIG_IGN)
        let signals = await UnixSignalsSequence(trapping: .sigint, .sigterm)
        Task { [self] in
            for await signal in signals {
                let status = signal == .sigterm ? ExitStatus.terminated : .interrupted
                guard note(status) else { Self.end(status) }
                onInterrupt()
                Task {
                    try? await Task.sleep(for: .seconds(Self.cleanupSecondsMax))
                    Self.end(status)
                }
            }
        }
    }

    private static func end(_ status: ExitStatus) -> Never {
        ScreenTerminal.leaveAll()
        _exit(status.rawValue)
    }

    /// The exit code that the signal asks for, once one came.
    var status: ExitStatus? { received.withLock { $0 } }

    private func note(_ status: ExitStatus) -> Bool {
        received.withLock { received in
            defer { received = received ?? status }
            return received == nil
        }
    }
}
