import VoiceRelay

/// The voice of a relay's session: the one in force, and the one that was asked for. No I/O.
package struct RelayVoice {
    /// What to tell, and whether the relay is to be asked.
    package struct Step {
        package var asks = false
        package var events: [LiveEvent] = []
    }

    /// The one that is heard, as far as is known.
    package private(set) var current: String
    /// Asked for and not answered yet; the next session begins with it.
    private var wanted: String?
    /// In force before a change that this relay does not answer: a relay may refuse it by ending the session.
    private var previous: String?

    package init(_ name: String) {
        current = name
    }

    /// What a session that begins now is asked for.
    package var forAuth: String { wanted ?? current }

    /// - Parameter features: of the session; nil where there is none.
    package mutating func ask(_ name: String, features: Set<String>?) -> Step {
        guard let features else {
            wanted = name
            return Step()
        }
        guard features.contains(RelayProtocol.Feature.voice) else {
            return Step(
                events: [
                    .voiceRefused(name, reason: "the relay can't change the voice inside a session; start another")
                ])
        }
        if features.contains(RelayProtocol.Feature.voiceAnswer) {
            wanted = name
            return Step(asks: true)
        }
        previous = current
        current = name
        return Step(asks: true, events: [.voiceChanged(name)])
    }

    package mutating func ready() -> [LiveEvent] {
        previous = nil
        guard let wanted else { return [] }
        self.wanted = nil
        current = wanted
        return [.voiceChanged(wanted)]
    }

    package mutating func answered(_ answer: RelayVoiceAnswer) -> [LiveEvent] {
        current = answer.voice
        if wanted == answer.refused ?? answer.voice { wanted = nil }
        guard let refused = answer.refused else { return [.voiceChanged(answer.voice)] }
        return [.voiceRefused(refused, reason: answer.message ?? "the relay does not have it")]
    }

    /// The relay ended the session for a request that it refuses: nil where that was none for a voice. Else the old voice
    /// is back, and another session may begin.
    package mutating func refused(_ detail: String?) -> [LiveEvent]? {
        let reason = detail ?? "the relay does not have it"
        if let wanted {
            self.wanted = nil
            return [.voiceRefused(wanted, reason: reason)]
        }
        guard let previous else { return nil }
        self.previous = nil
        defer { current = previous }
        return [.voiceRefused(current, reason: reason)]
    }
}
