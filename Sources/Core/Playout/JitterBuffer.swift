import VoiceRealtime
import VoiceSignal

/// Plays a stream that arrives in bursts at a constant, small delay.
///
/// The owner pushes what comes, with the time it came, and pulls what the speaker needs, with the time of the pull. The
/// delay is that of the sample that is played against the ideal moment of its arrival (`ArrivalStatistics`), so it does
/// not saw with the bursts. It is held at `DelayTarget` in four ways, each for its own size of error:
/// the clocks' loop (`driftPPM`, for the resampler behind this) for what drifts; WSOLA splices for some milliseconds;
/// skipping for what is too old to be played at all; concealment where nothing is there.
///
/// Units and shapes: mono floats at `Settings.rate`. Time is an argument; nothing reads a clock.
/// Threads: owned by one thread at a time. Everything but `init` neither allocates nor locks (checked by the compiler).
public struct JitterBuffer: ~Copyable, @unchecked Sendable {
    enum State {
        /// Nothing was played yet, or the stream paused: silence until the delay is what it shall be.
        case waiting
        case playing
        /// The stream has run dry.
        case concealing
    }

    enum FadeSource {
        /// The stream at another position.
        case stream(Int)
        /// What conceals, going on.
        case concealment
    }

    /// What was asked for, and what follows from the periods of both devices.
    private let asked: Settings
    private(set) var settings: Settings
    var queue: PositionedSamples
    var played: PositionedSamples
    var search: SimilaritySearch
    var concealment: Concealment
    var arrivals: ArrivalStatistics
    var target: DelayTarget
    private var spares = SpareWatch()
    var clock: PullClock
    var loop: DriftLoop
    var state = State.waiting
    /// Position of the next sample to be played.
    var head = 0
    var fadeSource = FadeSource.concealment
    var fadeLeft = 0
    let fadeFrames: Int
    var sinceSplice = 0
    /// Samples that were bridged since the stream ran dry, until it came again.
    var gapSamples = 0
    private var lastArrival: Int64?
    private var lastAnchor: Int64?
    /// By how much the smoothed anchor lags behind the true one.
    private var anchorLag: Double?
    /// Time and length of the last pull.
    private var pullTime: Int64 = 0
    /// True while nothing is expected to come.
    private var isPaused = false
    public internal(set) var counts = PlayoutCounts()

    /// Allocates everything.
    public init(_ settings: Settings) {
        asked = settings
        self.settings = settings
        let rate = settings.rate
        fadeFrames = rate / 200
        // A relay's largest frame is two seconds of sound.
        queue = PositionedSamples(capacityMin: rate * 5 / 2)
        played = PositionedSamples(capacityMin: Concealment.historyFrames(rate: rate))
        search = SimilaritySearch(templateFrames: rate / 125, candidatesMax: rate * 30 / 1_000)
        concealment = Concealment(rate: rate)
        arrivals = ArrivalStatistics(quantile: settings.quantile, scale: settings.scale)
        target = DelayTarget(settings)
        clock = PullClock(scale: settings.scale)
        loop = DriftLoop(settleSeconds: settings.scale.watchesSpare ? 0 : 4)
    }

    /// Says in what portions sound comes and is asked for, where these are large: the level goes up and down by them, so
    /// it takes more to be too old, and the depth may be larger.
    ///
    /// - Parameters:
    ///   - frame: nanoseconds of sound that come at once.
    ///   - pull: nanoseconds of sound that are asked for at once.
    @_noLocks @_noAllocation
    public mutating func setPeriods(frame: Int64, pull: Int64) {
        // Two long ones may come at once.
        let frames = frame > PeriodFrames.long ? 2 &* frame : max(0, frame)
        let pulls = pull > PeriodFrames.long ? 2 &* pull : max(0, pull)
        settings.lateNanoseconds = max(asked.lateNanoseconds, frames &+ pulls)
        settings.depthMaxNanoseconds = max(asked.depthMaxNanoseconds, 2 &* (frames &+ pulls))
        target.depthMaxNanoseconds = settings.depthMaxNanoseconds
        clock.setPeriod(Double(pull), scale: asked.scale)
    }

