import Foundation
import Synchronization

/// One process of the tests is made at a time.
///
/// Foundation notices a process's end by a socket that the process holds. One made in the same moment inherits that
/// socket, and while it lives the first one never seems to end.
private let spawning = Mutex(())

extension Process {
    /// `run`, apart from all others of this test run.
    public func runAlone() throws {
        try spawning.withLock { _ in try run() }
    }
}

/// The end of a child as the kernel tells it, not reaped: Foundation does that.
///
/// Blocks. `nil` when somebody has reaped it already. The exit code, or the negative number of the signal that ended it.
func kernelsWord(onTheEndOf identifier: Int32) -> Int32? {
    var info = siginfo_t()
    while waitid(P_PID, id_t(identifier), &info, WEXITED | WNOWAIT) != 0 {
        guard errno == EINTR else { return nil }
    }
    let status = info._sifields._sigchld.si_status
    return info.si_code == Int32(CLD_EXITED) ? status : -status
}
