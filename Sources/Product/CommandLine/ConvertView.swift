import Foundation
import Synchronization
import VoiceKit
import VoiceRelay

/// What `convert` shows: a progress bar on a terminal, plain lines otherwise, JSON for programs.
final class ConvertView: Sendable {
    enum Style: Sendable {
        case people, json, quiet
    }

    private struct Active {
        let item: ConvertPlan.Item
        let progress: ConversionProgress
        let start: ContinuousClock.Instant
    }

    private struct State {
        var active: [Int: Active] = [:]
        var done = 0
        var barShown = false
        var remarkMade = false
        var clock: Task<Void, any Error>?
    }

    private let count: Int
    private let style: Style
    /// Said once, before the first result.
    private let remark: String?
    /// What was asked for.
    private let wire: RelayWire
    private let showsBar: Bool
    private let state = Mutex(State())

    init(count: Int, style: Style, remark: String?, wire: RelayWire = .pcm) {
        self.count = count
        self.style = style
        self.remark = remark
        self.wire = wire
        showsBar = style == .people && Terminal.errorIsTerminal
    }

    func start() {
        guard showsBar else { return }
        let clock = Task { [weak self] in
            while true {
                try await Task.sleep(for: .milliseconds(100))
                self?.draw()
            }
        }
        state.withLock { $0.clock = clock }
    }

    func begin(_ index: Int, _ item: ConvertPlan.Item, _ progress: ConversionProgress) {
        state.withLock { $0.active[index] = Active(item: item, progress: progress, start: .now) }
    }

    func end(_ index: Int, _ outcome: ConvertJob.Outcome) {
        state.withLock { state in
            state.active[index] = nil
            state.done += 1
            if state.barShown {
                Terminal.status("")
                state.barShown = false
            }
            if outcome.status == .interrupted { return }
            switch style {
            case .json: Terminal.result(Self.json(outcome))
            case .people where outcome.sentence == nil:
                if let remark, !state.remarkMade { Terminal.note(remark) }
                if let used = outcome.wire, used != wire, !state.remarkMade {
                    Terminal.note("The relay does not take \(wire.format): the sound went as \(used.format).")
                }
                state.remarkMade = true
                Terminal.result(Self.line(outcome))
                if outcome.clippedSamples > 0 {
                    Terminal.note(
                        "\(outcome.item.output): samples cut off at full scale: \(outcome.clippedSamples); "
                            + "--format wav-float would keep them.")
                }
            case .people, .quiet: break
            }
            if let sentence = outcome.sentence, style != .json { Terminal.error(sentence) }
        }
    }

    func finish(_ outcomes: [ConvertJob.Outcome]) {
        state.withLock { state in
            state.clock?.cancel()
            state.clock = nil
            if state.barShown { Terminal.status("") }
        }
        guard style == .people else { return }
        if count > 1 {
            let good = outcomes.count { $0.status == .success }
            Terminal.note("\(good) of \(count) files converted")
        }
    }

    private func draw() {
        state.withLock { state in
            guard !state.active.isEmpty else { return }
            state.barShown = true
            Terminal.status(bar(state))
        }
    }

    /// `speech.wav  ━━━━━━━━──────  43 %  12.3x  0:34 left`
    private func bar(_ state: State) -> String {
        var converted = 0
        var total = 0
        var speed = 0.0
        for active in state.active.values {
            let samples = active.progress.samples
            converted += min(samples.converted, samples.total)
            total += samples.total
            let elapsed = active.start.duration(to: .now) / .seconds(1)
            speed += Double(samples.converted) / Double(RelayProtocol.sampleRate) / max(elapsed, 0.001)
        }
        let share = total > 0 ? Double(converted) / Double(total) : 0
        let secondsLeft = speed > 0 ? Double(total - converted) / Double(RelayProtocol.sampleRate) / speed : 0
        let name =
            count == 1
            ? Self.short(state.active.first?.value.item.input ?? "")
            : "\(state.done + state.active.count)/\(count) files"
        let numbers = String(format: "%3.0f %%  %.1fx  %@ left", share * 100, speed, Self.clock(secondsLeft))
        let width = min(40, Terminal.columns - name.count - numbers.count - 6)
        guard width >= 5 else { return numbers }
        let filled = Int((share * Double(width)).rounded())
        let line = String(repeating: "━", count: filled)
        let rest = String(repeating: "─", count: width - filled)
        let drawn = Terminal.colours ? "\u{1B}[36m\(line)\u{1B}[2m\(rest)\u{1B}[0m" : line + rest
        return "\(name)  \(drawn)  \(numbers)"
    }

    private static func line(_ outcome: ConvertJob.Outcome) -> String {
        let speed = outcome.soundSeconds / max(outcome.seconds, 0.001)
        return "\(outcome.item.input) → \(outcome.item.output)  "
            + String(format: "%.1f s of sound in %.1f s (%.1fx)", outcome.soundSeconds, outcome.seconds, speed)
            + (outcome.creditsUsed.map { String(format: ", %d credits ($%.4f)", $0, Double($0) / 1_000_000) } ?? "")
    }

    private struct Record: Encodable {
        let input: String
        let output: String?
        let ok: Bool
        let exitCode: Int32
        let error: String?
        let soundSeconds: Double
        let seconds: Double
        let creditsUsed: Int?
        let clippedSamples: Int?
        let wire: String?
        let delayMs: Double?
    }

    private static func json(_ outcome: ConvertJob.Outcome) -> String {
        let good = outcome.status == .success
        let record = Record(
            input: outcome.item.input, output: good ? outcome.item.output : nil, ok: good,
            exitCode: outcome.status.rawValue, error: outcome.sentence, soundSeconds: outcome.soundSeconds,
            seconds: outcome.seconds, creditsUsed: outcome.creditsUsed,
            clippedSamples: good ? outcome.clippedSamples : nil, wire: outcome.wire?.format,
            delayMs: outcome.delaySamples.map { Double($0) * 1_000 / Double(RelayProtocol.sampleRate) })
        let encoder = JSONEncoder()
        encoder.keyEncodingStrategy = .convertToSnakeCase
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        guard let data = try? encoder.encode(record) else { return "{}" }
        return String(decoding: data, as: UTF8.self)
    }

    private static func short(_ path: String) -> String {
        let name = (path as NSString).lastPathComponent
        return name.count <= 30 ? name : name.prefix(14) + "…" + name.suffix(15)
    }

    private static func clock(_ seconds: Double) -> String {
        let whole = Int(min(seconds, 359_999).rounded(.up))
        let text = String(format: "%d:%02d", whole / 60 % 60, whole % 60)
        return whole >= 3600 ? "\(whole / 3600):" + String(format: "%02d:%02d", whole / 60 % 60, whole % 60) : text
    }
}
