import CSignalKernels

/// Why a resampler could not be made.
public enum ResamplerError: Error, Sendable, Hashable {
    /// A rate lies outside of 4,000...384,000 Hz.
    case rateOutOfRange(Int)
}

/// Changes the sample rate of one channel by any rational ratio, and by a slowly varying one.
///
/// A polyphase filter with linear phase. Output k (from 0) is the input's band-limited signal at the time of input
/// frame k x inputRate / outputRate - `delayInputFrames`, and needs the inputs up to floor(k x inputRate / outputRate),
/// so a stream runs with the least possible delay. After `skipDelay()` output k lies at k x inputRate / outputRate:
/// the file user calls it first, feeds the whole input and then `delayInputFrames` zeros, and takes
/// `outputFrames(forInput:from:to:)` frames, aligned with the input to the sample.
/// Positions are integers: there is no rounding to add up over hours. The output does not depend on how the input is
/// cut into blocks, to the bit. A ratio of one passes samples unchanged, at the same delay as any other.
///
/// Units and shapes: mono floats. NaN and infinities spoil the outputs within one filter length and no more.
/// Threads: owned by one thread at a time, may move between threads. Everything but `init` is fit for audio threads:
/// no allocation, no lock. All memory is allocated by `init`, freed with the value.
public struct Resampler: ~Copyable, @unchecked Sendable {
    /// What the filter is made for.
    public enum Profile: Sendable, Hashable, CaseIterable {
        /// Files: flat within ±0.01 dB to 0.9 of the lower Nyquist frequency, aliases and images at most -110 dB.
        /// Delay 56 periods of the lower rate.
        case archive
        /// Calls: flat within ±0.1 dB to 0.85 of the lower Nyquist frequency, what folds below that at most -80 dB.
        /// Delay 13 periods of the lower rate: 0.81 ms between 16 kHz and any higher rate.
        case live
    }

    public let inputRate: Int
    public let outputRate: Int
    public let profile: Profile
    /// The filter's group delay in input frames, exact: a whole number.
    public let delayInputFrames: Int

    /// Floats that an exact table may hold; finer ratios interpolate between the rows of the drift table instead.
    private static var exactTableMax: Int { 1 << 20 }
    /// So short that the drift moves no position noticeably in it.
    private static var fadeOutputsMax: Int { 64 }

    private let fir: UnsafePointer<csk_fir>
    private let exactRows: UnsafeMutablePointer<Float>?
    private let driftRows: UnsafeMutablePointer<Float>
    private let driftPhases: Int
    private let taps: Int
    private var clock: ResampleClock

    // Inputs that the next outputs need: `filled` of `capacity` floats. The window of the next output starts at
    // `clock.whole`, which may lie beyond `filled` by a few frames.
    private let buffer: UnsafeMutablePointer<Float>
    private let capacity: Int
    private var filled: Int
    /// Outputs left of the fade from samples passed unchanged to filtered ones, when a ratio of one begins to drift:
    /// the filter's ripple would be a step otherwise.
    private var fadeOutputs = 0

    /// Designs the filter (some milliseconds) and allocates all memory.
    ///
    /// - Parameters:
    ///   - inputRate: Frames per second going in, 4,000...384,000.
    ///   - outputRate: Frames per second coming out, likewise.
    public init(from inputRate: Int, to outputRate: Int, profile: Profile) throws(ResamplerError) {
        for rate in [inputRate, outputRate] where rate < 4_000 || rate > 384_000 {
            throw .rateOutOfRange(rate)
        }
        self.inputRate = inputRate
        self.outputRate = outputRate
        self.profile = profile
        let divisor = Self.greatestCommonDivisor(inputRate, outputRate)
        let response: BandLimit = profile == .archive ? .archive : .live
        let bandwidth = min(1, Double(outputRate) / Double(inputRate))
        // The half length in whole input frames: an integer ratio, rounded up in integers.
        let halfLength = Int(response.length) / 2
        let lowerRate = min(inputRate, outputRate)
        let delay = (halfLength * inputRate + lowerRate - 1) / lowerRate
        delayInputFrames = delay
        clock = ResampleClock(
            inputStep: inputRate / divisor, outputStep: outputRate / divisor, rampOutputs: outputRate / 100)
        taps = PhaseTable.paddedTaps(delay: delay)
        fir = csk_fir_best()

        let phases = outputRate / divisor
        if phases * taps <= Self.exactTableMax {
            exactRows = PhaseTable.makeRows(
                response, bandwidth: bandwidth, delay: delay, phases: phases, rows: phases)
        } else {
            exactRows = nil
        }
        // Straight lines between rows leave images at (f / rows)^2: -132 dB for 1,024 rows per period of the lower
        // rate, -108 dB for 256.
        let density: Double = profile == .archive ? 1_024 : 256
        driftPhases = Int(density * bandwidth) + 1
        driftRows = PhaseTable.makeRows(
            response, bandwidth: bandwidth, delay: delay, phases: driftPhases, rows: driftPhases + 1)

        capacity = 2 * taps + (profile == .archive ? 4_096 : 1_024)
        buffer = .allocate(capacity: capacity)
        buffer.initialize(repeating: 0, count: capacity)
        filled = taps - 1
    }

