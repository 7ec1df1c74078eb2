import Foundation
import VoiceALSADevice
import VoiceKit
import VoiceRelay

/// What the terminal shows of a session: a pure function of its snapshot.
package enum LiveScreen {
    /// What the screen knows besides the snapshot.
    package struct Frame: Sendable {
        package var columns = 80
        package var hasColours = false
        package var isRecording = false
        /// The newest last.
        package var messages: [String] = []

        package init() {}
    }

    private static let messagesMax = 4

    /// The lines from top to bottom, none wider than the terminal.
    package static func lines(_ snapshot: LiveSnapshot, _ frame: Frame) -> [String] {
        let columns = max(20, frame.columns)
        var lines = [
            headline(snapshot, frame),
            meter("in ", snapshot.inputLevels, snapshot.input, columns, frame.hasColours),
            meter("out", snapshot.outputLevels, snapshot.output, columns, frame.hasColours),
            device("microphone", snapshot.input),
            device("speaker", snapshot.output),
            delay(snapshot),
            stages(snapshot),
            health(snapshot),
        ]
        lines.append(session(snapshot))
        lines.append("m mute  b own voice  v/V voice  +/- gain  r record  q quit")
        for message in frame.messages.suffix(messagesMax) { lines.append("· " + message) }
        return lines.map { cut($0, columns) }
    }

    private static func headline(_ snapshot: LiveSnapshot, _ frame: Frame) -> String {
        var words = [snapshot.voice.isEmpty ? "quota-voice" : snapshot.voice]
        words.append(snapshot.isLocal ? "on this machine" : "through \(snapshot.relayName)")
        switch snapshot.link {
        case .connecting: words.append("connecting")
        case .running: break
        case .reconnecting(let wait): words.append(String(format: "reconnecting in %.1f s", Double(wait) / 1e9))
        case .ended: words.append("ended")
        }
        if snapshot.isMuted { words.append("MUTED") }
        if snapshot.isBypassed { words.append("OWN VOICE") }
        if frame.isRecording { words.append("● REC") }
        return words.joined(separator: " · ")
    }

    /// `in  ━━━━━━━━━────────  -23.1 dB  CLIP 3`
    private static func meter(
        _ name: String, _ levels: DeviceLevels, _ status: DeviceStatus?, _ columns: Int, _ hasColours: Bool
    ) -> String {
        let decibels = levels.peak > 0 ? 20 * log10(Double(levels.peak)) : -.infinity
        let width = min(50, max(5, columns - 30))
        let share = min(1, max(0, (decibels + 60) / 60))
        let filled = share.isFinite ? Int((share * Double(width)).rounded()) : 0
        let bar = String(repeating: "━", count: filled)
        let rest = String(repeating: "─", count: width - filled)
        let clipped = status?.counters.clippedSamples ?? 0
        let colour = decibels > -1 ? 31 : decibels > -9 ? 33 : 32
        let drawn = hasColours ? "\u{1B}[\(colour)m\(bar)\u{1B}[2m\(rest)\u{1B}[0m" : bar + rest
        let level = decibels.isFinite ? String(format: "%6.1f dB", decibels) : "  -inf dB"
        return "\(name) \(drawn) \(level)" + (clipped > 0 ? "  CLIP \(clipped)" : "")
    }

    private static func device(_ name: String, _ status: DeviceStatus?) -> String {
        guard let status else { return "\(name): opening" }
        let configuration = status.configuration
        let period = Double(configuration.periodFrames) * 1_000 / Double(configuration.sampleRate)
        let state = LiveReport.state(status)
        return "\(name): \(configuration.name)  \(configuration.sampleRate) Hz"
            + String(format: "  period %d (%.1f ms)", configuration.periodFrames, period)
            + (state == "running" ? "" : "  \(state.uppercased())")
    }

    private static func delay(_ snapshot: LiveSnapshot) -> String {
        let measured = snapshot.budget.measured
        let now = measured > 0 ? String(format: "%.1f ms", LiveReport.ms(measured)) : "–"
        return String(
            format: "delay %@  buffer %.1f ms (aims at %.1f)  drift %+.1f ppm", now,
            LiveReport.ms(snapshot.budget.playout), LiveReport.ms(snapshot.playoutTargetNanoseconds),
            snapshot.driftPPM)
    }

    private static func stages(_ snapshot: LiveSnapshot) -> String {
        let budget = snapshot.budget
        return String(
            format: "  capture %.1f + filters %.1f + converter %.1f + buffer %.1f + ring %.1f + speaker %.1f ms",
            LiveReport.ms(budget.capture), LiveReport.ms(budget.filters), LiveReport.ms(budget.converter),
            LiveReport.ms(budget.playout), LiveReport.ms(budget.ring), LiveReport.ms(budget.playback))
    }

    private static func health(_ snapshot: LiveSnapshot) -> String {
        let counts = snapshot.counts
        let rate = snapshot.isLocal ? Double(snapshot.input?.configuration.sampleRate ?? 48_000) : 16_000
        let dropped = Double(counts.droppedOld + counts.droppedStale + counts.playout.droppedLate) * 1_000 / rate
        return String(
            format: "xruns %d in, %d out  gaps %d (%.0f ms)  dropped %.0f ms  reconnects %d",
            Int(snapshot.input?.counters.xruns ?? 0), Int(snapshot.output?.counters.xruns ?? 0),
            counts.playout.concealments, Double(counts.playout.concealed) * 1_000 / rate, dropped,
            snapshot.reconnects)
    }

    private static func session(_ snapshot: LiveSnapshot) -> String {
        var line = "time \(LiveReport.clock(snapshot.sessionNanoseconds))"
        line += String(format: "  gain %+.0f dB", snapshot.gainDecibels)
        guard !snapshot.isLocal else { return line + "  free" }
        if let used = snapshot.creditsUsed { line += "  credits used \(used)" }
        if let left = snapshot.creditsLeft { line += ", left \(left)" }
        let dollars = Double(RelayProtocol.creditsPerSecond * 3_600) / 1_000_000
        return line + String(format: "  $%.2f an hour", dollars)
    }

    /// A line that is no wider than the terminal; what colours it takes no room.
    static func cut(_ line: String, _ columns: Int) -> String {
        var shown = ""
        var width = 0
        var isEscape = false
        for character in line {
            if character == "\u{1B}" { isEscape = true }
            if !isEscape {
                width += 1
                if width > columns { return shown + (line.contains("\u{1B}") ? "\u{1B}[0m" : "") }
            }
            shown.append(character)
            if isEscape, character == "m" { isEscape = false }
        }
        return shown
    }
}
