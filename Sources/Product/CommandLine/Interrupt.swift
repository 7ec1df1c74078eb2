import Dispatch
import Foundation
import Synchronization

/// Ctrl-C and SIGTERM: the first asks the work to stop and clean up, a second ends the process at once.
final class Interrupt: Sendable {
    private let received = Mutex<ExitStatus?>(nil)
    private let sources = Mutex<[DispatchSourceSignal]>([])

    /// Listens from now on. `onInterrupt` is called once, on a queue of its own.
    func start(onInterrupt: @escaping @Sendable () -> Void) {
        signal(SIGPIPE, SIG_IGN)
        let queue = DispatchQueue(label: "quota-voice.interrupt")
        for (number, status) in [(SIGINT, ExitStatus.interrupted), (SIGTERM, ExitStatus.terminated)] {
            signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number, queue: queue)
            source.setEventHandler { @Sendable [self] in
                let isFirst = received.withLock { received in
                    defer { received = received ?? status }
                    return received == nil
                }
                guard isFirst else { _exit(status.rawValue) }
                onInterrupt()
            }
            source.activate()
            sources.withLock { $0.append(source) }
        }
    }

    /// The exit code that the signal asks for, once one came.
    var status: ExitStatus? { received.withLock { $0 } }
}
