import Foundation
import VoiceALSADevice
import VoiceKit
import VoiceRelay
import VoiceVirtualMicrophone

/// A session in words and in JSON, for everything that is not a terminal.
enum LiveReport {
    private struct Status: Encodable {
        struct Device: Encodable {
            let name: String
            let state: String
            let rate: Int
            let periodFrames: Int
            let latencyMs: Double
            let xruns: UInt64
            let peakDb: Double?
            let clipped: UInt64
            /// Of its thread; absent for an ordinary one.
            let realtimePriority: Int?
        }

        struct Delay: Encodable {
            let capture: Double
            let filters: Double
            let gate: Double
            let codec: Double
            let converter: Double
            let playout: Double
            let ring: Double
            let playback: Double
            let measured: Double
            let target: Double
            let packet: Double?
            let monitor: Double?
        }

        struct Monitor: Encodable {
            let device: Device
            let driftPpm: Double
            let concealments: Int
            let droppedMs: Double
        }

        let event = "status"
        let link: String
        let backend: String
        let relay: String?
        let wire: String?
        let voice: String
        let muted: Bool
        let bypassed: Bool
        let heard: String
        let gainDb: Double
        /// How the voice of this machine is moved and mixed.
        let pitchSemitones: Double?
        let formant: Double?
        let mixPercent: Double?
        /// The median pitch of the one who speaks, once it is known.
        let speakerHertz: Double?
        let seconds: Double
        let memoryLocked: Bool
        let input: Device?
        let output: Device?
        let monitor: Monitor?
        let delayMs: Delay
        let stageMs: [String: Double]
        let driftPpm: Double
        let concealments: Int
        let concealedMs: Double
        let droppedMs: Double
        let reconnects: Int
        let creditsUsed: Int?
        let creditsLeft: Int?
        let creditsPerHour: Int?
        let roundTripMs: Double?
    }

    /// A snapshot as one line of JSON.
    static func status(_ snapshot: LiveSnapshot, _ tuning: VoiceTuning?) -> String {
        let budget = snapshot.budget
        let rate = Double(snapshot.streamRate)
        let counts = snapshot.counts
        let dropped = counts.droppedOld + counts.droppedStale + counts.playout.droppedLate
        let delay = Status.Delay(
            capture: ms(budget.capture), filters: ms(budget.filters), gate: ms(budget.gate), codec: ms(budget.codec),
            converter: ms(budget.converter), playout: ms(budget.playout), ring: ms(budget.ring),
            playback: ms(budget.playback), measured: ms(budget.measured),
            target: ms(snapshot.playoutTargetNanoseconds),
            packet: snapshot.isLocal ? nil : ms(budget.packet),
            monitor: snapshot.monitor == nil ? nil : ms(budget.monitor))
        return json(
            Status(
                link: link(snapshot), backend: snapshot.isLocal ? "local" : "relay",
                relay: snapshot.isLocal ? nil : snapshot.relayName, wire: snapshot.wire?.format, voice: snapshot.voice,
                muted: snapshot.isMuted,
                bypassed: snapshot.isBypassed, heard: "\(snapshot.source)", gainDb: snapshot.gainDecibels,
                pitchSemitones: tuning?.pitch, formant: tuning?.formant, mixPercent: tuning?.mix,
                speakerHertz: snapshot.heardSpeaker.map { ($0.medianHertz * 10).rounded() / 10 },
                seconds: Double(snapshot.sessionNanoseconds / 1_000_000) / 1_000,
                memoryLocked: snapshot.isMemoryLocked,
                input: device(snapshot.input, snapshot.inputLevels),
                output: device(snapshot.output, snapshot.outputLevels),
                monitor: monitor(snapshot), delayMs: delay, stageMs: stages(snapshot.stages),
                driftPpm: (snapshot.driftPPM * 10).rounded() / 10,
                concealments: counts.playout.concealments,
                concealedMs: Double(counts.playout.concealed) * 1_000 / rate,
                droppedMs: Double(dropped) * 1_000 / rate, reconnects: snapshot.reconnects,
                creditsUsed: snapshot.creditsUsed, creditsLeft: snapshot.creditsLeft,
                creditsPerHour: snapshot.isLocal ? nil : RelayProtocol.creditsPerSecond * 3_600,
                roundTripMs: snapshot.roundTripNanoseconds.map { ms($0) }))
    }

