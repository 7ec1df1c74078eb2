import Glibc
import VoiceRealtime

/// Waits on descriptors for the caller of `connect`: never past the deadline, never past a wake.
struct Waiter {
    enum Outcome {
        case ready, timedOut, cancelled
    }

    let deadline: MonotonicTime
    /// The eventfd that cancels while it is readable; -1 for none. It is not drained here.
    let wake: Int32

    /// The earlier of the deadline and `nanoseconds` from now.
    func limit(after nanoseconds: Int64) -> MonotonicTime {
        min(deadline, monotonicNow().advanced(byNanoseconds: max(nanoseconds, 0)))
    }

    /// Blocks until one of the descriptors has an event, `time` or the deadline comes, or the wake is readable.
    func wait(_ descriptors: inout [pollfd], until time: MonotonicTime) -> Outcome {
        let end = min(time, deadline)
        descriptors.append(pollfd(fd: wake, events: Int16(POLLIN), revents: 0))
        defer { descriptors.removeLast() }
        while true {
            // Unsigned: a deadline for "never" is further away than an Int64 reaches.
            let now = monotonicNow()
            let left = end > now ? end.nanoseconds - now.nanoseconds : 0
            // Rounded up, or the last millisecond would be spent spinning.
            let milliseconds = Int32(clamping: left / 1_000_000 + (left % 1_000_000 == 0 ? 0 : 1))
            let count = poll(&descriptors, nfds_t(descriptors.count), milliseconds)
            if count > 0 {
                return descriptors[descriptors.count - 1].revents != 0 ? .cancelled : .ready
            }
            if count == 0, end <= monotonicNow() {
                return .timedOut
            }
            if count < 0, errno != EINTR, errno != EAGAIN {
                // Only a bad pointer or no memory for the kernel's table: time is what the caller can act on.
                return .timedOut
            }
        }
    }

    /// Waits for one descriptor's events and turns the other outcomes into errors.
    func require(
        _ descriptor: Int32, _ events: Int16, until time: MonotonicTime, phase: StreamError.Phase, peer: String
    ) throws(StreamError) {
        var descriptors = [pollfd(fd: descriptor, events: events, revents: 0)]
        switch wait(&descriptors, until: time) {
        case .ready: return
        case .timedOut: throw StreamError(.timedOut(phase), peer: peer)
        case .cancelled: throw StreamError(.cancelled, peer: peer)
        }
    }
}
