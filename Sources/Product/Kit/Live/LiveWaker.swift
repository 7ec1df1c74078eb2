import CRealtime
import Glibc
import VoiceWebSocketClient

/// Wakes the wire thread. Whoever may still signal holds it: its descriptor is closed when nobody does any more.
package final class LiveWaker: Sendable {
    /// An eventfd, for `poll`.
    package let descriptor: Int32

    package init() throws(WebSocketError) {
        descriptor = crt_eventfd_create()
        guard descriptor >= 0 else { throw .outOfDescriptors(errno: errno) }
    }

    deinit {
        close(descriptor)
    }

    package func signal() { crt_eventfd_signal(descriptor) }
}
