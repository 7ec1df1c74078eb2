/// When the speaker's blocks are due, free of the jitter with which its thread wakes up.
///
/// A second-order delay-locked loop on the pulls: it learns the speaker's true period as well, so it does not lag
/// behind a clock that is off. Source: F. Adriaensen, "Using a DLL to filter time", LAC 2005.
struct PullClock {
    /// A pull that is so far off has its reason elsewhere: time begins anew.
    private let jumpNanoseconds: Double
    /// After so long the earliness weighs 1/e.
    private let memoryNanoseconds: Double
    /// When the next block is due, relative to `origin`.
    private var due = 0.0
    private var origin: Int64?
    /// Seconds of time per second of sound, minus one.
    private var deviation = 0.0
    private var age = 0.0
    /// How much earlier than due a block may be asked for, in nanoseconds: forgets within seconds.
    private(set) var earlinessNanoseconds = 0.0

    init(scale: ArrivalScale) {
        jumpNanoseconds = scale.jumpNanoseconds
        memoryNanoseconds = scale.earlinessNanoseconds
    }

    /// The speaker asks at `now` for what lasts `length` nanoseconds; returns the filtered time of this block, and whether time jumped.
    @_noLocks @_noAllocation
    mutating func pull(length: Double, now: Int64) -> (time: Int64, jumped: Bool) {
        guard let origin else {
            self.origin = now
            due = length
            return (now, false)
        }
        let error = Double(now &- origin) - due
        if error > jumpNanoseconds || error < -jumpNanoseconds {
            self.origin = now
            due = length
            age = 0
            earlinessNanoseconds = 0
            return (now, true)
        }
        // Wide at first, 0.05 Hz once it has settled.
        age += length * 1e-9
        let bandwidth = age < 4 ? 0.5 : 0.05
        let omega = 2 * Double.pi * bandwidth * length * 1e-9
        let time = due
        due += error * min(0.5, 1.414 * omega) + length * (1 + deviation)
        deviation += error * omega * omega / length
        deviation = min(max(deviation, -0.03), 0.03)
        earlinessNanoseconds = max(-error, earlinessNanoseconds * (1 - length / memoryNanoseconds))
        return (origin &+ Int64(time), false)
    }
}
