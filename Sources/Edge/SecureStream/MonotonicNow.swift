import Glibc
import VoiceRealtime

/// The time now, on CLOCK_MONOTONIC.
///
/// Threads: any. It doesn't advance while the machine is suspended.
public func monotonicNow() -> MonotonicTime {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return MonotonicTime(nanoseconds: UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec))
}
