import Foundation
import Synchronization
import UnixSignals

/// Ctrl-C and SIGTERM: the first asks the work to stop and clean up, a second ends the process at once.
final class Interrupt: Sendable {
    private let received = Mutex<ExitStatus?>(nil)

    /// Listens from now on. `onInterrupt` is called once, on a task of its own.
    func start(onInterrupt: @escaping @Sendable () -> Void) async {
        signal(SIGPIPE, SIG_IGN)
        let signals = await UnixSignalsSequence(trapping: .sigint, .sigterm)
        Task { [self] in
            for await signal in signals {
                let status = signal == .sigterm ? ExitStatus.terminated : .interrupted
                guard note(status) else { _exit(status.rawValue) }
                onInterrupt()
            }
        }
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
