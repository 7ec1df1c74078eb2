import Synchronization
import VoiceRealtime
import VoiceWebSocketClient

/// What a session's user asks of its wire thread.
enum LiveCommand: Sendable {
    case mute(Bool)
    case bypass(Bool)
    case gain(decibels: Double)
    case gate(decibels: Double?)
    case mix(Double)
    case move(LiveVoice)
    case voice(LiveVoice)
}

/// Where the wire thread and everybody else meet. Nobody holds it for longer than a copy takes.
final class LiveBoard: Sendable {
    private static let eventsMax = 256

    private struct State {
        var commands: [LiveCommand] = []
        var events: [LiveEvent] = []
        var snapshot = LiveSnapshot()
        var tap: LiveTapEnds?
        var requests = LiveVoiceRequests()
    }

    private let state = Mutex(State())
    private let stopRequested = Atomic<Bool>(false)
    /// A command has come, or a connection.
    let waker: LiveWaker

    init() throws(WebSocketError) {
        waker = try LiveWaker()
    }

    // MARK: - From any thread

    func send(_ command: LiveCommand) {
        state.withLock { $0.commands.append(command) }
        waker.signal()
    }

    /// As `send`; what becomes of it is told by `outcome`.
    func request(_ voice: LiveVoice) -> LiveVoiceRequest {
        let request = state.withLock { state in
            defer { state.commands.append(.voice(voice)) }
            return state.requests.add(voice.name)
        }
        waker.signal()
        return request
    }

    func outcome(of request: LiveVoiceRequest) -> LiveVoiceOutcome? {
        state.withLock { $0.requests.outcome(of: request) }
    }

    func requestStop() {
        stopRequested.store(true, ordering: .releasing)
        waker.signal()
    }

    var snapshot: LiveSnapshot { state.withLock { $0.snapshot } }

    func takeEvents() -> [LiveEvent] {
        state.withLock { state in
            defer { state.events = [] }
            return state.events
        }
    }

    func attach(_ tap: LiveTapEnds?) { state.withLock { $0.tap = tap } }

    // MARK: - From the wire thread

    var isStopRequested: Bool { stopRequested.load(ordering: .acquiring) }

    var tapEnds: LiveTapEnds? { state.withLock { $0.tap } }

    func takeCommands() -> [LiveCommand] {
        state.withLock { state in
            if state.commands.isEmpty { return [] }
            defer { state.commands = [] }
            return state.commands
        }
    }

    func post(_ events: [LiveEvent]) {
        guard !events.isEmpty else { return }
        state.withLock { state in
            state.events += events
            for event in events { state.requests.note(event) }
            if state.events.count > Self.eventsMax { state.events.removeFirst(state.events.count - Self.eventsMax) }
        }
    }

    func publish(_ snapshot: LiveSnapshot) { state.withLock { $0.snapshot = snapshot } }
}
