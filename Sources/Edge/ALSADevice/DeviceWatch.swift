import VoiceRealtime

/// Notices what no error number says: a device that stands still, delivers only zeros, or runs at another rate.
struct DeviceWatch {
    private static let quietNanosecondsMax: UInt64 = 1_000_000_000
    /// The rate is measured over so long, so that the size of a period does not matter.
    private static let rateWindowNanoseconds: Int64 = 5_000_000_000
    /// Beyond what any crystal does, and beyond what the engine's drift loop is made for.
    private static let rateErrorMax = 0.02

    private var isStalled = false
    private var hasOnlyZeros = false
    /// Windows in a row with a rate that is wrong: one alone may have begun or ended with a late thread.
    private var wrongWindows = 0
    private var windowStart: DeviceMark?
    private var windowXruns: UInt64 = 0

    /// What has changed since the last look.
    mutating func look(
        at memory: DeviceMemory, direction: DeviceDirection, sampleRate: Int, now: UInt64
    ) -> [DeviceEvent] {
        var events: [DeviceEvent] = []
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
        if let measured = measuredRate(memory) {
            let isWrong = abs(measured / Double(sampleRate) - 1) > Self.rateErrorMax
            wrongWindows = isWrong ? wrongWindows + 1 : 0
            if wrongWindows == 2 { events.append(.wrongRate(measuredHertz: measured)) }
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