    /// The stages' figures, those that there are, to the microsecond.
    private static func stages(_ stages: LiveStages) -> [String: Double] {
        let all = [
            ("capture_to_wire_", stages.captureToWire), ("speech_to_wire_", stages.speechToWire),
            ("wire_to_buffer_", stages.wireToBuffer), ("capture_to_ring_", stages.captureToRing),
        ]
        var figures: [String: Double] = [:]
        for case (let name, let stage?) in all {
            figures[name + "p50"] = Double(stage.median / 1_000) / 1_000
            figures[name + "p99"] = Double(stage.percentile99 / 1_000) / 1_000
        }
        return figures
    }

    private static func monitor(_ snapshot: LiveSnapshot) -> Status.Monitor? {
        guard let monitor = snapshot.monitor, let device = device(monitor.status, snapshot.outputLevels),
            let rate = snapshot.output?.configuration.sampleRate
        else { return nil }
        return Status.Monitor(
            device: device, driftPpm: (monitor.driftPPM * 10).rounded() / 10,
            concealments: monitor.counts.concealments,
            droppedMs: Double(monitor.counts.droppedLate) * 1_000 / Double(rate))
    }

    private static func device(_ status: DeviceStatus?, _ levels: DeviceLevels) -> Status.Device? {
        guard let status else { return nil }
        let configuration = status.configuration
        let priority: Int? = if case .realtime(let value) = configuration.scheduling { value } else { nil }
        return Status.Device(
            name: configuration.name, state: state(status), rate: configuration.sampleRate,
            periodFrames: configuration.periodFrames, latencyMs: ms(configuration.latencyNanoseconds),
            xruns: status.counters.xruns,
            peakDb: levels.peak > 0 ? (200 * log10(Double(levels.peak))).rounded() / 10 : nil,
            clipped: status.counters.clippedSamples, realtimePriority: priority)
    }

    static func state(_ status: DeviceStatus) -> String {
        switch status.phase {
        case .running: status.isStalled ? "stalled" : status.hasOnlyZeros ? "only zeros" : "running"
        case .lost: "lost"
        case .stopped: "stopped"
        }
    }

    static func link(_ snapshot: LiveSnapshot) -> String {
        switch snapshot.link {
        case .connecting: "connecting"
        case .running: "running"
        case .stalled: "stalled"
        case .reconnecting: "reconnecting"
        case .ended: "ended"
        }
    }

    /// `0:12  rachel  local  delay 31.2 ms  …`, for a log.
    static func line(_ snapshot: LiveSnapshot) -> String {
        let xruns = (snapshot.input?.counters.xruns ?? 0) + (snapshot.output?.counters.xruns ?? 0)
        let place = snapshot.isLocal ? "local" : "\(snapshot.relayName) \(link(snapshot))"
        let voice = snapshot.isMuted ? "muted" : snapshot.isBypassed ? "own voice" : snapshot.voice
        return String(
            format: "%@  %@  %@  delay %.1f ms  buffer %.1f ms  drift %+.0f ppm  xruns %d  gaps %d",
            clock(snapshot.sessionNanoseconds), voice, place, ms(snapshot.budget.measured),
            ms(snapshot.budget.playout), snapshot.driftPPM, Int(xruns), snapshot.counts.playout.concealments)
            + (snapshot.creditsUsed.map { "  \($0) credits" } ?? "")
    }

    private struct Event: Encodable {
        let event: String
        var sessionId: String?
        var message: String?
        var retryMs: Double?
        var voice: String?
        var device: String?
        var now: String?
    }

    /// What has become of the virtual microphone, as one line of JSON.
    static func json(_ event: VirtualMicrophoneEvent) -> String {
        switch event {
        case .gone: json(Event(event: "microphone_gone", message: sentence(event)))
        case .back: json(Event(event: "microphone_back", message: sentence(event)))
        case .heardItself(let now): json(Event(event: "microphone_heard_itself", message: sentence(event), now: now))
        }
    }

    static func sentence(_ event: VirtualMicrophoneEvent) -> String {
        switch event {
        case .gone: "the virtual microphone is gone from the sound server; it is made again as soon as that works"
        case .back: "the virtual microphone is there again; programs that used it may have to choose it anew"
        case .heardItself(let source?):
            "the virtual microphone is the default of all programs, this one too: it hears \(source) again"
        case .heardItself(nil):
            "the virtual microphone is the only one: nothing but itself can be heard; plug a microphone in"
        }
    }

