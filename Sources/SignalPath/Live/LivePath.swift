import VoiceDownlink
import VoicePlayout
import VoiceRealtime
import VoiceRelay
import VoiceSignal
import VoiceUplink

/// The whole way of a live session but the devices and the wire, in signal order:
/// uplink → (converter) → own voice or converted → downlink.
///
/// The owner gives it what the microphone has, takes what the converter shall get, gives back what it answers, and
/// takes what the speaker plays; time is an argument, so an hour of call is a test of seconds.
/// Own voice: aligned with the converted one while both are there, so that a change can't be heard but as a change of
/// voice; directly, without the converter's delay, once it has lasted for a while, and when the converter is lost.
/// One thread at a time. Allocates at `init` only.
public struct LivePath: ~Copyable, @unchecked Sendable {
    /// What the speaker gets.
    public enum Source: Sendable, Hashable {
        case silence, converted, ownVoice
    }

    /// Own voice that was asked for goes over to the direct way after this much sound.
    private static let directAfterNanoseconds: Int64 = 1_500_000_000

    public private(set) var settings: LiveSettings
    var uplink: LiveUplink
    var downlink: LiveDownlink
    var ceiling = RateCeiling()
    public internal(set) var source = Source.silence
    /// Share of the own voice in what the converter answers.
    var ownShare: Gain
    public private(set) var isBypassed = false
    public private(set) var isMuted = false
    var bypassedAt: Int?
    var mutedAt: Int?
    var backend: Backend?
    var sentToMic = PositionMap()
    var queueToMic = PositionMap()
    /// Position in the microphone's stream behind what was given to the speaker's side last.
    var deliveredMic = 0
    var queued = 0
    /// Samples of the last departure.
    var lastSent = 0
    var capturedAt = MonotonicTime(nanoseconds: 0)
    let scratch: UnsafeMutableBufferPointer<Float>
    /// Samples that are handed on as one portion at the most.
    var portion: Int
    /// Sound that waits for longer is not sent any more.
    var ageMaxNanoseconds: Int64
    let ownScratch: UnsafeMutableBufferPointer<Float>
    /// The own voice's; the converted voice is gated by its converter, which can look ahead.
    var ownGate: SpeechGate
    public internal(set) var counts = LiveCounts()

    /// A converter that answers.
    struct Backend {
        /// Samples by which its answer lags.
        var delaySamples: Int
        /// Whether the profile's rate ceiling holds.
        var isPaced: Bool
        var sent = 0
        var received = 0
    }

    public init(_ settings: LiveSettings) throws(ResamplerError) {
        let uplink = try LiveUplink(
            captureRate: settings.captureRate, streamRate: settings.streamRate, cleanUp: settings.cleanUp)
        let downlink = try LiveDownlink(settings.playout, deviceRate: settings.playbackRate)
        self.settings = settings
        self.uplink = uplink
        self.downlink = downlink
        ownShare = Gain(0, rampFrames: settings.streamRate / 50)
        portion = settings.streamRate / 25
        ageMaxNanoseconds = settings.ageMaxNanoseconds
        scratch = .allocate(capacity: PeriodFrames.most(rate: settings.streamRate))
        scratch.initialize(repeating: 0)
        ownScratch = .allocate(capacity: scratch.count)
        ownScratch.initialize(repeating: 0)
        ownGate = SpeechGate(sampleRate: settings.streamRate)
    }

    deinit {
        scratch.deallocate()
        ownScratch.deallocate()
    }

    /// Says how much sound the microphone gives and the speaker takes at once; to be called again when that changes.
    ///
    /// - Parameters:
    ///   - capture: a period of the microphone, in nanoseconds.
    ///   - playback: a period of the speaker.
    public mutating func setPeriods(capture: Int64, playback: Int64) {
        portion = PeriodFrames.atOnce(capture, rate: settings.streamRate, least: 25)
        // A period that waits for the one behind it is not old yet.
        ageMaxNanoseconds = max(settings.ageMaxNanoseconds, 3 * capture)
        downlink.setPeriods(frame: capture, pull: playback)
    }

    // MARK: - Controls

    /// Mutes the microphone; fades, and after a tail of silence nothing is sent at all.
    public mutating func setMuted(_ muted: Bool) {
        guard muted != isMuted else { return }
        let wasIdle = isIdle
        isMuted = muted
        uplink.setMuted(muted)
        mutedAt = muted ? uplink.end : nil
        if wasIdle, !muted {
            uplink.skipUnsent()
            deliveredMic = max(deliveredMic, uplink.end)
        }
    }

