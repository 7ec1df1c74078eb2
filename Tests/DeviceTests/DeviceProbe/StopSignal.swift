import CRealtime
import Glibc

/// SIGTERM as a descriptor that becomes readable.
enum StopSignal {
    static let descriptor = crt_eventfd_create()

    static func install() {
        guard descriptor >= 0 else { return }
        // Whoever started this may have had it blocked.
        var mask = sigset_t()
        sigemptyset(&mask)
        sigaddset(&mask, SIGTERM)
        sigprocmask(SIG_UNBLOCK, &mask, nil)
        signal(SIGTERM) { _ in crt_eventfd_signal(StopSignal.descriptor) }
    }
}
