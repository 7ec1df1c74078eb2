import VoiceWebSocket

/// A task that waits for one answer. The number makes it possible to cancel it.
struct Waiter<Value: Sendable>: Sendable {
    let number: UInt64
    let continuation: CheckedContinuation<Result<Value, WebSocketError>, Never>

    func resume(_ result: Result<Value, WebSocketError>) {
        continuation.resume(returning: result)
    }
}

/// What a task wants from a connection's thread.
enum ConnectionCommand: Sendable {
    case send(WebSocketMessage, Waiter<Void>)
    case ping(Waiter<Duration>)
    case close(code: UInt16, reason: String)
    case heartbeat(Double?)

    /// Tells the task that waits, if one does.
    func refuse(_ error: WebSocketError) {
        switch self {
        case .send(_, let waiter): waiter.resume(.failure(error))
        case .ping(let waiter): waiter.resume(.failure(error))
        case .close, .heartbeat: break
        }
    }

    func isWaited(by number: UInt64) -> Bool {
        switch self {
        case .send(_, let waiter): waiter.number == number
        case .ping(let waiter): waiter.number == number
        case .close, .heartbeat: false
        }
    }
}

/// What `connect` found out.
struct OpenedConnection: Sendable {
    var url: WebSocketURL
    var subprotocol: String?
}

/// What stands under the mailbox's lock. Its methods return what is to be done once the lock is free: continuations are
/// never resumed under it.
struct MailboxState {
    typealias MessageResult = Result<WebSocketMessage?, WebSocketError>

    /// The inbox is full at either.
    static let inboxMessagesMax = 1024
    static let inboxBytesMax = 1 << 20

    var opening: Waiter<OpenedConnection>?
    var openResult: Result<OpenedConnection, WebSocketError>?
    private(set) var commands: [ConnectionCommand] = []
    private var inbox: [WebSocketMessage] = []
    private var firstMessage = 0
    private var inboxBytes = 0
    private var readers: [Waiter<WebSocketMessage?>] = []
    var closureWaiters: [Waiter<WebSocketClosure>] = []
    private(set) var closure: WebSocketClosure?
    private var hasClosed = false
    /// Pings on the wire, in order.
    private var pings: [(number: UInt64, waiter: Waiter<Duration>)] = []
    /// Cancelled before they registered, or after they were answered.
    var cancelledEarly: Set<UInt64> = []
    var isAbandoned = false
    var metrics = WebSocketMetrics()

    /// Adds a command; returns those that are refused by it, and why.
    mutating func add(_ command: ConnectionCommand) -> (refused: [ConnectionCommand], WebSocketError) {
        if let closure { return ([command], .closed(closure)) }
        guard !hasClosed else { return ([command], .misuse(.notOpen)) }
        guard case .close = command else {
            commands.append(command)
            return ([], .cancelled)
        }
        // A Close does not wait for sends that have no room, or a peer that reads nothing could hold it up for ever.
        hasClosed = true
        defer { commands = [command] }
        return (commands, .misuse(.notOpen))
    }

    /// The next command; a send only when `hasRoom` for its bytes.
    mutating func takeCommand(hasRoom: (Int) -> Bool) -> ConnectionCommand? {
        guard let first = commands.first else { return nil }
        if case .send(let message, _) = first, !hasRoom(message.byteCount) { return nil }
        return commands.removeFirst()
    }

    var isFull: Bool {
        // After our own Close messages no longer come, but the peer's Close must.
        !hasClosed && (inbox.count - firstMessage >= Self.inboxMessagesMax || inboxBytes >= Self.inboxBytesMax)
    }

    /// Keeps a message, or returns the reader that gets it.
    mutating func deliver(_ message: WebSocketMessage) -> Waiter<WebSocketMessage?>? {
        guard readers.isEmpty else { return readers.removeFirst() }
        inbox.append(message)
        inboxBytes += message.byteCount
        return nil
    }

    /// A message or the end for the reader now; nil when it has to wait.
    mutating func read(_ waiter: Waiter<WebSocketMessage?>) -> MessageResult? {
        guard firstMessage < inbox.count else {
            if let closure { return closure.endOfMessages }
            readers.append(waiter)
            return nil
        }
        let message = inbox[firstMessage]
        inbox[firstMessage] = .binary([])
        inboxBytes -= message.byteCount
        firstMessage += 1
        if firstMessage == inbox.count || firstMessage == Self.inboxMessagesMax {
            inbox.removeFirst(firstMessage)
            firstMessage = 0
        }
        return .success(message)
    }

    /// Keeps the waiter of a Ping; false when it was cancelled before.
    mutating func pingSent(_ number: UInt64, _ waiter: Waiter<Duration>) -> Bool {
        guard !cancelledEarly.contains(waiter.number) else { return false }
        pings.append((number, waiter))
        return true
    }

    /// Takes the pings up to a number.
    mutating func answered(upTo number: UInt64) -> [Waiter<Duration>] {
        let count = pings.prefix { $0.number <= number }.count
        defer { pings.removeFirst(count) }
        return pings.prefix(count).map(\.waiter)
    }

    /// The connection has ended; returns what tells everybody who waits.
    mutating func end(_ closure: WebSocketClosure) -> () -> Void {
        let (waiters, readers, pings, commands) = (closureWaiters, readers, pings, commands)
        self.closure = closure
        closureWaiters = []
        self.readers = []
        self.pings = []
        self.commands = []
        return {
            for waiter in waiters { waiter.resume(.success(closure)) }
            for reader in readers { reader.resume(closure.endOfMessages) }
            for ping in pings { ping.waiter.resume(.failure(.closed(closure))) }
            for command in commands { command.refuse(.closed(closure)) }
        }
    }

    /// Removes the waiter of that number; returns what tells it. nil when it is not there (any more, or yet).
    mutating func cancel(_ number: UInt64) -> (() -> Void)? {
        if let index = commands.firstIndex(where: { $0.isWaited(by: number) }) {
            let command = commands.remove(at: index)
            return { command.refuse(.cancelled) }
        }
        if let index = readers.firstIndex(where: { $0.number == number }) {
            let reader = readers.remove(at: index)
            return { reader.resume(.failure(.cancelled)) }
        }
        if let index = closureWaiters.firstIndex(where: { $0.number == number }) {
            let waiter = closureWaiters.remove(at: index)
            return { waiter.resume(.failure(.cancelled)) }
        }
        if let index = pings.firstIndex(where: { $0.waiter.number == number }) {
            let ping = pings.remove(at: index)
            return { ping.waiter.resume(.failure(.cancelled)) }
        }
        return nil
    }
}

extension WebSocketMessage {
    var byteCount: Int {
        switch self {
        case .text(let text): text.utf8.count
        case .binary(let bytes): bytes.count
        }
    }
}

extension WebSocketClosure {
    /// What a reader gets behind the last message: nil after a normal end, an error after any other.
    var endOfMessages: MailboxState.MessageResult {
        switch cause {
        case .local where wasClean: .success(nil)
        case .peer where wasClean && [CloseCode.normal, CloseCode.goingAway, CloseCode.noStatus].contains(code):
            .success(nil)
        case .peer, .local, .violation, .heartbeatLost, .endOfStream, .transportFailed, .closeTimeout, .aborted:
            .failure(.closed(self))
        }
    }
}
