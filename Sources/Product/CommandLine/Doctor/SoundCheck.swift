import Foundation
import VoiceALSADevice
import VoiceSignal

/// The stages on this machine: devices, threads, microphone, speaker and the way between them.
struct SoundCheck {
    private static let spreadMillisecondsMax = 30.0
    private static let chirps = 6
    /// Below, nothing is sound: what resamplers leave behind when it has ended.
    private static let silenceDecibels = -200.0

    let input: String
    let output: String
    let playsChirps: Bool

    private(set) var findings: [Finding] = []

    init(input: String, output: String, playsChirps: Bool) {
        self.input = input
        self.output = output
        self.playsChirps = playsChirps
    }

    mutating func run() {
        var capture: OpenedCapture?
        do throws(DeviceError) {
            var options = DeviceOptions(name: try SoundDevices.resolve(input, .capture))
            options.openTimeoutNanoseconds = 5_000_000_000
            let opened = try SoundDevice.openCapture(options)
            findings.append(Self.opened("microphone", opened.device.status.configuration))
            capture = consume opened
        } catch {
            findings.append(Finding("microphone", .problem, "\(error)"))
        }
        var playback: OpenedPlayback?
        do throws(DeviceError) {
            var options = DeviceOptions(name: try SoundDevices.resolve(output, .playback))
            options.sampleRate = capture?.device.sampleRate ?? 48_000
            let opened = try SoundDevice.openPlayback(options)
            findings.append(Self.opened("speaker", opened.device.status.configuration))
            playback = consume opened
        } catch {
            findings.append(Finding("speaker", .problem, "\(error)"))
        }
        let output = playback?.device
        if let device = capture?.device ?? output { findings.append(Self.priority(device.status.configuration)) }
        guard var capture = capture.take() else {
            if let playback = playback.take() { playAlone(playback) }
            return
        }
        let input = capture.device
        var trial = SoundTrial(sampleRate: input.sampleRate, playbackRate: output?.sampleRate)
        let canCompare = playsChirps && output != nil
        trial.run(&capture, canCompare ? playback.take() : nil, chirps: canCompare ? Self.chirps : 0)
        findings.append(punctuality(trial, input, output))
        let heard = canCompare ? trial.roundTrips(sampleRate: input.sampleRate).count : 0
        let isWoken = trial.punctuality.count > 0
        if isWoken { findings.append(level(trial, input, heard: heard)) }
        // What nobody answers for needs no second finding.
        if let output, isWoken || Self.moves(output) { findings.append(played(output)) }
        if canCompare, isWoken { findings.append(roundTrip(trial, input.sampleRate)) }
        input.requestStop()
        output?.stop()
        input.stop()
    }

    /// Without a microphone: nobody listens but whoever sits there.
    private mutating func playAlone(_ playback: consuming OpenedPlayback) {
        var playback = playback
        let output = playback.device
        if playsChirps {
            SoundTrial(sampleRate: output.sampleRate).play(&playback, chirps: Self.chirps)
        } else {
            Thread.sleep(forTimeInterval: SoundTrial.listenSeconds)
        }
        findings.append(played(output))
        if playsChirps {
            let sentence = "not measured, as there is no microphone; did you hear \(Self.chirps) chirps?"
            findings.append(Finding("round trip", .warning, sentence, ["sent": Double(Self.chirps)]))
        }
        output.stop()
    }

    private static func opened(_ stage: String, _ granted: DeviceConfiguration) -> Finding {
        let rate = Double(granted.sampleRate)
        let period = Double(granted.periodFrames) * 1_000 / rate
        let buffer = Double(granted.bufferFrames) * 1_000 / rate
        return Finding(
            stage, .good,
            """
            \(granted.name): \(granted.sampleRate) Hz, \(granted.channels) channels, \(granted.format.shortName), \
            periods of \(text(period)) ms, buffer of \(text(buffer)) ms\(granted.isConverted ? ", converted" : "")
            """, ["period_ms": period, "buffer_ms": buffer, "rate_hertz": rate])
    }

    private static func priority(_ granted: DeviceConfiguration) -> Finding {
        switch granted.scheduling {
        case .realtime(let priority):
            let memory = granted.isMemoryLocked ? "memory locked" : "memory not locked: raise memlock in limits.conf"
            return Finding(
                "real-time", granted.isMemoryLocked ? .good : .warning, "SCHED_FIFO \(priority), \(memory)",
                ["priority": Double(priority)])
        case .ordinary(let hint): return Finding("real-time", .warning, hint)
        }
    }

