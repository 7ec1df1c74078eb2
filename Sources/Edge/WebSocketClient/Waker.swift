import CRealtime
import Glibc

/// Wakes a thread that waits in `poll`, from any other thread.
///
/// A signal is not lost: one that comes while nobody waits ends the next wait at once.
public final class Waker: Sendable {
    /// An eventfd, readable while a signal is pending.
    let descriptor: Int32

    init() throws(WebSocketError) {
        descriptor = crt_eventfd_create()
        guard descriptor >= 0 else { throw .outOfDescriptors(errno: errno) }
    }

    deinit {
        close(descriptor)
    }

    /// Ends the current wait, or the next one. Threads: any; never blocks; fit for signal handlers.
    public func signal() {
        crt_eventfd_signal(descriptor)
    }

    /// Forgets the pending signal.
    func drain() {
        crt_eventfd_drain(descriptor)
    }
}
