import VoiceLivePath
import VoiceRealtime
import VoiceSecureStream

/// Takes the times of a session's turns, on the wire thread.
struct LiveStopwatch {
    private var captureToWire = StageTimes()
    private var speechToWire = StageTimes()
    private var wireToBuffer = StageTimes()
    private var captureToRing = StageTimes()
    /// When the microphone woke for the newest sound.
    private var captured: MonotonicTime?
    private var before = LiveCounts()

    /// New sound came by a wake-up at `time`.
    mutating func captured(_ time: MonotonicTime) { captured = time }

    /// What was exchanged before this turn.
    mutating func begin(_ counts: LiveCounts) { before = counts }

    /// The converter was given what it may have and has answered.
    mutating func exchanged(_ path: borrowing LivePath, wokenAt: MonotonicTime) {
        let counts = path.counts
        guard counts.sent > before.sent || counts.received > before.received else { return }
        let now = monotonicNow()
        if counts.sent > before.sent, let captured {
            captureToWire.add(now.nanoseconds(since: captured))
            speechToWire.add(path.sentAge(now: now) + wokenAt.nanoseconds(since: captured))
        }
        if counts.received > before.received { wireToBuffer.add(now.nanoseconds(since: wokenAt)) }
    }

    /// The speaker's ring is filled.
    mutating func played() {
        guard let captured else { return }
        captureToRing.add(monotonicNow().nanoseconds(since: captured))
        self.captured = nil
    }

    func stages(isLocal: Bool) -> LiveStages {
        var stages = LiveStages()
        if isLocal {
            stages.captureToRing = captureToRing.figures
        } else {
            stages.captureToWire = captureToWire.figures
            stages.speechToWire = speechToWire.figures
            stages.wireToBuffer = wireToBuffer.figures
        }
        return stages
    }
}
