import CRealtime
import Glibc
import Synchronization
import VoiceRealtime
import VoiceWebSocketClient

/// What a session's user asks of its wire thread.
enum LiveCommand: Sendable {
    case mute(Bool)
    case bypass(Bool)
    case gain(decibels: Double)
    case gate(decibels: Double?)
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
    }

    private let state = Mutex(State())
    private let stopRequested = Atomic<Bool>(false)
    /// An eventfd: a command has come, or a connection.
    let wakeDescriptor: Int32

    init() throws(WebSocketError) {
        wakeDescriptor = crt_eventfd_create()
        guard wakeDescriptor >= 0 else { throw .outOfDescriptors(errno: errno) }
    }

    deinit {
        close(wakeDescriptor)
    }

    // MARK: - From any thread

    func send(_ command: LiveCommand) {
        state.withLock { $0.commands.append(command) }
        crt_eventfd_signal(wakeDescriptor)
    }

    func requestStop() {
        stopRequested.store(true, ordering: .releasing)
        crt_eventfd_signal(wakeDescriptor)
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

    func drainWake() { crt_eventfd_drain(wakeDescriptor) }

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
            if state.events.count > Self.eventsMax { state.events.removeFirst(state.events.count - Self.eventsMax) }
        }
    }

    func publish(_ snapshot: LiveSnapshot) { state.withLock { $0.snapshot = snapshot } }
}