    deinit {
        exactRows?.deallocate()
        driftRows.deallocate()
        buffer.deallocate()
    }

    /// The filter's group delay in output frames: `delayInputFrames` x outputRate / inputRate.
    public var delayOutputFrames: Double {
        @_noLocks @_noAllocation
        get { Double(delayInputFrames) * Double(outputRate) / Double(inputRate) }
    }

    /// Frames that an input of `count` frames becomes: ceil(count x outputRate / inputRate), every output instant that
    /// lies before the end of the last input frame.
    public static func outputFrames(forInput count: Int, from inputRate: Int, to outputRate: Int) -> Int {
        let divisor = greatestCommonDivisor(inputRate, outputRate)
        let (inputStep, outputStep) = (inputRate / divisor, outputRate / divisor)
        let rest = (count % inputStep * outputStep + inputStep - 1) / inputStep
        return count / inputStep * outputStep + rest
    }

    /// Drops the delay: the next output is the one `delayInputFrames` later. For files, right after `init` or `reset`.
    @_noLocks @_noAllocation
    public mutating func skipDelay() {
        clock.shift(by: delayInputFrames)
    }

    /// Input frames that are missing for `count` outputs, exact in the present state, also while the drift moves.
    @_noLocks @_noAllocation
    public func inputFramesNeeded(forOutput count: Int) -> Int {
        guard count > 0 else { return 0 }
        var last = clock
        last.advance(by: count - 1)
        return max(0, last.whole + taps - filled)
    }

    /// Input frames taken beyond what the next output needs, to a fraction of a frame; negative when input is missing.
    ///
    /// With it the delay of a stream through this is known more finely than by whole frames.
    public var inputFramesAhead: Double {
        @_noLocks @_noAllocation
        get { Double(filled &- clock.whole &- taps) - Double(clock.binaryFraction) * 0x1p-64 }
    }

    /// Aims at a drift: `ppm` parts per million more input per output frame (the input's clock runs fast).
    ///
    /// Clamped to ±5,000; NaN is ignored. The ratio moves there in a straight line within 10 ms of output, and neither
    /// position nor delay jumps.
    @_noLocks @_noAllocation
    public mutating func setDrift(ppm: Double) {
        let passed = !clock.isDrifting && clock.inputStep == clock.outputStep
        clock.setDrift(ppm: ppm)
        if passed, clock.isDrifting { fadeOutputs = Self.fadeOutputsMax }
    }

    /// Forgets all input and the drift, as after `init`.
    @_noLocks @_noAllocation
    public mutating func reset() {
        clock.reset()
        fadeOutputs = 0
        filled = taps - 1
        for index in 0..<filled { buffer[index] = 0 }
    }

    /// Converts until the input is used up or the output is full, and returns how much was taken and written.
    ///
    /// Takes no more input than the outputs need that fit: when `produced` is less than the room, all input was taken.
    /// The two buffers may not overlap.
    @_noLocks @_noAllocation
    public mutating func process(
        _ input: UnsafeBufferPointer<Float>, into output: UnsafeMutableBufferPointer<Float>
    ) -> (consumed: Int, produced: Int) {
        var consumed = 0
        var produced = 0
        guard let target = output.baseAddress else { return (0, 0) }
        while produced < output.count {
            let needed = inputFramesNeeded(forOutput: output.count &- produced)
            let taken = take(input, from: consumed, atMost: needed)
            consumed &+= taken
            let written = write(target + produced, atMost: output.count &- produced)
            produced &+= written
            if taken == 0, written == 0 { break }
        }
        return (consumed, produced)
    }