    /// Lets the own voice be heard instead of the converted one.
    public mutating func setBypassed(_ bypassed: Bool) {
        guard bypassed != isBypassed else { return }
        isBypassed = bypassed
        bypassedAt = bypassed ? uplink.end : nil
        ownShare.set(bypassed ? 1 : 0)
        if bypassed {
            // Nothing converted is there to be aligned with.
            if source == .silence { beginOwnVoice() }
        } else if source == .ownVoice {
            uplink.skipUnsent()
            // The converter answers again soon; without one there is silence.
            if backend == nil { endOwnVoice() }
        }
    }

    public mutating func setInputGain(_ factor: Float) { uplink.setGain(factor) }

    public mutating func setOutputGain(_ factor: Float) { downlink.setGain(factor) }

    /// By how many decibels the automatic level raises what gates hear, the converter's and the own voice's.
    public var levelDecibels: Double { uplink.levelDecibels }

    /// Gates the own voice; the converter's gate is its owner's to set.
    public mutating func setOwnGate(decibels: Double?) { ownGate.setThreshold(decibels: decibels) }

    /// What goes out at once from now on.
    public mutating func setPacket(_ packet: PacketPacker.Duration) { settings.packet = packet }

    // MARK: - The converter comes and goes

    /// A converter takes sound from now on. Nothing that was said before goes to it.
    public mutating func converterReady(delaySamples: Int, isPaced: Bool) {
        backend = Backend(delaySamples: delaySamples, isPaced: isPaced)
        uplink.skipUnsent()
        sentToMic.reset()
        answers = AnswerWatch()
        ownShare = Gain(isBypassed ? 1 : 0, rampFrames: settings.streamRate / 50)
    }

    /// The converter is gone.
    ///
    /// - Parameter ownVoice: whether the own voice is heard until it is back; else there is silence.
    public mutating func converterLost(ownVoice: Bool) {
        backend = nil
        answers = AnswerWatch()
        uplink.skipUnsent()
        if ownVoice || isBypassed {
            if source != .ownVoice { beginOwnVoice() }
        } else {
            endOwnVoice()
        }
    }

    mutating func beginOwnVoice() {
        // From where the converted voice has got to, the own one jumps to now: a fade, over in 10 ms.
        fadeFrom = source == .converted ? deliveredMic : nil
        source = .ownVoice
        deliveredMic = max(deliveredMic, uplink.end)
        downlink.restart()
    }

    mutating func endOwnVoice() {
        source = .silence
        downlink.pause()
    }

    var fadeFrom: Int?
    var freshness = Freshness()
    var answers = AnswerWatch()

    // MARK: - Microphone

    /// Takes what the microphone has recorded up to `now`.
    public mutating func capture(_ samples: UnsafeBufferPointer<Float>, now: MonotonicTime) {
        uplink.push(samples)
        capturedAt = now
        counts.captured = uplink.end
        if let bypassedAt, source == .converted, ownShare.current == 1, isLong(since: bypassedAt) {
            beginOwnVoice()
        }
        if isIdle || (source == .ownVoice && isBypassed) || backend == nil { uplink.skipUnsent() }
        if source == .ownVoice { deliverOwnVoice(now) }
        // All that was said has been answered by now.
        if isIdle, source == .converted { downlink.pause() }
    }

    private func isLong(since position: Int) -> Bool {
        nanoseconds(uplink.end - position) > Self.directAfterNanoseconds
    }

    /// Whether nothing is sent because the microphone is muted.
    public var isIdle: Bool {
        guard let mutedAt else { return false }
        return nanoseconds(uplink.end - mutedAt) > settings.muteTailNanoseconds
    }

    /// Samples of the microphone, at its rate, that still lack for the next packet, at the least; 0 when each is wanted.
    public var samplesAwaited: Int {
        guard backend != nil, source == .converted, let packet = settings.packet else { return 0 }
        let missing = packet.samples - (uplink.end - uplink.sendPosition)
        // The filter may give one sample more or less at a time.
        return max(0, missing - 2) * settings.captureRate / settings.streamRate
    }

    /// Microphone and speaker stand still from now on, until the next sound is captured.
    public mutating func rest() { downlink.pause() }

    func nanoseconds(_ samples: Int) -> Int64 {
        Int64(samples) * 1_000_000_000 / Int64(settings.streamRate)
    }

    func samples(_ nanoseconds: Int64) -> Int {
        Int(nanoseconds / 1_000) * settings.streamRate / 1_000_000
    }

    // MARK: - Speaker

    /// Fills `output` with what the speaker plays next.
    public mutating func render(into output: UnsafeMutableBufferPointer<Float>, now: MonotonicTime) {
        downlink.render(into: output, now: now)
        counts.playout = downlink.counts
    }
}