    /// An event as one line of JSON.
    static func json(_ event: LiveEvent) -> String {
        switch event {
        case .ready(let id): json(Event(event: "ready", sessionId: id))
        case .lost(let sentence, let retry): json(Event(event: "lost", message: sentence, retryMs: ms(retry)))
        case .renewed: json(Event(event: "renewed"))
        case .voiceChanged(let name): json(Event(event: "voice", voice: name))
        case .voiceRefused(let name, _): json(Event(event: "voice_refused", message: sentence(event), voice: name))
        case .relayStalled: json(Event(event: "relay_stalled", message: sentence(event)))
        case .relayAnswers: json(Event(event: "relay_answers"))
        case .wireRefused: json(Event(event: "wire", message: sentence(event)))
        case .device(let direction, let what):
            json(Event(event: "device", message: sentence(name(direction), what), device: direction.rawValue))
        case .monitor(let what):
            json(Event(event: "device", message: sentence("monitor", what), device: "monitor"))
        case .noRealtime(let hint): json(Event(event: "no_realtime", message: hint))
        case .recordingOverflowed: json(Event(event: "recording_overflowed", message: sentence(event)))
        }
    }

    /// The recording could not begin, or has ended by itself.
    static func recordingFailed(_ sentence: String) -> String {
        json(Event(event: "recording_failed", message: sentence))
    }

    /// An event for people; nil when the status shows it anyway.
    static func sentence(_ event: LiveEvent) -> String? {
        switch event {
        case .ready(let id): id.map { "session \(QuotaAccess.plain($0)) is ready" }
        case .lost(let sentence, let retry): String(format: "%@; trying again in %.1f s", sentence, ms(retry) / 1_000)
        case .renewed: "the session reached its time limit; another one begins"
        case .voiceChanged(let name): "the voice is \(QuotaAccess.plain(name))"
        case .voiceRefused(_, let reason): refusal(reason)
        case .relayStalled: "the relay does not answer: no sound has come for a second"
        case .relayAnswers: "the relay answers again"
        case .wireRefused(let wire):
            "the relay does not take \(wire.format): the sound goes as \(RelayWire.pcm.format)"
        case .device(let direction, let what): sentence(name(direction), what)
        case .monitor(let what): sentence("monitor", what)
        case .noRealtime(let hint): hint
        case .recordingOverflowed(let samples): "the recording lacks \(samples) samples: the disk is too slow"
        }
    }

    /// What a relay says of a voice that it does not give.
    static func refusal(_ reason: String) -> String { "\(QuotaAccess.plain(reason)); the voice stays as it is" }

    private static func name(_ direction: DeviceDirection) -> String {
        direction == .capture ? "microphone" : "speaker"
    }

    private static func sentence(_ name: String, _ event: DeviceEvent) -> String {
        switch event {
        case .lost(let error): return "\(name) lost: \(error.description); trying again once a second"
        case .stillLost(let error): return "\(name) still lost: \(error.description)"
        case .recovered(let configuration, let nanoseconds):
            return String(format: "%@ is back after %.1f s: %@", name, ms(nanoseconds) / 1_000, configuration.name)
        case .stalled: return "\(name) stands still: nothing has moved for a second"
        case .movedAgain: return "\(name) moves again"
        case .onlyZeros: return "\(name) delivers only zeros: is it muted, or the wrong input?"
        case .soundReturned: return "\(name) delivers sound again"
        case .relaxed(let configuration):
            return String(
                format: "%@ ran dry several times: it holds %.1f ms from now on", name,
                ms(configuration.latencyNanoseconds))
        case .wrongRate(let hertz):
            return String(format: "%@ runs at %.0f Hz, not at its stated rate; choose another device", name, hertz)
        }
    }

    static func ms(_ nanoseconds: Int64) -> Double {
        (Double(nanoseconds) / 10_000).rounded() / 100
    }

    static func clock(_ nanoseconds: Int64) -> String {
        let seconds = Int(nanoseconds / 1_000_000_000)
        let text = String(format: "%d:%02d", seconds / 60 % 60, seconds % 60)
        return seconds >= 3_600
            ? String(format: "%d:%02d:%02d", seconds / 3_600, seconds / 60 % 60, seconds % 60) : text
    }

    private static func json(_ value: some Encodable) -> String {
        let encoder = JSONEncoder()
        encoder.keyEncodingStrategy = .convertToSnakeCase
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        guard let data = try? encoder.encode(value) else { return "{}" }
        return String(decoding: data, as: UTF8.self)
    }
}