    private func punctuality(_ trial: SoundTrial, _ input: SoundDevice, _ output: SoundDevice?) -> Finding {
        let punctuality = trial.punctuality
        let late = punctuality.lateness
        if punctuality.count == 0 { return Self.silence(input, output) }
        guard late.count > 10 else {
            return Finding("scheduling", .problem, "the microphone woke its thread \(punctuality.count) times only")
        }
        let median = late[late.count / 2]
        let high = late[late.count * 99 / 100]
        let granted = input.status.configuration
        let period = Double(granted.periodFrames) * 1_000 / Double(granted.sampleRate)
        let xruns = input.status.counters.xruns
        let figures = [
            "late_p50_ms": median, "late_p99_ms": high, "xruns": Double(xruns), "lost_ms": punctuality.lost,
            "gaps": Double(punctuality.gaps),
        ]
        let measured = "wake-ups late by \(Self.text(median)) ms in the median, \(Self.text(high)) ms at p99"
        if punctuality.gaps > 0 {
            return Finding(
                "scheduling", .warning,
                """
                \(measured), and \(Self.text(punctuality.lost)) ms of sound were lost in \(punctuality.gaps) gaps, \
                with \(xruns) xruns: close busy programs, or choose a higher latency
                """, figures)
        }
        if xruns > 0 || high - median > period {
            return Finding(
                "scheduling", .warning, "\(measured), \(xruns) xruns: close busy programs, or choose a higher latency",
                figures)
        }
        return Finding("scheduling", .good, measured, figures)
    }

    /// Not one wake-up: of the microphone alone, or of a sound system that stands still.
    private static func silence(_ input: SoundDevice, _ output: SoundDevice?) -> Finding {
        let status = input.status
        if case .lost(let error) = status.phase, error.cause != .stalled {
            return Finding("scheduling", .problem, "\(error)")
        }
        let name = status.configuration.name
        if let output, moves(output) {
            return Finding(
                "scheduling", .problem, "\(name) stands still, and the speaker does not; choose another --input")
        }
        return Finding(
            "scheduling", .problem,
            """
            the sound system does not answer: nothing has moved since \(name) was opened; restart PipeWire or PulseAudio
            """)
    }

    private static func moves(_ output: SoundDevice) -> Bool {
        let status = output.status
        // Each opening fills the device before anything moves.
        let filled = UInt64(status.configuration.queueFrames) * (status.counters.reopenings + 1)
        return status.phase == .running && status.counters.frames > filled && !status.isStalled
    }

    /// - Parameter heard: how many chirps the microphone heard, after the silence that is measured.
    private func level(_ trial: SoundTrial, _ input: SoundDevice, heard: Int) -> Finding {
        let name = input.status.configuration.name
        if case .lost(let error) = input.status.phase { return Finding("capture", .problem, "\(error)") }
        guard !trial.recorded.isEmpty else {
            return Finding("capture", .problem, "\(name) delivers nothing; choose another --input")
        }
        let (peak, rms) = trial.levels()
        let figures = ["peak_db": peak, "rms_db": rms]
        if peak < Self.silenceDecibels, heard > 0 {
            return Finding(
                "capture", .good,
                "\(name) works: it is silent by itself, and \(heard) of \(trial.chirpStarts.count) chirps were heard",
                figures)
        }
        if peak < Self.silenceDecibels {
            return Finding(
                "capture", .problem, "\(name) delivers only zeros: it is muted, or the wrong input is chosen", figures)
        }
        let measured = "peak \(Self.text(peak)) dB, mean \(Self.text(rms)) dB of full scale"
        if peak > -0.1 { return Finding("capture", .warning, "\(measured): it clips; lower its gain", figures) }
        if peak < -50 {
            return Finding(
                "capture", .warning, "\(measured): very quiet; raise its gain, or speak while this runs", figures)
        }
        return Finding("capture", .good, measured, figures)
    }

    private func played(_ output: SoundDevice) -> Finding {
        let status = output.status
        if case .lost(let error) = status.phase { return Finding("playback", .problem, "\(error)") }
        guard Self.moves(output) else {
            return Finding(
                "playback", .problem, "\(status.configuration.name) takes no sound; choose another --output")
        }
        let figures = ["frames": Double(status.counters.frames), "xruns": Double(status.counters.xruns)]
        return Finding("playback", .good, "\(status.counters.frames) frames, \(status.counters.xruns) xruns", figures)
    }

    private func roundTrip(_ trial: SoundTrial, _ sampleRate: Int) -> Finding {
        let delays = trial.roundTrips(sampleRate: sampleRate)
        let sent = trial.chirpStarts.count
        guard delays.count * 2 > sent else {
            return Finding(
                "round trip", .warning,
                """
                \(delays.count) of \(sent) chirps were heard: normal with headphones; else turn the speaker up or hold \
                the microphone to it
                """, ["heard": Double(delays.count), "sent": Double(sent)])
        }
        let median = delays[delays.count / 2]
        let spread = delays[delays.count - 1] - delays[0]
        let figures = [
            "median_ms": median, "spread_ms": spread, "heard": Double(delays.count), "sent": Double(sent),
        ]
        let measured = "\(Self.text(median)) ms from speaker to microphone through all buffers"
        if spread > Self.spreadMillisecondsMax {
            return Finding(
                "round trip", .warning,
                "\(measured), but it changed by \(Self.text(spread)) ms meanwhile: the sound system is busy", figures)
        }
        return Finding("round trip", .good, "\(measured), within \(Self.text(spread)) ms", figures)
    }

    static func text(_ value: Double) -> String { String(format: "%.1f", value) }
}