    /// Moves input into the buffer, after dropping from it what no output needs any more.
    @_noLocks @_noAllocation
    private mutating func take(_ input: UnsafeBufferPointer<Float>, from start: Int, atMost count: Int) -> Int {
        let wanted = min(count, input.count &- start)
        guard wanted > 0, let source = input.baseAddress else { return 0 }
        if filled &+ wanted > capacity {
            let dropped = min(clock.whole, filled)
            let kept = (filled &- dropped) &* MemoryLayout<Float>.stride
            UnsafeMutableRawPointer(buffer).copyMemory(from: buffer + dropped, byteCount: kept)
            filled &-= dropped
            clock.shift(by: 0 &- dropped)
        }
        let taken = min(wanted, capacity &- filled)
        UnsafeMutableRawPointer(buffer + filled)
            .copyMemory(from: source + start, byteCount: taken &* MemoryLayout<Float>.stride)
        filled &+= taken
        return taken
    }

    /// Computes the outputs whose whole window is in the buffer.
    @_noLocks @_noAllocation
    private mutating func write(_ target: UnsafeMutablePointer<Float>, atMost count: Int) -> Int {
        if clock.isDrifting { return writeBetween(target, atMost: count) }
        let ready = min(count, clock.exactCount(through: filled &- taps))
        guard ready > 0 else { return 0 }
        if clock.inputStep == clock.outputStep {
            let middle = clock.whole &+ taps &- 1 &- delayInputFrames
            UnsafeMutableRawPointer(target)
                .copyMemory(from: buffer + middle, byteCount: ready &* MemoryLayout<Float>.stride)
            clock.advance(by: ready)
            return ready
        }
        guard let rows = exactRows else { return writeBetween(target, atMost: ready) }
        writeExactly(target, count: ready, rows: rows)
        return ready
    }

    /// All outputs of one phase together: they share a row, which the kernel loads once for several windows.
    @_noLocks @_noAllocation
    private mutating func writeExactly(
        _ target: UnsafeMutablePointer<Float>, count: Int, rows: UnsafeMutablePointer<Float>
    ) {
        let phases = clock.outputStep
        var first = clock
        for offset in 0..<min(phases, count) {
            csk_fir_strided(
                fir, buffer + first.whole, clock.inputStep, rows + first.phase &* taps, taps, target + offset,
                phases, (count &- offset &+ phases &- 1) / phases)
            first.advance()
        }
        clock.advance(by: count)
    }

    /// Outputs at any instant, by straight lines between the rows of the drift table.
    @_noLocks @_noAllocation
    private mutating func writeBetween(_ target: UnsafeMutablePointer<Float>, atMost count: Int) -> Int {
        let last = filled &- taps
        let phases = UInt64(driftPhases)
        var written = 0
        while written < count, clock.whole <= last {
            let fraction = clock.binaryFraction
            let (row, rest) = fraction.multipliedFullWidth(by: phases)
            let blend = Float(rest &>> 40) * 0x1p-24
            let window = buffer + clock.whole
            var value = csk_fir_between(fir, window, driftRows + Int(row) &* taps, taps, blend)
            if fadeOutputs > 0 {
                // The nearest sample: a negative drift steps back across a whole position at once.
                let passed = window[taps &- 1 &- delayInputFrames &+ Int(fraction &>> 63)]
                value += (passed - value) * Float(fadeOutputs) / Float(Self.fadeOutputsMax)
                fadeOutputs &-= 1
            }
            target[written] = value
            written &+= 1
            clock.advance()
        }
        return written
    }

    private static func greatestCommonDivisor(_ left: Int, _ right: Int) -> Int {
        var (larger, smaller) = (left, right)
        while smaller != 0 { (larger, smaller) = (smaller, larger % smaller) }
        return larger
    }
}
