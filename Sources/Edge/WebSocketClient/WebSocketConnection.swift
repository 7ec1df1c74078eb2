import VoiceSecureStream
import VoiceWebSocket

/// A WebSocket for tasks: connect, iterate over the messages, send, close.
///
///     let socket = try await WebSocketConnection.connect(to: WebSocketURL("wss://example.org/chat"))
///     try await socket.send("hello")
///     for try await message in socket.messages { print(message) }
///
/// Threads: usable from any task. The connection runs on a thread of its own, never on Swift concurrency's pool.
/// Back-pressure: `send` waits while the peer does not take what was sent; the socket is not read while messages wait
/// to be taken. Cancellation: every `await` ends at once with `WebSocketError.cancelled`; the connection stays.
/// Ownership: when the last reference is gone the connection is dropped; `close` first for a Close handshake.
public final class WebSocketConnection: Sendable {
    private let mailbox: ConnectionMailbox
    /// Where `connect` ended after redirects.
    public let url: WebSocketURL
    /// The subprotocol that the server chose.
    public let subprotocol: String?

    private init(mailbox: ConnectionMailbox, opened: OpenedConnection) {
        self.mailbox = mailbox
        url = opened.url
        subprotocol = opened.subprotocol
    }

    deinit {
        mailbox.abandon()
    }

    /// Connects. Bounded by the options' timeouts.
    public static func connect(
        to url: WebSocketURL, options: WebSocketOptions = WebSocketOptions()
    ) async throws(WebSocketError) -> WebSocketConnection {
        let driver = try WebSocketDriver(url: url, options: options)
        let mailbox = ConnectionMailbox(waker: driver.waker)
        try ConnectionThread.start(driver, mailbox, limits: options.limits)
        let result = await mailbox.wait { waiter in mailbox.waitForOpen(waiter) }
        if case .failure = result { mailbox.abandon() }
        return WebSocketConnection(mailbox: mailbox, opened: try result.get())
    }

    /// The messages in order of arrival. Each goes to one reader, however many iterate.
    ///
    /// Ends after a normal Close (1000, 1001 or none, or our own); throws `closed` after any other end.
    public var messages: Messages { Messages(mailbox: mailbox) }

    /// Sends a text message; returns when it is on its way to the kernel and not too much waits before it.
    public func send(_ text: String) async throws(WebSocketError) {
        try await send(.text(text))
    }

    /// Sends a binary message; the same.
    public func send(_ bytes: [UInt8]) async throws(WebSocketError) {
        try await send(.binary(bytes))
    }

    private func send(_ message: WebSocketMessage) async throws(WebSocketError) {
        try await mailbox.wait { waiter in mailbox.add(.send(message, waiter)) }.get()
    }

    /// Sends a Ping and waits for its Pong; returns the round trip.
    public func ping() async throws(WebSocketError) -> Duration {
        try await mailbox.wait { waiter in mailbox.add(.ping(waiter)) }.get()
    }

    /// Says Close behind all that was sent and waits for the end. Sends that still wait are refused.
    ///
    /// Throws `misuse` for a code that may not travel or a reason over 123 bytes (RFC 6455 §7.4, §5.5.1); a connection
    /// that has ended already gives its closure.
    @discardableResult
    public func close(
        code: UInt16 = CloseCode.normal, reason: String = ""
    ) async throws(WebSocketError) -> WebSocketClosure {
        guard CloseCode.mayTravel(code) else { throw .misuse(.invalidCloseCode(code)) }
        guard reason.utf8.count <= CloseCode.reasonBytesMax else { throw .misuse(.closeReasonTooLong) }
        mailbox.add(.close(code: code, reason: reason))
        return try await closure()
    }

    /// Waits for the end of the connection and says how it came.
    public func closure() async throws(WebSocketError) -> WebSocketClosure {
        try await mailbox.wait { waiter in mailbox.waitForClosure(waiter) }.get()
    }

    /// What went over the connection so far, at most one wake-up of its thread old.
    public var metrics: WebSocketMetrics { mailbox.metrics }

    /// Sets the ping interval in seconds, nil for none.
    public func setHeartbeat(seconds: Double?) {
        mailbox.add(.heartbeat(seconds))
    }

    /// The messages of a connection.
    public struct Messages: AsyncSequence, Sendable {
        public typealias Element = WebSocketMessage
        public typealias Failure = WebSocketError

        let mailbox: ConnectionMailbox

        public struct AsyncIterator: AsyncIteratorProtocol {
            let mailbox: ConnectionMailbox

            /// The next message, nil after a normal end.
            public mutating func next() async throws(WebSocketError) -> WebSocketMessage? {
                try await mailbox.wait { waiter in mailbox.waitForMessage(waiter) }.get()
            }

            public mutating func next(
                isolation actor: isolated (any Actor)?
            ) async throws(WebSocketError) -> WebSocketMessage? {
                let mailbox = mailbox
                return try await mailbox.wait { waiter in mailbox.waitForMessage(waiter) }.get()
            }
        }

        public func makeAsyncIterator() -> AsyncIterator { AsyncIterator(mailbox: mailbox) }
    }
}
