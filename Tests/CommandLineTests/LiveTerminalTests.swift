import Foundation
import ProcessSupport
import Testing

/// `quota-voice live` in a shell on a real pseudo-terminal, with a person's keys.
@Suite(.boundedCrowd) struct LiveTerminalTests {
    private struct Picture: Decodable {
        let lines: [String]
        let alternate: Bool
        let cursor: Bool

        var text: String { lines.joined(separator: "\n") }
    }

    private enum Step {
        case wait(String)
        case match(String)
        case gone(String)
        case keys(String)
        /// At least so many seconds, and until the screen shows a text.
        case hold(String, Double, String)
        case size(Int, Int)
        case show(String)

        var json: String {
            switch self {
            case .wait(let text): "[\"wait\", \(quoted(text)), 60]"
            case .gone(let text): "[\"gone\", \(quoted(text)), 60]"
            case .keys(let text): "[\"keys\", \(quoted(text))]"
            case .match(let pattern): "[\"match\", \(quoted(pattern)), 60]"
            case .hold(let text, let seconds, let shown):
                "[\"hold\", \(quoted(text)), \(seconds), \(quoted(shown))]"
            case .size(let columns, let rows): "[\"size\", \(columns), \(rows)]"
            case .show(let name): "[\"show\", \(quoted(name))]"
            }
        }

        private func quoted(_ text: String) -> String {
            let data = (try? JSONEncoder().encode(text)) ?? Data()
            return String(decoding: data, as: UTF8.self)
        }
    }

    private func run(
        _ steps: [Step], on given: LiveCards? = nil, environment: [String: String] = [:]
    ) async throws -> [String: Picture] {
        let cards = if let given { given } else { try await LiveCards() }
        let process = try RunningProcess(
            "/usr/bin/python3", [Checkout.root + "/Tests/Support/Peers/terminal.py"] + steps.map(\.json),
            environment: cards.environment.merging(environment) { $1 }, folder: cards.scratch.path)
        let result = try await process.result(within: 300)
        #expect(result.status == 0, "\(result.errors)")
        return try JSONDecoder().decode([String: Picture].self, from: Data(result.output.utf8))
    }

    private var live: String { "\(Checkout.binary) live --local --input mic --output spk" }

    @Test func theScreenShowsWhatMattersAtEachSizeAndGivesTheTerminalBack() async throws {
        let shown = try await run([
            .wait("$"), .keys("stty -g > before; \(live)\r"), .wait("q quit"), .wait("delay "), .gone("delay –"),
            .wait("in  ━"), .show("wide"), .size(60, 20), .wait("q quit"), .show("narrow"), .keys("m"), .wait("MUTED"),
            .keys("m"), .gone("MUTED"), .keys("v"), .gone("rachel"), .keys("V"), .wait("rachel"), .keys("+"),
            .wait("gain +1 dB"),
            .keys("r"), .wait("● REC"), .keys("r"), .wait("recorded"), .keys("q"), .wait("  local  delay"),
            .keys("stty -g > after; echo status $?\r"), .wait("status 0"), .show("after"),
            .keys("cmp before after && echo the same terminal\r"), .wait("\nthe same terminal"),
        ])
        let wide = try #require(shown["wide"])
        #expect(wide.alternate)
        #expect(!wide.cursor)
        for part in [
            "rachel · on this machine", "in  ━", "microphone: mic", "speaker: spk", "period ", "filters ", "buffer ",
            "drift ", "xruns ", "gaps ", "dropped ", "time 0:", "m mute",
        ] { #expect(wide.text.contains(part), "\(part) in\n\(wide.text)") }
        let narrow = try #require(shown["narrow"])
        for part in ["speaker: spk", "delay ", "speaker 1", "drift ", "time 0:", "q quit"] {
            #expect(narrow.text.contains(part), "\(part) in\n\(narrow.text)")
        }
        let after = try #require(shown["after"])
        #expect(!after.alternate)
        #expect(after.cursor)
    }

    @Test func heldSpaceTalksAndControlZAndControlCGiveTheTerminalBack() async throws {
        let shown = try await run([
            .wait("$"), .keys("stty -g > before; \(live) --push-to-talk\r"), .wait("hold space to talk"),
            .hold(" ", 2, "TALKING"), .show("held"), .wait("hold space to talk"),
            .keys("\u{1A}"), .wait("Stopped"), .show("stopped"),
            .keys("stty -g > stopped; fg\r"), .wait("hold space to talk"), .show("again"),
            .keys("\u{3}"), .wait("  local  delay"), .keys("echo status $?\r"), .wait("status 130"),
            .keys("stty -g > after; cmp before after && cmp before stopped && echo the same terminal\r"),
            .wait("\nthe same terminal"),
        ])
        #expect(try #require(shown["held"]).text.contains("TALKING"))
        #expect(try #require(shown["stopped"]).alternate == false)
        #expect(try #require(shown["again"]).alternate)
    }

    /// The window is closed: what is recorded is whole, and nothing else is left.
    @Test func aClosedTerminalEndsItCleanly() async throws {
        let cards = try await LiveCards()
        let shown = try await run(
            [
                .wait("$"), .keys("\(live) --record take.wav\r"), .wait("● REC"),
                // A machine that stands still for a second shows not each of them.
                .match("time 0:(0[2-9]|[1-5])"), .show("before"),
            ],
            on: cards)
        #expect(shown["before"]?.alternate == true)
        let deadline = ContinuousClock.now + .seconds(60)
        func rest() -> [String] {
            cards.scratch.files.filter { $0.hasSuffix(".part") || $0.hasSuffix(".sock") }
        }
        while !rest().isEmpty, ContinuousClock.now < deadline { try await pause(.milliseconds(50)) }
        #expect(rest().isEmpty)
        for name in ["take.original.wav", "take.converted.wav"] {
            #expect(try WaveSound(file: cards.scratch(name)).frames > 24_000, "\(name)")
        }
    }

    /// Lines instead of a screen, and no keys.
    @Test func aDumbTerminalGetsLines() async throws {
        let shown = try await run([
            .wait("$"), .keys("TERM=dumb \(live) --max-duration 12; echo status $?\r"), .wait("  local  delay"),
            .show("lines"), .wait("status 0"),
        ])
        let lines = try #require(shown["lines"])
        #expect(!lines.alternate)
        #expect(lines.cursor)
        #expect(!lines.text.contains("q quit"))
    }
}
