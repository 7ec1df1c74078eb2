import VoiceRealtime

/// Notices what no error number says: a device that stands still, delivers only zeros, or runs at another rate.
struct DeviceWatch {
    private static let quietNanosecondsMax: UInt64 = 1_000_000_000
    /// The rate is measured over so long, so that the size of a period does not matter.
    private static let rateWindowNanoseconds: Int64 = 5_000_000_000
    /// Looks come five times a second; after a longer pause this process stood still itself, and what it then sees of
    /// the device says nothing about the device.
    private static let pauseNanosecondsMax: UInt64 = 450_000_000

    private var isStalled = false
    private var hasOnlyZeros = false
    private var rates = RateJudge()
    private var lastLook: UInt64?
    private var windowStart: DeviceMark?
    private var windowXruns: UInt64 = 0

    /// What has changed since the last look.
    mutating func look(
        at memory: DeviceMemory, direction: DeviceDirection, sampleRate: Int, now: UInt64
    ) -> [DeviceEvent] {
        var events: [DeviceEvent] = []
        let pause = now - (lastLook ?? now)
        lastLook = now
        guard pause <= Self.pauseNanosecondsMax else {
            windowStart = nil
            return []
        }
        let progress = memory.gauges.pointee.progressNanoseconds.load(ordering: .relaxed)
        let stalled = now > progress && now - progress >= Self.quietNanosecondsMax
        if stalled != isStalled {
            isStalled = stalled
            windowStart = nil
            events.append(stalled ? .stalled : .movedAgain)
        }
        if direction == .capture {
            let zeros = memory.gauges.pointee.zeroRunFrames.load(ordering: .relaxed) >= UInt64(sampleRate)
            if zeros != hasOnlyZeros {
                hasOnlyZeros = zeros
                events.append(zeros ? .onlyZeros : .soundReturned)
            }
        }
        if let measured = measuredRate(memory), rates.isWrong(measured: measured, stated: Double(sampleRate)) {
            events.append(.wrongRate(measuredHertz: measured))
        }
        return events
    }

    /// The rate over the last window, once per window without xruns.
    private mutating func measuredRate(_ memory: DeviceMemory) -> Double? {
        let mark = memory.lastMark
        let xruns = memory.gauges.pointee.xruns.load(ordering: .relaxed)
        guard let start = windowStart, xruns == windowXruns else {
            windowStart = mark
            windowXruns = xruns
            return nil
        }
        let elapsed = mark.time.nanoseconds(since: start.time)
        guard elapsed >= Self.rateWindowNanoseconds else { return nil }
        windowStart = mark
        return Double(mark.frames - start.frames) * 1e9 / Double(elapsed)
    }
}

/// Judges the measured rates of a device. One that is wrong may come of a thread that was late, of a sound server that
/// stood still, or of sound that was lost; a clock that lies does it each time alike.
package struct RateJudge {
    /// Beyond what any crystal does, and beyond what the engine's drift loop is made for.
    private static let errorMax = 0.02
    private static let spreadMax = 0.01

    private var lastWrong: Double?
    private var isTold = false

    package init() {}

    /// Takes the next measurement; true once, with the second one in a row that shows the same wrong rate.
    package mutating func isWrong(measured: Double, stated: Double) -> Bool {
        guard abs(measured / stated - 1) > Self.errorMax else {
            lastWrong = nil
            isTold = false
            return false
        }
        defer { lastWrong = measured }
        guard !isTold, let lastWrong, abs(measured - lastWrong) <= Self.spreadMax * stated else { return false }
        isTold = true
        return true
    }
}
