import Synchronization
import VoiceWebSocket

/// What tasks and the thread of a connection share: commands one way, messages and answers the other.
///
/// Threads: any. Memory: each command belongs to a task that waits for it, the inbox is bounded.
final class ConnectionMailbox: Sendable {
    private let waker: Waker
    private let lastNumber = Atomic<UInt64>(0)
    private let state = Guarded(MailboxState())

    init(waker: Waker) {
        self.waker = waker
    }

    // MARK: - For tasks

    /// Suspends until the waiter given to `register` is resumed, by its answer or by the task's cancellation.
    func wait<Value: Sendable>(_ register: (Waiter<Value>) -> Void) async -> Result<Value, WebSocketError> {
        let number = lastNumber.add(1, ordering: .relaxed).newValue
        defer { state.withLock { _ = $0.cancelledEarly.remove(number) } }
        return await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let waiter = Waiter<Value>(number: number, continuation: continuation)
                guard !wasCancelled(number) else { return waiter.resume(.failure(.cancelled)) }
                register(waiter)
                // Cancelled between the look above and the registration: it can be found now.
                if wasCancelled(number) { cancel(number) }
            }
        } onCancel: {
            cancel(number)
        }
    }

    private func wasCancelled(_ number: UInt64) -> Bool {
        state.withLock { $0.cancelledEarly.contains(number) }
    }

    private func cancel(_ number: UInt64) {
        let (resume, isOpening) = state.withLock { state -> ((() -> Void)?, Bool) in
            // The thread itself answers a cancelled `connect`, at once.
            if state.opening?.number == number { return (nil, true) }
            let resume = state.cancel(number)
            if resume == nil { state.cancelledEarly.insert(number) }
            return (resume, false)
        }
        if isOpening { waker.signal() }
        resume?()
    }

    func waitForOpen(_ waiter: Waiter<OpenedConnection>) {
        let result = state.withLock { state in
            if state.openResult == nil { state.opening = waiter }
            return state.openResult
        }
        if let result { waiter.resume(result) }
    }

    func waitForMessage(_ waiter: Waiter<WebSocketMessage?>) {
        let (result, hasRoomAgain) = state.withLock { state in
            let wasFull = state.isFull
            let result = state.read(waiter)
            return (result, wasFull && !state.isFull)
        }
        if hasRoomAgain { waker.signal() }
        if let result { waiter.resume(result) }
    }

    func waitForClosure(_ waiter: Waiter<WebSocketClosure>) {
        let closure = state.withLock { state in
            if state.closure == nil { state.closureWaiters.append(waiter) }
            return state.closure
        }
        if let closure { waiter.resume(.success(closure)) }
    }

    func add(_ command: ConnectionCommand) {
        let (refused, error) = state.withLock { $0.add(command) }
        for command in refused { command.refuse(error) }
        waker.signal()
    }

    var metrics: WebSocketMetrics { state.withLock { $0.metrics } }

    /// Nobody holds the connection any more.
    func abandon() {
        state.withLock { $0.isAbandoned = true }
        waker.signal()
    }

    // MARK: - For the thread

    func opened(_ result: Result<OpenedConnection, WebSocketError>) {
        let waiter = state.withLock { state in
            state.openResult = result
            defer { state.opening = nil }
            return state.opening
        }
        waiter?.resume(result)
    }

    var isAbandoned: Bool { state.withLock { $0.isAbandoned } }

    /// Whether no message should be read.
    var isFull: Bool { state.withLock { $0.isFull } }

    func takeCommand(hasRoom: (Int) -> Bool) -> ConnectionCommand? {
        state.withLock { $0.takeCommand(hasRoom: hasRoom) }
    }

    /// Hands a message to a reader or the inbox.
    func deliver(_ message: WebSocketMessage) {
        let reader = state.withLock { $0.deliver(message) }
        reader?.resume(.success(message))
    }

    func pingSent(_ number: UInt64, _ waiter: Waiter<Duration>) {
        let isKept = state.withLock { $0.pingSent(number, waiter) }
        if !isKept { waiter.resume(.failure(.cancelled)) }
    }

    /// Publishes the metrics and answers the pings up to a number.
    func publish(_ metrics: WebSocketMetrics, answeredPing number: UInt64) {
        let waiters = state.withLock { state in
            state.metrics = metrics
            return state.answered(upTo: number)
        }
        for waiter in waiters { waiter.resume(.success(.nanoseconds(metrics.roundTripNanoseconds ?? 0))) }
    }

    func ended(_ closure: WebSocketClosure) {
        let tellAll = state.withLock { $0.end(closure) }
        tellAll()
    }
}