    /// Samples waiting to be played.
    public var level: Int {
        @_noLocks @_noAllocation
        get { queue.end &- head }
    }

    /// Position in the stream of the next sample to be played.
    package var position: Int { head }

    /// The delay that is aimed at.
    public var targetNanoseconds: Int64 {
        @_noLocks @_noAllocation
        get { target.nanoseconds }
    }

    /// The delay of what is played now; 0 before the first sample.
    public var delayNanoseconds: Int64 {
        @_noLocks @_noAllocation
        get {
            guard let anchor = arrivals.anchor else { return 0 }
            return pullTime &- sound(head) &- anchor
        }
    }

    /// What the resampler behind this shall drift by, in parts per million.
    public var driftPPM: Double {
        @_noLocks @_noAllocation
        get { loop.ppm }
    }

    /// By how much the stream's clock runs faster than the puller's, in parts per million, as learnt so far: what
    /// ``driftPPM`` is but for the repair of a delay.
    public var clockPPM: Double {
        @_noLocks @_noAllocation
        get { loop.clockPPM }
    }

    /// Takes samples that arrived at `arrival`. What the buffer can't hold pushes the oldest out, as late.
    @_noLocks @_noAllocation
    public mutating func push(_ samples: UnsafeBufferPointer<Float>, arrival: MonotonicTime) {
        guard let base = samples.baseAddress, samples.count > 0 else { return }
        let time = Int64(bitPattern: arrival.nanoseconds)
        if let lastArrival, time &- lastArrival > settings.depthMaxNanoseconds &+ sound(samples.count), !isPaused {
            counts.outages &+= 1
            forgetDistance()
        }
        isPaused = false
        lastArrival = time
        let room = queue.capacity &- samplesIn(settings.lateNanoseconds)
        let kept = min(samples.count, room)
        let start = queue.end
        counts.pushed &+= samples.count
        if kept < samples.count {
            // More at once than fits: its own beginning is the oldest.
            queue.skip(samples.count &- kept)
        }
        queue.append(UnsafeBufferPointer(start: base + (samples.count &- kept), count: kept))
        arrivals.add(start: sound(start), end: sound(queue.end), arrival: time)
        if level > room { dropLate(keeping: min(room, samplesIn(target.nanoseconds))) }
    }

    /// The stream goes on, but at another distance in time: another source, another connection.
    @_noLocks @_noAllocation
    public mutating func restart() {
        forgetDistance()
        lastArrival = nil
    }

    /// What comes next has another anchor, with nothing to be smoothed between the two.
    @_noLocks @_noAllocation
    private mutating func forgetDistance() {
        arrivals.restart()
        anchorLag = nil
        loop.hold()
    }

    /// The stream leaves out so many samples here, which nobody will ever push.
    @_noLocks @_noAllocation
    public mutating func gap(_ samples: Int) {
        arrivals.shift(sound(samples))
        if let last = lastAnchor { lastAnchor = last &+ sound(samples) }
    }

    /// The stream pauses: what is there is played out, what then lacks is silence and nobody's fault.
    @_noLocks @_noAllocation
    public mutating func pause() {
        isPaused = true
        restart()
    }

