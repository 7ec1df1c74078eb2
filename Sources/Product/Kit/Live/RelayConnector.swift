import CRealtime
import Glibc
import Synchronization
import VoiceSecureStream
import VoiceWebSocket
import VoiceWebSocketClient

/// Opens one connection on a thread of its own: tokens, names, TCP and TLS may take seconds, and the wire thread has none.
package final class RelayConnector: Sendable {
    /// Why there is no connection, and whether another try may fare better.
    package struct Failure: Error {
        package let error: ConversionError
        package let kind: ReconnectPolicy.Failure
    }

    /// A connection, and the token that it shall begin with.
    package struct Opened {
        package let driver: WebSocketDriver
        package let token: String
    }

    /// A driver changes hands once, from the connecting thread to the wire thread.
    private struct Handed: @unchecked Sendable {
        let opened: Opened
    }

    private struct State {
        var waker: Waker?
        var isCancelled = false
        var result: Result<Handed, Failure>?
    }

    private let state = Mutex(State())
    private let liveWaker: LiveWaker
    private let endpoint: RelayEndpoint
    private let refusedToken: String?

    /// - Parameters:
    ///   - refusedToken: the token that the relay has just refused: another one is asked for.
    ///   - waker: signalled when the result is there.
    package init(_ endpoint: RelayEndpoint, refusedToken: String? = nil, waker: LiveWaker) {
        self.endpoint = endpoint
        self.refusedToken = refusedToken
        liveWaker = waker
    }

    /// The connection, or why there is none, once it is decided.
    package func takeResult() -> Result<Opened, Failure>? {
        state.withLock { $0.result }?.map(\.opened)
    }

    /// Gives up; the result is then a failure, or a connection that nobody wants any more. Does not wait for it.
    package func cancel() {
        state.withLock { state in
            state.isCancelled = true
            state.waker?.signal()
        }
    }

    /// Begins.
    package func start() {
        let body = Unmanaged.passRetained(self)
        let code = crt_thread_start(
            { context in
                guard let context else { return nil }
                Unmanaged<RelayConnector>.fromOpaque(context).takeRetainedValue().run()
                return nil
            }, body.toOpaque())
        if code != 0 {
            body.release()
            let error = WebSocketError.outOfDescriptors(errno: code)
            state.withLock { $0.result = .failure(failure(error)) }
        }
    }

    private func run() {
        crt_thread_name("connect")
        let outcome: Result<Handed, Failure>
        do throws(Failure) {
            outcome = .success(Handed(opened: try open()))
        } catch {
            outcome = .failure(error)
        }
        state.withLock { $0.result = outcome }
        liveWaker.signal()
    }

    private func open() throws(Failure) -> Opened {
        let token: String
        do throws(RelayTokens.Failure) {
            token = try endpoint.token(after: refusedToken)
        } catch {
            throw Failure(
                error: ConversionError(error.isFinal ? .refused : .unreachable, error.sentence),
                kind: error.isFinal ? .terminal : .transient(retryAfterSeconds: nil))
        }
        var options = endpoint.webSocketOptions
        options.heartbeatSeconds = 5
        do throws(WebSocketError) {
            let driver = try WebSocketDriver(url: WebSocketURL(endpoint.url), options: options)
            state.withLock { state in
                state.waker = driver.waker
                // Cancelled before the waker was there: connect then finds it signalled.
                if state.isCancelled { driver.waker.signal() }
            }
            try driver.connect()
            return Opened(driver: driver, token: token)
        } catch {
            throw failure(error)
        }
    }

    private func failure(_ error: WebSocketError) -> Failure {
        Failure(error: ConversionError(error, endpoint: endpoint), kind: error.reconnectFailure)
    }
}
