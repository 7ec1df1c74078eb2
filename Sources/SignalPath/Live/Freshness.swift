/// Whether an answer belongs to what is being said now, or to what was said before the way stood still.
///
/// Its age is how much the microphone has recorded since. What is much older than the youngest of the last seconds is
/// stale; unless nothing younger comes for a while: then the way has become longer.
struct Freshness {
    private static let excessNanoseconds: Int64 = 250_000_000
    private static let persistenceNanoseconds: Int64 = 2_000_000_000
    private static let bucketNanoseconds: Int64 = 2_000_000_000

    private var youngest = Int64.max
    private var youngestBefore = Int64.max
    private var bucketStart: Int64 = 0
    private var staleSince: Int64?

    /// - Parameters:
    ///   - age: of the answer's last sample, in nanoseconds of sound.
    ///   - now: in nanoseconds.
    mutating func isFresh(age: Int64, now: Int64) -> Bool {
        let least = min(youngest, youngestBefore)
        if least != .max, age > least + Self.excessNanoseconds {
            let since = staleSince ?? now
            staleSince = since
            guard now - since > Self.persistenceNanoseconds else { return false }
            self = Freshness()
        }
        staleSince = nil
        if now - bucketStart > Self.bucketNanoseconds {
            youngestBefore = youngest
            youngest = .max
            bucketStart = now
        }
        youngest = min(youngest, age)
        return true
    }
}
