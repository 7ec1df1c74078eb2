import CRealtime
import Glibc
import Synchronization
import VoiceSecureStream
import VoiceWebSocketClient

/// Opens one connection on a thread of its own: names, TCP and TLS may take seconds, and the wire thread has none.
final class RelayConnector: Sendable {
    /// A driver changes hands once, from the connecting thread to the wire thread.
    private struct Handed: @unchecked Sendable {
        let driver: WebSocketDriver
    }

    private let waker = Mutex<Waker?>(nil)
    private let result = Mutex<Result<Handed, WebSocketError>?>(nil)
    private let wakeDescriptor: Int32
    private let endpoint: RelayEndpoint

    /// - Parameter wakeDescriptor: an eventfd that is signalled when the result is there; outlives this.
    init(_ endpoint: RelayEndpoint, wakeDescriptor: Int32) {
        self.endpoint = endpoint
        self.wakeDescriptor = wakeDescriptor
    }

    /// The connection, or why there is none, once it is decided.
    func takeResult() -> Result<WebSocketDriver, WebSocketError>? {
        result.withLock { $0 }?.map(\.driver)
    }

    /// Gives up; the result is then `cancelled`, or a connection that nobody wants any more.
    func cancel() {
        waker.withLock { $0?.signal() }
    }

    /// Begins.
    func start() {
        let body = Unmanaged.passRetained(self)
        var attributes = pthread_attr_t()
        pthread_attr_init(&attributes)
        pthread_attr_setdetachstate(&attributes, Int32(PTHREAD_CREATE_DETACHED))
        defer { pthread_attr_destroy(&attributes) }
        var thread = pthread_t()
        let code = pthread_create(
            &thread, &attributes,
            { @Sendable context in
                guard let context else { return nil }
                Unmanaged<RelayConnector>.fromOpaque(context).takeRetainedValue().run()
                return nil
            }, body.toOpaque())
        if code != 0 {
            body.release()
            result.withLock { $0 = .failure(.outOfDescriptors(errno: code)) }
        }
    }

    private func run() {
        crt_thread_name("connect")
        var options = endpoint.webSocketOptions
        options.heartbeatSeconds = 5
        let outcome: Result<Handed, WebSocketError>
        do throws(WebSocketError) {
            let driver = try WebSocketDriver(url: WebSocketURL(endpoint.url), options: options)
            waker.withLock { $0 = driver.waker }
            try driver.connect()
            outcome = .success(Handed(driver: driver))
        } catch {
            outcome = .failure(error)
        }
        result.withLock { $0 = outcome }
        crt_eventfd_signal(wakeDescriptor)
    }
}
