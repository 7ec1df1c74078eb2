/// When the speaker's blocks are due, free of the jitter with which its thread wakes up.
///
/// A second-order delay-locked loop on the pulls: it learns the speaker's true period as well, so it does not lag
/// behind a clock that is off. Source: F. Adriaensen, "Using a DLL to filter time", LAC 2005.
struct PullClock {
    /// A pull that is so far off has its reason elsewhere: time begins anew.
    private var jumpNanoseconds: Double
    /// Pulls that are all off by so much for so long are off for good.
    private var lastingNanoseconds = 2_500_000.0
    private var windowNanoseconds = 250_000_000.0
    /// What is followed at the most, once the period is known.
    private var steeringNanoseconds = 1_000_000.0
    /// After so long the earliness weighs 1/e.
    private let memoryNanoseconds: Double
    /// A pull so near to when it would have been due before a jump is back in time.
    private static var backNanoseconds: Double { 500_000 }
    private static var rememberNanoseconds: Double { 500_000_000 }
    /// When the next block is due, relative to `origin`.
    private var due = 0.0
    private var origin: Int64?
    /// Seconds of time per second of sound, minus one.
    private var deviation = 0.0
    private var age = 0.0
    /// Where the old times are, for a while after a jump: a thread that was late makes up for it and is back there.
    private var left: (origin: Int64, due: Double, deviation: Double, age: Double)?
    private var sinceJump = 0.0
    /// The least and the most error of the present window.
    private var least = Double.infinity
    private var most = -Double.infinity
    private var window = 0.0

    /// How much earlier than due a block may be asked for, in nanoseconds: forgets within seconds.
    private(set) var earlinessNanoseconds = 0.0

    init(scale: ArrivalScale) {
        jumpNanoseconds = scale.jumpNanoseconds
        memoryNanoseconds = scale.earlinessNanoseconds
    }

    /// The speaker asks for so much at once. Where that is long it says less when that will be: a sound server has cycles
    /// of its own, and a thread may be late by milliseconds as what is queued covers it.
    @_noLocks @_noAllocation
    mutating func setPeriod(_ pull: Double, scale: ArrivalScale) {
        let isLong = pull > Double(PeriodFrames.long)
        jumpNanoseconds = max(scale.jumpNanoseconds, (isLong ? 1.25 : 0.75) * pull)
        lastingNanoseconds = isLong ? pull / 2 : 2_500_000
        steeringNanoseconds = isLong ? pull / 2 : 1_000_000
        windowNanoseconds = max(250_000_000, 8 * pull)
    }

    /// The speaker asks at `now` for what lasts `length` nanoseconds; returns the filtered time of this block, and whether
    /// time jumped.
    @_noLocks @_noAllocation
    mutating func pull(length: Double, now: Int64) -> (time: Int64, jumped: Bool) {
        guard let origin else {
            self.origin = now
            due = length
            return (now, false)
        }
        if let old = left {
            sinceJump += length
            let error = Double(now &- old.origin) - old.due
            if error > 0 - Self.backNanoseconds, error < Self.backNanoseconds {
                left = nil
                self.origin = old.origin
                due = old.due + length * (1 + old.deviation)
                deviation = old.deviation
                age = old.age
                return (old.origin &+ Int64(old.due), true)
            }
            let next = old.due + length * (1 + old.deviation)
            left = sinceJump < Self.rememberNanoseconds ? (old.origin, next, old.deviation, old.age) : nil
        }
        let error = Double(now &- origin) - due
        if error > jumpNanoseconds || error < -jumpNanoseconds {
            if left == nil {
                left = (origin, due + length * (1 + deviation), deviation, age)
                sinceJump = 0
            }
            self.origin = now
            due = length
            age = 0
            earlinessNanoseconds = 0
            return (now, true)
        }
        let moved = lasting(error, length: length)
        if moved != 0 {
            due += moved
            return pulled(error: error - moved, length: length, origin: origin, jumped: true)
        }
        return pulled(error: error, length: length, origin: origin, jumped: false)
    }

    /// By how much all pulls of a quarter of a second were off: the speaker has missed something and goes on. A thread
    /// that is late makes up for it.
    @_noLocks @_noAllocation
    private mutating func lasting(_ error: Double, length: Double) -> Double {
        least = min(least, error)
        most = max(most, error)
        window += length
        guard window >= windowNanoseconds else { return 0 }
        let moved = least > lastingNanoseconds ? least : most < 0 - lastingNanoseconds ? most : 0
        window = 0
        least = .infinity
        most = -.infinity
        return moved
    }

    @_noLocks @_noAllocation
    private mutating func pulled(
        error: Double, length: Double, origin: Int64, jumped: Bool
    ) -> (time: Int64, jumped: Bool) {
        // Wide at first, 0.05 Hz once it has settled.
        age += length * 1e-9
        let isSettled = age >= 4
        let bandwidth = isSettled ? 0.05 : 0.5
        let omega = 2 * Double.pi * bandwidth * length * 1e-9
        let time = due
        // What is far off by then is a thread that is late, or has missed something, and no period.
        let steering = isSettled ? min(max(error, 0 - steeringNanoseconds), steeringNanoseconds) : error
        due += steering * min(0.5, 1.414 * omega) + length * (1 + deviation)
        deviation += steering * omega * omega / length
        deviation = min(max(deviation, -0.03), 0.03)
        earlinessNanoseconds = max(-error, earlinessNanoseconds * (1 - length / memoryNanoseconds))
        return (origin &+ Int64(time), jumped)
    }
}
