import Foundation
import VoiceALSADevice
import VoiceKit
import VoiceRelay

/// What the terminal shows of a session: a pure function of its snapshot.
package enum LiveScreen {
    /// What the screen knows besides the snapshot.
    package struct Frame: Sendable {
        package var columns = 80
        package var rows = 24
        package var hasColours = false
        package var isRecording = false
        /// Whether keys are read.
        package var hasKeys = true
        package var isPushToTalk = false
        /// The name of the microphone that the output is for others.
        package var microphone: String?
        /// The newest last.
        package var messages: [String] = []

        package init() {}
    }

    private static let messagesMax = 6

    /// The lines from top to bottom, none wider than the terminal, and no more than it has.
    package static func lines(_ snapshot: LiveSnapshot, _ frame: Frame) -> [String] {
        let columns = max(20, frame.columns)
        func flow(_ items: [String], joint: String = "  ") -> [String] {
            TextFlow.lines(items, joint: joint, columns: columns)
        }
        var lines = flow(headline(snapshot, frame), joint: " · ")
        lines.append(LiveMeter.line("in ", snapshot.inputLevels, snapshot.input, columns, frame.hasColours))
        lines.append(LiveMeter.line("out", snapshot.outputLevels, snapshot.output, columns, frame.hasColours))
        lines += flow(device("microphone", snapshot.input))
        lines += flow(device(frame.microphone == nil ? "speaker" : "for others", snapshot.output, frame.microphone))
        if let monitor = snapshot.monitor { lines += flow(self.monitor(monitor)) }
        lines += flow(delay(snapshot))
        lines += flow(stages(snapshot), joint: " + ")
        lines += flow(health(snapshot))
        lines += flow(session(snapshot))
        if frame.hasKeys { lines += flow(keys(frame)) }
        let room = max(0, frame.rows - lines.count)
        let messages = frame.messages.suffix(messagesMax).flatMap { message in
            flow(("· " + message).split(separator: " ").map(String.init), joint: " ")
        }
        lines += messages.suffix(room)
        return lines.prefix(max(1, frame.rows)).map { TextFlow.cut($0, columns) }
    }

    private static func headline(_ snapshot: LiveSnapshot, _ frame: Frame) -> [String] {
        var words = [snapshot.voice.isEmpty ? "quota-voice" : snapshot.voice]
        words.append(snapshot.isLocal ? "on this machine" : "through \(snapshot.relayName)")
        switch snapshot.link {
        case .connecting: words.append("connecting")
        case .running: break
        case .stalled: words.append("no answer")
        case .reconnecting(let wait): words.append(String(format: "reconnecting in %.1f s", Double(wait) / 1e9))
        case .ended: words.append("ended")
        }
        func mark(_ text: String, _ colour: Int) -> String {
            frame.hasColours ? "\u{1B}[1;\(colour)m\(text)\u{1B}[0m" : text
        }
        if snapshot.isMuted {
            words.append(mark(frame.isPushToTalk && frame.hasKeys ? "MUTED: hold space to talk" : "MUTED", 33))
        } else if frame.isPushToTalk {
            words.append(mark("TALKING", 32))
        }
        if snapshot.isBypassed { words.append(mark("OWN VOICE", 36)) }
        if frame.isRecording { words.append(mark("● REC", 31)) }
        return words
    }

    private static func device(_ name: String, _ status: DeviceStatus?, _ title: String? = nil) -> [String] {
        guard let status else { return ["\(name): opening"] }
        let granted = status.configuration
        func milliseconds(_ frames: Int) -> Double { Double(frames) * 1_000 / Double(granted.sampleRate) }
        var items = [
            "\(name): \(title ?? granted.name)", "\(granted.sampleRate) Hz",
            String(format: "period %d (%.1f ms)", granted.periodFrames, milliseconds(granted.periodFrames)),
        ]
        if granted.isFallback { items.append("IN PLACE OF ANOTHER") }
        let state = LiveReport.state(status)
        if state != "running" { items.append(state.uppercased()) }
        return items
    }

    private static func monitor(_ monitor: LiveSnapshot.Monitor) -> [String] {
        device("monitor", monitor.status) + [
            String(format: "drift %+.0f ppm", monitor.driftPPM),
            "xruns \(monitor.status.counters.xruns)", "gaps \(monitor.counts.concealments)",
        ]
    }

    private static func delay(_ snapshot: LiveSnapshot) -> [String] {
        func shown(_ nanoseconds: Int64) -> String {
            nanoseconds > 0 ? String(format: "%.1f ms", LiveReport.ms(nanoseconds)) : "–"
        }
        let buffer = String(
            format: "buffer %.1f ms (aims at %.1f)", LiveReport.ms(snapshot.budget.playout),
            LiveReport.ms(snapshot.playoutTargetNanoseconds))
        var items = ["delay \(shown(snapshot.budget.measured))"]
        if snapshot.monitor != nil { items.append("to the monitor \(shown(snapshot.budget.monitor))") }
        return items + [buffer, String(format: "drift %+.1f ppm", snapshot.driftPPM)]
    }

    private static func stages(_ snapshot: LiveSnapshot) -> [String] {
        let budget = snapshot.budget
        let converter = snapshot.isLocal ? "converter" : "relay"
        let stages: [(String, Int64, Bool)] = [
            ("filters", budget.filters, true), ("gate", budget.gate, false), ("Opus", budget.codec, false),
            (converter, budget.converter, true), ("buffer", budget.playout, true),
            ("ring", budget.ring, true), ("speaker", budget.playback, true),
        ]
        var items = stages.filter { $0.2 || $0.1 > 0 }.map { String(format: "\($0.0) %.1f", LiveReport.ms($0.1)) }
        items[0] = "  " + items[0]
        items[items.count - 1] += " ms"
        return items
    }

    private static func health(_ snapshot: LiveSnapshot) -> [String] {
        let counts = snapshot.counts
        let rate = Double(snapshot.streamRate)
        let dropped = Double(counts.droppedOld + counts.droppedStale + counts.playout.droppedLate) * 1_000 / rate
        return [
            "xruns \(snapshot.input?.counters.xruns ?? 0) in, \(snapshot.output?.counters.xruns ?? 0) out",
            String(
                format: "gaps %d (%.0f ms)", counts.playout.concealments,
                Double(counts.playout.concealed) * 1_000 / rate),
            String(format: "dropped %.0f ms", dropped), "reconnects \(snapshot.reconnects)",
        ]
    }

    private static func session(_ snapshot: LiveSnapshot) -> [String] {
        var items = [
            "time \(LiveReport.clock(snapshot.sessionNanoseconds))",
            String(format: "gain %+.0f dB", snapshot.gainDecibels),
        ]
        guard !snapshot.isLocal else { return items + ["free"] }
        if let used = snapshot.creditsUsed { items.append("credits used \(used)") }
        if let left = snapshot.creditsLeft { items.append("left \(left)") }
        let dollars = Double(RelayProtocol.creditsPerSecond * 3_600) / 1_000_000
        items.append(String(format: "$%.2f an hour", dollars))
        if let wire = snapshot.wire {
            items.append(
                String(format: "%@ in packets of %.0f ms", wire.rawValue, LiveReport.ms(snapshot.budget.packet)))
        }
        if let roundTrip = snapshot.roundTripNanoseconds {
            items.append(String(format: "round trip %.1f ms", LiveReport.ms(roundTrip)))
        }
        return items
    }

    private static func keys(_ frame: Frame) -> [String] {
        (frame.isPushToTalk ? ["space talk (hold)"] : []) + [
            "m mute", "b own voice", "v/V voice", "+/- gain", "r record", "q quit",
        ]
    }
}
