import CRealtime
import Glibc
import VoiceRealtime
import VoiceSecureStream

/// Waits for a stream, a waker and the clock at once.
enum Poller {
    /// What has happened; nothing when the time is over.
    struct Outcome: OptionSet {
        let rawValue: Int
        /// The stream can be read or written.
        static let stream = Outcome(rawValue: 1)
        /// The waker was signalled; it is not drained.
        static let waker = Outcome(rawValue: 2)
        /// Companions were signalled; they are drained.
        static let companion = Outcome(rawValue: 4)
        /// A signal handler ran: look again.
        static let interruption = Outcome(rawValue: 8)
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
        var outcome = Outcome()
        withUnsafeMutablePointer(to: &entries) { pointer in
            pointer.withMemoryRebound(to: pollfd.self, capacity: 5) { entries in
                if crt_poll(entries, 5, left) < 0 { outcome.insert(.interruption) }
                for index in 2..<5 where entries[index].revents != 0 {
                    crt_eventfd_drain(entries[index].fd)
                    outcome.insert(.companion)
                }
            }
        }
        if entries.0.revents != 0 { outcome.insert(.waker) }
        if entries.1.revents != 0 || isReady { outcome.insert(.stream) }
        return outcome
    }
}
