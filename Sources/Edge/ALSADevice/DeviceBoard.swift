import Synchronization

/// What the supervisor shows to others.
final class DeviceBoard: Sendable {
    private static let eventsMax = 64

    private struct State {
        var phase: DeviceStatus.Phase = .stopped
        var configuration: DeviceConfiguration?
        var isStalled = false
        var hasOnlyZeros = false
        var failure: DeviceError?
        var events: [DeviceEvent] = []
    }

    private let state = Mutex(State())
    private let memory: DeviceMemory

    init(_ memory: DeviceMemory) {
        self.memory = memory
    }

    /// Why the first opening failed.
    var failure: DeviceError? { state.withLock { $0.failure } }

    /// Only after `began`.
    var status: DeviceStatus {
        let counters = memory.counters
        return state.withLock { state in
            guard let configuration = state.configuration else { preconditionFailure("asked before it was open") }
            return DeviceStatus(
                phase: state.phase, configuration: configuration, isStalled: state.isStalled,
                hasOnlyZeros: state.hasOnlyZeros, counters: counters)
        }
    }

    func takeEvents() -> [DeviceEvent] {
        state.withLock { state in
            defer { state.events = [] }
            return state.events
        }
    }

    func failed(_ error: DeviceError) { state.withLock { $0.failure = error } }

    func began(_ configuration: DeviceConfiguration) {
        state.withLock { state in
            state.configuration = configuration
            state.phase = .running
        }
    }

    func stopped() { state.withLock { $0.phase = .stopped } }

    func lost(_ error: DeviceError) {
        change(.lost(error)) { $0.phase = .lost(error) }
    }

    /// Posts the failure of another attempt, if it is another one.
    func stillLost(_ error: DeviceError) {
        let isNew = state.withLock { state in
            guard case .lost(let known) = state.phase else { return true }
            return known.description != error.description
        }
        if isNew { change(.stillLost(error)) { $0.phase = .lost(error) } }
    }

    func recovered(_ configuration: DeviceConfiguration, afterNanoseconds: Int64) {
        change(.recovered(configuration, afterNanoseconds: afterNanoseconds)) { state in
            state.phase = .running
            state.configuration = configuration
        }
    }

    func post(_ event: DeviceEvent) {
        change(event) { state in
            switch event {
            case .stalled: state.isStalled = true
            case .movedAgain: state.isStalled = false
            case .onlyZeros: state.hasOnlyZeros = true
            case .soundReturned: state.hasOnlyZeros = false
            case .relaxed(let configuration): state.configuration = configuration
            case .lost, .recovered, .stillLost, .wrongRate: break
            }
        }
    }

    private func change(_ event: DeviceEvent, _ apply: (inout State) -> Void) {
        state.withLock { state in
            switch event {
            case .lost, .recovered:
                state.isStalled = false
                state.hasOnlyZeros = false
            case .stillLost, .stalled, .movedAgain, .onlyZeros, .soundReturned, .relaxed, .wrongRate: break
            }
            apply(&state)
            if state.events.count == Self.eventsMax { state.events.removeFirst() }
            state.events.append(event)
        }
        memory.wakeEngine()
    }
}

/// Passes one value that can't be copied from one thread to another, once.
///
/// Threads: `put` by one, `take` by another, after an event that the first has signalled behind `put`.
final class HandOver<Value: ~Copyable>: @unchecked Sendable {
    private var value: Value?

    func put(_ value: consuming Value) { self.value = consume value }

    func take() -> Value {
        guard let taken = value.take() else { preconditionFailure("nothing was handed over") }
        return taken
    }
}
