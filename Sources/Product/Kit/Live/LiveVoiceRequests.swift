/// A request for another voice, for ``LiveSession/outcome(of:)``.
public struct LiveVoiceRequest: Sendable, Hashable {
    let number: Int
}

/// What became of a request for another voice.
public enum LiveVoiceOutcome: Sendable, Hashable {
    case changed
    /// The old voice goes on; the sentence says why.
    case refused(String)
    /// Another voice was asked for before this one was there.
    case superseded
}

/// The requests for voices that have an outcome, or will have one. They are answered in the order of asking.
package struct LiveVoiceRequests {
    private static let kept = 64
    private var count = 0
    private var open: [(request: LiveVoiceRequest, name: String)] = []
    private var outcomes: [LiveVoiceRequest: LiveVoiceOutcome] = [:]

    package init() {}

    package mutating func add(_ name: String) -> LiveVoiceRequest {
        count += 1
        let request = LiveVoiceRequest(number: count)
        open.append((request, name))
        if open.count > Self.kept { open.removeFirst() }
        outcomes[LiveVoiceRequest(number: count - Self.kept)] = nil
        return request
    }

    package mutating func note(_ event: LiveEvent) {
        switch event {
        case .voiceChanged(let name): settle(name, .changed)
        case .voiceRefused(let name, let reason): settle(name, .refused(reason))
        default: break
        }
    }

    private mutating func settle(_ name: String, _ outcome: LiveVoiceOutcome) {
        guard let index = open.firstIndex(where: { $0.name.lowercased() == name.lowercased() }) else { return }
        for entry in open[..<index] { outcomes[entry.request] = .superseded }
        outcomes[open[index].request] = outcome
        open.removeFirst(index + 1)
    }

    package func outcome(of request: LiveVoiceRequest) -> LiveVoiceOutcome? { outcomes[request] }
}
