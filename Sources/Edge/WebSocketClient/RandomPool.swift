import CRealtime
import Glibc

/// Random bytes of the kernel's CSPRNG, fetched 4096 at a time: a mask key costs nanoseconds (RFC 6455 §10.3).
final class RandomPool {
    private var pool = [UInt32](repeating: 0, count: 1024)
    private var used = 1024

    /// Four unpredictable bytes.
    func next() -> UInt32 {
        if used == pool.count { refill() }
        defer {
            // A key is never used twice and does not stay in memory.
            pool[used] = 0
            used += 1
        }
        return pool[used]
    }

    func bytes(_ count: Int) -> [UInt8] {
        (0..<count).map { _ in UInt8(truncatingIfNeeded: next()) }
    }

    private func refill() {
        pool.withUnsafeMutableBytes { bytes in
            var filled = 0
            while filled < bytes.count {
                let count = crt_random(bytes.baseAddress.map { $0 + filled }, bytes.count - filled)
                // EINTR apart it can't fail with a valid buffer; unmasked frames would be worse than no process.
                precondition(count > 0 || errno == EINTR, "getrandom failed")
                filled += max(count, 0)
            }
        }
        used = 0
    }
}
