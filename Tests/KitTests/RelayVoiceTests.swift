import Testing
import VoiceKit
import VoiceRelay

/// Which voice a relay's session has, and what became of those that were asked for.
@Suite struct RelayVoiceTests {
    private let answering: Set = ["voice", "voice_answer"]

    private func words(_ events: [LiveEvent]) -> [String] {
        events.map { event in
            switch event {
            case .voiceChanged(let name): "changed \(name)"
            case .voiceRefused(let name, let reason): "refused \(name): \(reason)"
            default: "\(event)"
            }
        }
    }

    @Test func itHasChangedOnceTheRelaySaysSo() {
        var voice = RelayVoice("rachel")
        let step = voice.ask("adam", features: answering)
        #expect(step.asks && step.events.isEmpty)
        #expect(voice.current == "rachel")
        #expect(words(voice.answered(RelayVoiceAnswer(voice: "adam"))) == ["changed adam"])
        #expect(voice.current == "adam")
        _ = voice.ask("nosuch", features: answering)
        let answer = RelayVoiceAnswer(voice: "adam", refused: "nosuch", message: "unknown voice")
        #expect(words(voice.answered(answer)) == ["refused nosuch: unknown voice"])
        #expect(voice.current == "adam" && voice.forAuth == "adam")
    }

    @Test func whereThereIsNoSessionTheNextBeginsWithIt() {
        var voice = RelayVoice("rachel")
        let step = voice.ask("adam", features: nil)
        #expect(!step.asks && step.events.isEmpty)
        #expect(voice.current == "rachel" && voice.forAuth == "adam")
        #expect(words(voice.ready()) == ["changed adam"])
        #expect(voice.ready().isEmpty)
        // A session that can't have it doesn't begin; the next one has the old voice.
        _ = voice.ask("nosuch", features: nil)
        #expect(words(voice.refused("unknown voice") ?? []) == ["refused nosuch: unknown voice"])
        #expect(voice.forAuth == "adam")
        #expect(voice.refused("bad request") == nil)
    }

    /// A relay that answers no request may end the session for one that it refuses.
    @Test func whereRequestsAreNotAnsweredARefusalBringsTheOldOneBack() {
        var voice = RelayVoice("rachel")
        let step = voice.ask("nosuch", features: ["voice"])
        #expect(step.asks && words(step.events) == ["changed nosuch"])
        #expect(words(voice.refused("unknown voice") ?? []) == ["refused nosuch: unknown voice"])
        #expect(voice.forAuth == "rachel")
        #expect(voice.refused(nil) == nil)
        let none = voice.ask("adam", features: [])
        #expect(!none.asks && none.events.count == 1 && voice.current == "rachel")
    }

    @Test func everyRequestHasAnOutcome() {
        var requests = LiveVoiceRequests()
        let (first, second, third) = (requests.add("adam"), requests.add("nosuch"), requests.add("Bella"))
        #expect(requests.outcome(of: first) == nil)
        requests.note(.voiceRefused("nosuch", reason: "why"))
        #expect(requests.outcome(of: first) == .superseded)
        #expect(requests.outcome(of: second) == .refused("why"))
        requests.note(.voiceChanged("robot"))
        #expect(requests.outcome(of: third) == nil)
        requests.note(.voiceChanged("bella"))
        #expect(requests.outcome(of: third) == .changed)
        for _ in 0..<1_000 { _ = requests.add("adam") }
        #expect(requests.outcome(of: first) == nil)
    }
}