    /// Gives the speaker its next samples.
    ///
    /// - Parameters:
    ///   - length: time that these samples will last for at the speaker, in nanoseconds.
    ///   - ahead: samples that were pulled before and are not played yet: what a resampler holds.
    @_noLocks @_noAllocation
    public mutating func pull(
        into output: UnsafeMutableBufferPointer<Float>, now: MonotonicTime, length: Int64, ahead: Double = 0
    ) {
        let time = Int64(bitPattern: now.nanoseconds)
        let tick = clock.pull(length: Double(length), now: time)
        pullTime = tick.time &+ Int64(ahead * 1e9 / Double(settings.rate))
        // While the speaker stood still the stream went on; its old distance says nothing.
        if tick.jumped { loop.hold() }
        if arrivals.anchor != nil {
            let before = target.nanoseconds
            target.update(needed: needed(pulling: output.count, now: time), now: time)
            loop.shift(by: Double(before &- target.nanoseconds) * 1e-9)
        }
        smoothAnchor(length: Double(length))
        guard let base = output.baseAddress, output.count > 0 else { return }
        decide(pulling: output.count)
        var done = 0
        while done < output.count {
            done &+= render(base + done, atMost: output.count &- done)
        }
        counts.pulled &+= output.count
        sinceSplice &+= output.count
    }

    /// The depth that the arrivals, and this speaker, need.
    @_noLocks @_noAllocation
    private mutating func needed(pulling count: Int, now: Int64) -> Int64 {
        guard settings.scale.watchesSpare else {
            return arrivals.neededNanoseconds(now: now) &+ Int64(clock.earlinessNanoseconds) &+ sound(count)
        }
        if case .playing = state, let error = delayError {
            spares.note(spare: sound(level) &- sound(count), delay: delayNanoseconds, error: error, now: now)
        } else if case .concealing = state, level > 0, gapSamples > 0 {
            // What was away for longer has paused, and no depth would do for it.
            let needed = target.nanoseconds &+ sound(gapSamples)
            if needed < settings.depthMaxNanoseconds { spares.noteGap(needed: needed, now: now) }
            gapSamples = 0
        }
        let kept = target.nanoseconds &- settings.marginNanoseconds
        // Two clocks that differ meet in every phase sooner or later, and both threads may be late then.
        let worstPhase = arrivals.lastFrame &+ sound(count) &+ settings.marginNanoseconds
        let needed = max(spares.needed(now: now) ?? kept, worstPhase)
        // Half of the margin may be used up before the depth grows: it shall not follow every new extreme.
        return needed > kept && needed <= kept &+ settings.marginNanoseconds / 2 ? kept : needed
    }

    /// The anchor moves in steps as the moment that set it is forgotten; the clocks' loop must not hear them.
    @_noLocks @_noAllocation
    private mutating func smoothAnchor(length: Double) {
        guard let anchor = arrivals.anchor else {
            anchorLag = nil
            return
        }
        guard let lag = anchorLag, let last = lastAnchor else {
            anchorLag = 0
            lastAnchor = anchor
            return
        }
        lastAnchor = anchor
        anchorLag = (lag + Double(anchor &- last)) * (1 - min(1, length / 0.5e9))
    }

    /// By how much the delay is too long for the clocks' loop, in nanoseconds.
    var smoothError: Double? {
        @_noLocks @_noAllocation
        get {
            guard let error = delayError, let lag = anchorLag else { return nil }
            return Double(error) + lag
        }
    }

    /// Nanoseconds of sound in so many samples.
    @_noLocks @_noAllocation
    func sound(_ samples: Int) -> Int64 {
        // In two parts, so that a stream of years does not overflow.
        let seconds = samples / settings.rate
        return Int64(seconds) &* 1_000_000_000
            &+ Int64(samples &- seconds &* settings.rate) &* 1_000_000_000 / Int64(settings.rate)
    }

    /// Whole samples in so many nanoseconds.
    @_noLocks @_noAllocation
    func samplesIn(_ nanoseconds: Int64) -> Int {
        Int(nanoseconds / 1_000) &* settings.rate / 1_000_000
    }

    /// By how much the delay is too long.
    var delayError: Int64? {
        @_noLocks @_noAllocation
        get { arrivals.anchor == nil ? nil : delayNanoseconds &- target.nanoseconds }
    }

    var isPausedNow: Bool {
        @_noLocks @_noAllocation
        get { isPaused }
    }
}
