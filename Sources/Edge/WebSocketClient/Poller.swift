import CRealtime
import Glibc
import VoiceRealtime
import VoiceSecureStream

/// Waits for a stream, a waker and the clock at once.
enum Poller {
    enum Outcome {
        /// The stream can be read or written, or the wait was interrupted: look again.
        case ready
        /// The waker was signalled, or a companion is readable. Neither is drained.
        case woken
        case timedOut
    }

    /// Blocks until something happens, at most until `deadline`, exact to the kernel's timer slack.
    ///
    /// With `reading` false the stream's input is left alone: the application does not take more.
    static func wait(
        _ stream: SecureStream, reading: Bool = true, writing: Bool, waker: Waker, until deadline: MonotonicTime,
        companions: WebSocketDriver.Companions = (-1, -1, -1)
    ) -> Outcome {
        var events = stream.pollEvents
        if !reading { events &= ~Int16(POLLIN) }
        if writing { events |= Int16(POLLOUT) }
        let isReady = reading && stream.hasBufferedInput
        let left = isReady ? 0 : max(0, deadline.nanoseconds(since: monotonicNow()))
        // Without events wanted the descriptor stays out: POLLHUP can't be masked and would spin.
        let descriptor = events == 0 ? -1 : stream.descriptor
        var entries = (
            pollfd(fd: waker.descriptor, events: Int16(POLLIN), revents: 0),
            pollfd(fd: descriptor, events: events, revents: 0),
            pollfd(fd: companions.0, events: Int16(POLLIN), revents: 0),
            pollfd(fd: companions.1, events: Int16(POLLIN), revents: 0),
            pollfd(fd: companions.2, events: Int16(POLLIN), revents: 0)
        )
        let count = withUnsafeMutablePointer(to: &entries) { pointer in
            pointer.withMemoryRebound(to: pollfd.self, capacity: 5) { crt_poll($0, 5, left) }
        }
        let isWoken = entries.0.revents | entries.2.revents | entries.3.revents | entries.4.revents != 0
        if isWoken { return .woken }
        if count != 0 || isReady { return .ready }
        return .timedOut
    }
}
